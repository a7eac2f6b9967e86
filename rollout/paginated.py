"""The newer, paginated form of a rollout: whole items in ``item_completed`` events. Knows no lines.

Such a file has an ``ordinal`` in every line and ``history_mode: "paginated"`` in its meta. Its turns have the same
boundaries as in the legacy form, but its items are stored as they are, with stable ids.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec

from protocol import item as wire
from protocol.wire import UNSET, Record
from rollout import events, mapping
from rollout.model_items import as_object
from rollout.user_input import Part, shown


class StoredItem(Record):
    """A final item of turn ``turn_id`` in a paginated rollout; ``events`` say the same in the legacy form.

    ``payload``: its ``item_completed``, if it is yet to be written; one that was read has none.
    """

    turn_id: str
    item: wire.ThreadItem
    events: list[events.DurableEvent]
    payload: dict[str, Any] | None = None


class _User(Record, tag="UserMessage"):
    id: str
    content: list[Part]


class _Agent(Record, tag="AgentMessage"):
    id: str
    content: list[Part]
    phase: str | None = None
    memory_citation: Any = None


class _Plan(Record, tag="Plan"):
    id: str
    text: str


class _Reasoning(Record, tag="Reasoning"):
    id: str
    summary_text: list[str] = []
    raw_content: list[str] = []


class _Command(Record, tag="CommandExecution"):
    id: str
    process_id: str | None = None
    command: list[str]
    cwd: str
    parsed_cmd: list[dict[str, Any]] = []
    source: str = "agent"
    status: str = "completed"
    aggregated_output: str | None = None
    exit_code: int | None = None
    duration: events.Duration | None = None


class _FileChange(Record, tag="FileChange"):
    id: str
    changes: dict[str, dict[str, Any]]
    status: str | None = None


class _WebSearch(Record, tag="WebSearch"):
    id: str
    query: str
    action: dict[str, Any] | None = None


class _Compaction(Record, tag="ContextCompaction"):
    id: str


_Stored = _User | _Agent | _Plan | _Reasoning | _Command | _FileChange | _WebSearch | _Compaction


class _Completed(Record):
    thread_id: str = ""
    turn_id: str
    item: _Stored


def stored_item(payload: dict[str, Any]) -> StoredItem | None:
    """The item of an ``item_completed`` payload, or None for a kind we do not know."""
    try:
        completed = msgspec.convert(payload, _Completed)
    except msgspec.ValidationError:
        return None
    item, said = _convert(completed)
    return StoredItem(turn_id=completed.turn_id, item=item, events=said)


def failure(error: dict[str, Any]) -> events.Error:
    """The ``error`` of a ``task_complete`` as an event. A kind we cannot read is left out."""
    kind: Any = error.get("codex_error_info")
    known = kind if isinstance(kind, str) else as_object(kind) or None
    return events.Error(message=str(error.get("message") or ""), codex_error_info=known)


def _convert(completed: _Completed) -> tuple[wire.ThreadItem, list[events.DurableEvent]]:
    turn_id = completed.turn_id
    match stored := completed.item:
        case _User():
            return wire.UserMessage(id=stored.id, content=shown(stored.content)), [_user_message(stored)]
        case _Agent():
            answer = _agent_message(stored)
            return mapping.agent_message(stored.id, answer), [answer]
        case _Plan():
            plan = events.PlanItem(id=stored.id, text=stored.text)
            said = events.PlanCompleted(thread_id=completed.thread_id, turn_id=turn_id, item=plan)
            return wire.Plan(id=plan.id, text=plan.text), [said]
        case _Reasoning():
            return _reasoning(stored)
        case _Command():
            command = _command_end(stored, turn_id)
            return mapping.command(command), [command]
        case _FileChange():
            patch = _patch_end(stored, turn_id)
            return mapping.file_change(patch), [patch]
        case _WebSearch():
            search = events.WebSearchEnd(call_id=stored.id, query=stored.query, action=stored.action)
            return mapping.web_search(search), [search]
        case _Compaction():
            return wire.ContextCompaction(id=stored.id), [events.ContextCompacted()]


def _user_message(stored: _User) -> events.UserMessage:
    written = [part for part in stored.content if part.type == "text"]
    return events.UserMessage(
        message="".join(part.text for part in written),
        images=[part.image_url for part in stored.content if part.type == "image" and part.image_url is not UNSET],
        local_images=[part.path for part in stored.content if part.type == "local_image"],
        text_elements=[element for part in written[:1] for element in part.text_elements],
    )


def _agent_message(stored: _Agent) -> events.AgentMessage:
    text = "".join(part.text for part in stored.content)
    return events.AgentMessage(message=text, phase=stored.phase, memory_citation=stored.memory_citation)


def _reasoning(stored: _Reasoning) -> tuple[wire.ThreadItem, list[events.DurableEvent]]:
    item = wire.Reasoning(id=stored.id, summary=stored.summary_text, content=stored.raw_content)
    summary = [events.AgentReasoning(text=text) for text in item.summary]
    return item, [*summary, *(events.AgentReasoningRawContent(text=text) for text in item.content)]


def _patch_end(stored: _FileChange, turn_id: str) -> events.PatchApplyEnd:
    status = stored.status or "completed"
    return events.PatchApplyEnd(
        call_id=stored.id, turn_id=turn_id, success=status == "completed", changes=stored.changes, status=status
    )


def _command_end(stored: _Command, turn_id: str) -> events.ExecCommandEnd:
    return events.ExecCommandEnd(
        call_id=stored.id,
        process_id=stored.process_id,
        turn_id=turn_id,
        command=stored.command,
        cwd=unquote(stored.cwd.removeprefix("file://")),
        parsed_cmd=stored.parsed_cmd,
        source=stored.source,
        aggregated_output=stored.aggregated_output or "",
        exit_code=stored.exit_code or 0,
        duration=stored.duration or events.Duration(secs=0, nanos=0),
        status=stored.status,
    )
