"""What a turn says -> the entries its rollout keeps: as they are, or whole items in the newer, paginated form.

No input or output; one form per thread that is written, because the newer one joins what is said at different times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from msgspec.structs import asdict, replace
from uuid_utils import uuid7

from protocol.item import (
    AgentMessage,
    ContextCompaction,
    EnteredReviewMode,
    ExitedReviewMode,
    Reasoning,
    ThreadItem,
    UserMessage,
)
from protocol.wire import UNSET
from rollout import events
from rollout.events import Event
from rollout.history import is_harmless
from rollout.lines import Entry
from rollout.mapping import optional, user_message
from rollout.paginated import stored_item
from rollout.policy import is_recorded, sanitise
from rollout.user_input import stored

Item = dict[str, Any]
Shown = TypeVar("Shown", bound=ThreadItem)

_PARTS = (events.AgentMessage, events.DynamicToolCallRequest)
"""What only stands in the whole item."""

_THOUGHTS = (events.AgentReasoning, events.AgentReasoningRawContent)


class Form(Protocol):
    """How a rollout says things."""

    def entries(self, said: Iterable[Event | Entry]) -> list[Entry]:
        """What is kept of these, in order."""
        ...


class Legacy:
    """The form that every version reads: what is durable, as it is.

    Why a turn failed is said twice, by itself and in the end of the turn: newer versions only look there.
    """

    def __init__(self) -> None:
        self._error: events.Error | None = None

    def entries(self, said: Iterable[Event | Entry]) -> list[Entry]:
        """What is kept of these, in order."""
        return [self._kept(entry) for entry in said if is_recorded(entry)]

    def _kept(self, entry: Entry) -> Entry:
        match entry:
            case events.TaskStarted() | events.TurnAborted():
                self._error = None
            case events.Error() if not is_harmless(entry):
                self._error = entry
            case events.TaskComplete() if self._error is not None:
                error, self._error = self._error, None
                return replace(entry, error=_members(error))
            case _:
                pass
        return entry


class Paginated:
    """The form of 0.169.0: items as ``item_completed`` with the ids that clients saw, errors in the end of their turn.

    Events that have no item there that we know of are kept as they are; readers pass over what they do not know.
    """

    def __init__(self, thread_id: str, clock: Callable[[], float] = time.time) -> None:
        self._thread_id = thread_id
        self._clock = clock
        self._turn_id = ""
        self._error: events.Error | None = None
        self._began: dict[str, int] = {}

    def entries(self, said: Iterable[Event | Entry]) -> list[Entry]:
        """What is kept of these, in order."""
        said = list(said)
        now = int(self._clock() * 1000)
        shown: list[ThreadItem] = []
        for event in said:
            if isinstance(event, events.ItemStarted):
                self._began[event.item.id] = now
            elif isinstance(event, events.ItemCompleted):
                shown.append(event.item)
        return [kept for event in _joined(said) for kept in self._kept(event, shown, now)]

    def _kept(self, event: Event | Entry | list[Event], shown: list[ThreadItem], now: int) -> Iterator[Entry]:
        match event:
            case events.TaskStarted():
                self._turn_id, self._error = event.turn_id, None
                self._began.clear()
                yield event
            case events.Error() if not is_harmless(event) and self._turn_id:
                self._error = event
            case events.TaskComplete():
                error = UNSET if self._error is None else _members(self._error)
                self._turn_id, self._error = "", None
                yield replace(event, error=error)
            case _:
                item = _item(event, shown)
                if item is not None:
                    yield from self._completed(item, event, now)
                elif not isinstance(event, (list, *_PARTS)) and is_recorded(event):
                    yield event

    def _completed(self, item: Item, event: Event | Entry | list[Event], now: int) -> Iterator[Entry]:
        payload = {
            "type": "item_completed",
            "thread_id": self._thread_id,
            "turn_id": getattr(event, "turn_id", "") or self._turn_id,
            "item": item,
            "started_at_ms": self._began.pop(item["id"], now),
            "completed_at_ms": now,
        }
        found = stored_item(payload)  # as a reader will find it
        if found is not None:
            yield replace(found, payload=payload)


def _joined(said: list[Event | Entry]) -> Iterator[Event | Entry | list[Event]]:
    """The same, with what belongs to one reasoning item in a list."""
    thoughts: list[Event] = []
    for event in said:
        if isinstance(event, _THOUGHTS):
            thoughts.append(event)
            continue
        if thoughts:
            yield thoughts
            thoughts = []
        yield event
    if thoughts:
        yield thoughts


def _item(event: Event | Entry | list[Event], shown: list[ThreadItem]) -> Item | None:
    """The item that an event stands for, under the id that clients saw; None for what is no item."""
    match event:
        case list():
            return {"type": "Reasoning", "id": _id(shown, Reasoning)} | _thoughts(event)
        case events.UserMessage():
            said = _take(shown, UserMessage) or user_message(str(uuid7()), event)
            known: Item = {"type": "UserMessage", "id": said.id}
            return known | _given(client_id=said.client_id) | {"content": stored(said.content)}
        case events.AgentMessage() if event.message:
            content = [{"type": "Text", "text": event.message}]
            item: Item = {"type": "AgentMessage", "id": _id(shown, AgentMessage), "content": content}
            return item if event.phase is None else item | {"phase": event.phase}
        case events.PlanCompleted():
            return {"type": "Plan", "id": event.item.id, "text": event.item.text}
        case events.WebSearchEnd():
            return {"type": "WebSearch", "id": event.call_id, "query": event.query, "action": event.action}
        case events.ExecCommandEnd():
            return _command(sanitise(event))
        case events.PatchApplyEnd():
            status = optional(event.status) or ("completed" if event.success else "failed")
            return {"type": "FileChange", "id": event.call_id, "changes": event.changes, "status": status}
        case events.ContextCompacted():
            return {"type": "ContextCompaction", "id": _id(shown, ContextCompaction)}
        case _:
            return _rarer_item(event, shown)


def _rarer_item(event: Event | Entry, shown: list[ThreadItem]) -> Item | None:
    match event:
        case events.ViewImageToolCall():
            return {"type": "ImageView", "id": event.call_id, "path": _url(event.path)}
        case events.DynamicToolCallResponse():
            return _dynamic_tool(event)
        case events.EnteredReviewMode():
            hint = optional(event.user_facing_hint)
            entered: Item = {"type": "EnteredReviewMode", "id": _id(shown, EnteredReviewMode), "target": event.target}
            return entered | _given(user_facing_hint=hint)
        case events.ExitedReviewMode():
            review = {"review_output": event.review_output}
            return {"type": "ExitedReviewMode", "id": _id(shown, ExitedReviewMode)} | review
        case _:
            return None


def _take(shown: list[ThreadItem], kind: type[Shown]) -> Shown | None:
    """The next item of this kind that clients were shown with it."""
    for at, item in enumerate(shown):
        if isinstance(item, kind):
            del shown[at]
            return item
    return None


def _id(shown: list[ThreadItem], kind: type[ThreadItem]) -> str:
    """The id of that item, else one of its own."""
    item = _take(shown, kind)
    return str(uuid7()) if item is None else item.id


def _thoughts(parts: list[Event]) -> Item:
    return {
        "summary_text": [part.text for part in parts if isinstance(part, events.AgentReasoning)],
        "raw_content": [part.text for part in parts if isinstance(part, events.AgentReasoningRawContent)],
    }


def _dynamic_tool(event: events.DynamicToolCallResponse) -> Item:
    call: Item = {"type": "DynamicToolCall", "id": event.call_id}
    call |= _given(namespace=event.namespace) | {"tool": event.tool, "arguments": event.arguments}
    answer = {
        "status": "completed" if event.success else "failed",
        "content_items": event.content_items,
        "success": event.success,
    }
    return call | answer | _given(error=event.error) | {"duration": _members(event.duration)}


def _given(**members: Any) -> Item:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def _url(path: str) -> str:
    return "file://" + quote(path)


def _command(event: events.ExecCommandEnd) -> Item:
    return {
        "type": "CommandExecution",
        "id": event.call_id,
        "process_id": optional(event.process_id),
        "command": event.command,
        "cwd": _url(event.cwd),
        "parsed_cmd": event.parsed_cmd,
        "source": event.source,
        "status": event.status,
        "aggregated_output": event.aggregated_output,
        "exit_code": event.exit_code,
        "duration": _members(event.duration),
    }


def _members(value: Any) -> Item:
    return dict(asdict(value))
