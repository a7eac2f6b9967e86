"""One event -> the item it shows as. Pure; knows no turns and no numbering (ids of numbered items are given)."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any, Literal, TypeVar, get_args

from protocol import item as wire
from protocol.turn import TurnError
from protocol.wire import UNSET, Json, UnsetType
from rollout import events, reviews
from rollout.model_items import as_list, as_object
from rollout.quoting import join

T = TypeVar("T")
WorkStatus = Literal["inProgress", "completed", "failed", "declined"]

_REVIEW_ASKED = "Review requested."
_REVIEW_SILENT = "Reviewer failed to output a response."
WORK_STATUS: dict[str, WorkStatus] = {
    "in_progress": "inProgress",
    "inProgress": "inProgress",
    "completed": "completed",
    "failed": "failed",
    "declined": "declined",
}
_VERDICTS: dict[str, WorkStatus] = {
    "in_progress": "inProgress",
    "denied": "declined",
    "aborted": "declined",
    "timed_out": "failed",
}
_SEARCH_MEMBERS = {"search": ("query", "queries"), "open_page": ("url",), "find_in_page": ("url", "pattern")}
_COMMAND_MEMBERS = {"read": ("name", "path"), "list_files": ("path",), "search": ("query", "path")}


def camel(name: str) -> str:
    """``response_stream_disconnected`` -> ``responseStreamDisconnected``."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def optional(value: T | UnsetType | None) -> T | None:
    """What was left out reads as null."""
    return None if value is UNSET else value


def turn_error(event: events.Error) -> TurnError:
    """The error as clients see it, its kind in camelCase."""
    return TurnError(message=event.message, codex_error_info=_error_kind(event.codex_error_info))


def _error_kind(kind: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
    if isinstance(kind, dict):
        return {camel(name): _camel_members(detail) for name, detail in kind.items()}
    return None if kind is None else camel(kind)


def _camel_members(detail: Json) -> Json:
    return {camel(name): value for name, value in as_object(detail).items()} if isinstance(detail, dict) else detail


def user_message(item_id: str, event: events.UserMessage) -> wire.UserMessage:
    """Text first (unless blank), then image URLs, then image files."""
    content: list[wire.UserInput] = []
    if event.message.strip():
        content.append(wire.TextInput(text=event.message, text_elements=text_elements(event.text_elements)))
    images = with_details(optional(event.images) or [], optional(event.image_details))
    content += [wire.ImageInput(url=url, detail=image_detail(detail)) for url, detail in images]
    files = with_details(event.local_images, optional(event.local_image_details))
    content += [wire.LocalImageInput(path=path, detail=image_detail(detail)) for path, detail in files]
    return wire.UserMessage(id=item_id, client_id=optional(event.client_id), content=content)


def with_details(images: list[str], details: list[str | None] | None) -> Iterator[tuple[str, str | None]]:
    """Each image with its detail, None where none is said."""
    return zip(images, chain(details or (), repeat(None)), strict=False)


def image_detail(detail: str | None) -> wire.ImageDetail | None:
    """The detail asked for, if it is one we know."""
    known: tuple[wire.ImageDetail, ...] = get_args(wire.ImageDetail)
    return next((each for each in known if each == detail), None)


def text_elements(elements: list[events.TextElement]) -> list[wire.TextElement]:
    """The stand-ins of a text in wire form."""
    return [
        wire.TextElement(
            byte_range=wire.ByteRange(start=each.byte_range.start, end=each.byte_range.end),
            placeholder=each.placeholder,
        )
        for each in elements
    ]


def agent_message(item_id: str, event: events.AgentMessage) -> wire.AgentMessage:
    """What the model said."""
    return wire.AgentMessage(
        id=item_id, text=event.message, phase=event.phase, memory_citation=_citation(event.memory_citation)
    )


def _citation(stored: Json) -> Json:
    """Entries in camelCase; the ids of the threads that they come from have another name on the wire."""
    if not isinstance(stored, dict):
        return stored
    citation = as_object(_camel_members(stored))
    entries = [_camel_members(entry) for entry in as_list(citation.pop("entries", []))]
    return {"entries": entries, "threadIds": citation.pop("rolloutIds", []), **citation}


def entered_review(item_id: str, event: events.EnteredReviewMode) -> wire.EnteredReviewMode:
    """The hint the user gave, or that there was none."""
    return wire.EnteredReviewMode(id=item_id, review=optional(event.user_facing_hint) or _REVIEW_ASKED)


def exited_review(item_id: str, event: events.ExitedReviewMode) -> wire.ExitedReviewMode:
    """What the reviewer found."""
    return wire.ExitedReviewMode(id=item_id, review=reviews.render(event.review_output) or _REVIEW_SILENT)


def command(event: events.ExecCommandEnd) -> wire.CommandExecution:
    """A command that ended or was refused; one that was refused has no exit code and took no time."""
    declined = event.status == "declined"
    return wire.CommandExecution(
        id=event.call_id,
        command=join(event.command),
        cwd=event.cwd,
        process_id=optional(event.process_id),
        source=camel(event.source),
        status=WORK_STATUS.get(event.status, "completed"),
        command_actions=[command_action(each, event.cwd) for each in event.parsed_cmd],
        aggregated_output=event.aggregated_output or None,
        exit_code=None if declined else event.exit_code,
        duration_ms=None if declined else event.duration.milliseconds,
    )


def command_action(parsed: dict[str, Any], cwd: str) -> dict[str, Any]:
    """What a command seems to do; the path of a read is made absolute."""
    kind = str(parsed.get("type", "unknown"))
    action = {"type": camel(kind), "command": parsed.get("cmd", "")}
    action |= {name: parsed.get(name) for name in _COMMAND_MEMBERS.get(kind, ())}
    if kind == "read":
        action["path"] = os.path.normpath(os.path.join(cwd, str(action["path"])))
    return action


def file_change(event: events.PatchApplyEnd) -> wire.FileChange:
    """A patch that was applied, failed or was refused; its files in order of path."""
    changes = [changed_file(path, change) for path, change in sorted(event.changes.items())]
    stated = optional(event.status) or ("completed" if event.success else "failed")
    return wire.FileChange(id=event.call_id, changes=changes, status=WORK_STATUS.get(stated, "failed"))


def changed_file(path: str, change: dict[str, Any]) -> wire.FileUpdateChange:
    """One file of a patch, as clients see it, from its durable form."""
    kind = change.get("type", "update")
    if kind != "update":
        return wire.FileUpdateChange(path=path, kind={"type": kind}, diff=change.get("content", ""))
    target = change.get("move_path")
    diff = change.get("unified_diff", "") + (f"\n\nMoved to: {target}" if target else "")
    return wire.FileUpdateChange(path=path, kind={"type": kind, "move_path": target}, diff=diff)


def mcp_call(event: events.McpToolCallEnd) -> wire.McpToolCall:
    """A call of a tool of an MCP server."""
    answer = event.result.get("Ok")
    failed = answer is None or bool(answer.get("isError"))
    return wire.McpToolCall(
        id=event.call_id,
        server=event.invocation.server,
        tool=event.invocation.tool,
        status="failed" if failed else "completed",
        arguments=event.invocation.arguments,
        mcp_app_resource_uri=event.mcp_app_resource_uri or UNSET,
        result=None if answer is None else _mcp_result(answer),
        error={"message": event.result.get("Err", "")} if answer is None else None,
        duration_ms=event.duration.milliseconds,
    )


def _mcp_result(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer.get(name) for name in ("content", "structuredContent", "_meta")}


def dynamic_request(event: events.DynamicToolCallRequest) -> wire.DynamicToolCall:
    """A tool of the client was called."""
    return wire.DynamicToolCall(
        id=event.call_id, namespace=event.namespace, tool=event.tool, arguments=event.arguments, status="inProgress"
    )


def dynamic_response(event: events.DynamicToolCallResponse) -> wire.DynamicToolCall:
    """A tool of the client answered."""
    return wire.DynamicToolCall(
        id=event.call_id,
        namespace=event.namespace,
        tool=event.tool,
        arguments=event.arguments,
        status="completed" if event.success else "failed",
        content_items=event.content_items,
        success=event.success,
        duration_ms=event.duration.milliseconds,
    )


def web_search(event: events.WebSearchEnd) -> wire.WebSearch:
    """A search of the provider. Every member its kind of action can have is present."""
    return wire.WebSearch(id=event.call_id, query=event.query, action=_search_action(event.action))


def _search_action(action: dict[str, Any] | None) -> dict[str, Any] | None:
    if action is None:
        return None
    kind = str(action.get("type", "other"))
    return {"type": camel(kind)} | {name: action.get(name) for name in _SEARCH_MEMBERS.get(kind, ())}


def image_view(event: events.ViewImageToolCall) -> wire.ImageView:
    """An image file the model looked at."""
    return wire.ImageView(id=event.call_id, path=event.path)


def image_generation(event: events.ImageGenerationEnd) -> wire.ImageGeneration:
    """An image the provider made."""
    return wire.ImageGeneration(
        id=event.call_id,
        status=event.status,
        revised_prompt=optional(event.revised_prompt),
        result=event.result,
        saved_path=event.saved_path or UNSET,
    )


def judged_command(event: events.GuardianAssessment) -> wire.CommandExecution | None:
    """The command an automatic reviewer judged; None for other actions, and once approved (it then shows itself)."""
    target, status = optional(event.target_item_id), _VERDICTS.get(event.status)
    text = _judged_text(event.action)
    if target is None or status is None or text is None:
        return None
    return wire.CommandExecution(
        id=target,
        command=text,
        cwd=str(event.action.get("cwd", "")),
        status=status,
        command_actions=[{"type": "unknown", "command": text}],
    )


def _judged_text(action: dict[str, Any]) -> str | None:
    match action:
        case {"type": "command", "command": str(text)}:
            return text
        case {"type": "execve", "program": str(program)}:
            return join([str(word) for word in action.get("argv") or [program]])
        case _:
            return None
