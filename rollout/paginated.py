"""The newer, paginated form of a rollout: whole items in ``item_completed`` events. Knows no lines.

Such a file has an ``ordinal`` in every line and ``history_mode: "paginated"`` in its meta. Its turns have the same
boundaries as in the legacy form, but its items are stored as they are, with stable ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec.structs import asdict, replace

from protocol import item as wire
from protocol.wire import UNSET, Record
from rollout import agents, events, mapping
from rollout import stored_kinds as kinds
from rollout.model_items import as_object
from rollout.stored_kinds import Stored
from rollout.user_input import Part, shown

_NO_TIME = events.Duration(secs=0, nanos=0)


class StoredItem(Record):
    """A final item of turn ``turn_id`` in a paginated rollout; ``events`` say the same in the legacy form.

    ``payload``: its ``item_completed``, if it is yet to be written, or if the legacy form cannot say it.
    """

    turn_id: str
    item: wire.ThreadItem
    events: list[events.DurableEvent]
    payload: dict[str, Any] | None = None


class _Completed(Record):
    thread_id: str = ""
    turn_id: str
    item: Stored


Said = tuple[wire.ThreadItem, list[events.DurableEvent]]


def stored_item(payload: dict[str, Any]) -> StoredItem | None:
    """The item of an ``item_completed`` payload, or None for a kind we do not know."""
    try:
        completed = msgspec.convert(payload, _Completed)
        item, said = _CONVERSIONS[type(completed.item)](completed.item, completed.turn_id)
        said = [_of_thread(each, completed.thread_id) for each in said]
    except msgspec.ValidationError:
        return None
    return StoredItem(turn_id=completed.turn_id, item=item, events=said, payload=None if said else payload)


def failure(error: dict[str, Any]) -> events.Error:
    """The ``error`` of a ``task_complete`` as an event. A kind we cannot read is left out."""
    kind: Any = error.get("codex_error_info")
    known = kind if isinstance(kind, str) else as_object(kind) or None
    return events.Error(message=str(error.get("message") or ""), codex_error_info=known)


# What was said


def _user(stored: kinds.User, _: str) -> Said:
    written = [part for part in stored.content if part.type == "text"]
    images = [part for part in stored.content if part.type == "image" and part.image_url is not UNSET]
    files = [part for part in stored.content if part.type == "local_image"]
    message = events.UserMessage(
        client_id=UNSET if stored.client_id is None else stored.client_id,
        message="".join(part.text for part in written),
        images=[part.image_url for part in images if part.image_url is not UNSET],
        image_details=_details(images),
        local_images=[part.path for part in files],
        local_image_details=_details(files),
        text_elements=[element for part in written[:1] for element in part.text_elements],
    )
    return wire.UserMessage(id=stored.id, client_id=stored.client_id, content=shown(stored.content)), [message]


def _details(parts: list[Part]) -> Any:
    details = [part.detail for part in parts]
    return details if any(details) else UNSET


def _agent(stored: kinds.Agent, _: str) -> Said:
    text = "".join(part.text for part in stored.content)
    event = events.AgentMessage(message=text, phase=stored.phase, memory_citation=stored.memory_citation)
    item = mapping.agent_message(stored.id, event)
    beyond = {"delivery": stored.delivery, "questions": stored.questions, "moderation": stored.moderation}
    return replace(item, **beyond), [event]


def _reasoning(stored: kinds.Reasoning, _: str) -> Said:
    item = wire.Reasoning(id=stored.id, summary=stored.summary_text, content=stored.raw_content)
    summary = [events.AgentReasoning(text=text) for text in item.summary]
    return item, [*summary, *(events.AgentReasoningRawContent(text=text) for text in item.content)]


def _function_output(stored: kinds.FunctionOutput, _: str) -> Said:
    output = wire.FunctionCallOutput(id=stored.id, name=stored.name, namespace=stored.namespace, output=stored.output)
    return output, []


def _hook_prompt(stored: kinds.HookPrompt, _: str) -> Said:
    fragments = [wire.HookPromptFragment(text=each.text, hook_run_id=each.hook_run_id) for each in stored.fragments]
    return wire.HookPrompt(id=stored.id, fragments=fragments), []


# What was done


def _command(stored: kinds.Command, turn_id: str) -> Said:
    event = events.ExecCommandEnd(
        call_id=stored.id,
        process_id=stored.process_id,
        turn_id=turn_id,
        command=stored.command,
        cwd=_path(stored.cwd),
        parsed_cmd=stored.parsed_cmd,
        source=stored.source,
        aggregated_output=stored.aggregated_output or "",
        exit_code=stored.exit_code or 0,
        duration=stored.duration or _NO_TIME,
        status=stored.status,
    )
    item = replace(
        mapping.command(event),
        exit_code=stored.exit_code,
        duration_ms=_milliseconds(stored.duration),
        plugin_id=stored.plugin_id,
        script_path=stored.script_path,
    )
    return item, [event]


def _file_change(stored: kinds.FileChange, turn_id: str) -> Said:
    status = stored.status or "in_progress"
    event = events.PatchApplyEnd(
        call_id=stored.id, turn_id=turn_id, success=status == "completed", changes=stored.changes, status=status
    )
    return mapping.file_change(event), [event]


def _web_search(stored: kinds.WebSearch, _: str) -> Said:
    event = events.WebSearchEnd(call_id=stored.id, query=stored.query, action=stored.action)
    return replace(mapping.web_search(event), results=stored.results), [event]


def _image_view(stored: kinds.ImageView, _: str) -> Said:
    event = events.ViewImageToolCall(call_id=stored.id, path=_path(stored.path))
    return mapping.image_view(event), [event]


def _image_generation(stored: kinds.ImageGeneration, _: str) -> Said:
    event = events.ImageGenerationEnd(
        call_id=stored.id,
        status=stored.status,
        revised_prompt=stored.revised_prompt,
        result=stored.result or "",
        saved_path=UNSET if stored.saved_path is None else stored.saved_path,
    )
    return mapping.image_generation(event), [event]


def _dynamic_tool(stored: kinds.DynamicTool, turn_id: str) -> Said:
    what: dict[str, Any] = {
        "turn_id": turn_id,
        "namespace": stored.namespace,
        "tool": stored.tool,
        "arguments": stored.arguments,
    }
    request = events.DynamicToolCallRequest(call_id=stored.id, **what)
    if stored.success is None:
        return mapping.dynamic_request(request), [request]
    answer = events.DynamicToolCallResponse(
        call_id=stored.id,
        **what,
        content_items=stored.content_items or [],
        success=stored.success,
        error=stored.error,
        duration=stored.duration or _NO_TIME,
    )
    item = replace(
        mapping.dynamic_response(answer),
        content_items=stored.content_items,
        duration_ms=_milliseconds(stored.duration),
    )
    return item, [request, answer]


def _mcp_tool(stored: kinds.McpTool, _: str) -> Said:
    uri = UNSET if stored.mcp_app_resource_uri is None else stored.mcp_app_resource_uri
    invocation = events.McpInvocation(server=stored.server, tool=stored.tool, arguments=stored.arguments)
    message = str((stored.error or {}).get("message", ""))
    end = events.McpToolCallEnd(
        call_id=stored.id,
        invocation=invocation,
        mcp_app_resource_uri=uri,
        duration=stored.duration or _NO_TIME,
        result={"Err": message} if stored.result is None else {"Ok": stored.result},
    )
    status = mapping.WORK_STATUS.get(stored.status, "completed")
    item = replace(
        mapping.mcp_call(end),
        status="failed" if status == "declined" else status,
        error=None if stored.error is None else {"message": message},
        duration_ms=_milliseconds(stored.duration),
        plugin_id=stored.plugin_id,
        read_only_hint=stored.read_only_hint,
    )
    return item, [] if stored.result is None and stored.error is None else [end]


# Other agents and the rest


def _collab(stored: kinds.Collab, _: str) -> Said:
    return agents.stored_call(stored), []


def _sub_agent(stored: kinds.SubAgent, _: str) -> Said:
    return wire.SubAgentActivity(**asdict(stored)), []


def _of_thread(said: events.DurableEvent, thread_id: str) -> events.DurableEvent:
    """The event with the thread's id, where it has one."""
    return replace(said, thread_id=thread_id) if isinstance(said, events.PlanCompleted) else said


def _plan(stored: kinds.Plan, turn_id: str) -> Said:
    event = events.PlanCompleted(thread_id="", turn_id=turn_id, item=events.PlanItem(id=stored.id, text=stored.text))
    return wire.Plan(id=stored.id, text=stored.text), [event]


def _entered_review(stored: kinds.EnteredReview, _: str) -> Said:
    """Reviews stand around another turn, the reviewer's; the events of the legacy form do not say which is theirs."""
    event = events.EnteredReviewMode(target=stored.target, user_facing_hint=stored.user_facing_hint)
    return mapping.entered_review(stored.id, event), []


def _exited_review(stored: kinds.ExitedReview, _: str) -> Said:
    return mapping.exited_review(stored.id, events.ExitedReviewMode(review_output=stored.review_output)), []


def _path(url: str) -> str:
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else url


def _milliseconds(duration: events.Duration | None) -> int | None:
    return None if duration is None else duration.milliseconds


_CONVERSIONS: dict[type, Callable[[Any, str], Said]] = {
    kinds.User: _user,
    kinds.Agent: _agent,
    kinds.Reasoning: _reasoning,
    kinds.Plan: _plan,
    kinds.Command: _command,
    kinds.FileChange: _file_change,
    kinds.WebSearch: _web_search,
    kinds.Compaction: lambda stored, _: (wire.ContextCompaction(id=stored.id), [events.ContextCompacted()]),
    kinds.EnteredReview: _entered_review,
    kinds.ExitedReview: _exited_review,
    kinds.ImageView: _image_view,
    kinds.ImageGeneration: _image_generation,
    kinds.DynamicTool: _dynamic_tool,
    kinds.McpTool: _mcp_tool,
    kinds.Collab: _collab,
    kinds.SubAgent: _sub_agent,
    kinds.Sleep: lambda stored, _: (wire.Sleep(id=stored.id, duration_ms=stored.duration_ms), []),
    kinds.FunctionOutput: _function_output,
    kinds.HookPrompt: _hook_prompt,
}
