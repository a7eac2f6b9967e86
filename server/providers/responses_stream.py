"""The events of one answer of the Responses API as model events; ``type`` in the payload decides, junk is skipped.

Observed: spec, turns 1.3. Must not know: sockets, retries, threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import msgspec

from protocol.wire import Record
from rollout.events import TokenUsage
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    ModelEvent,
    ReasoningDelta,
    SummaryDelta,
    SummaryPartAdded,
    TextDelta,
)
from server.providers.responses_errors import disconnected, failed_error, incomplete_error
from server.providers.sse import EventSplitter
from server.providers.untrusted import members, text, whole


class _Payload(Record):
    """The members we look at, of any event. Unknown ones are not even decoded."""

    type: str = ""
    delta: Any = None
    item: Any = None
    summary_index: Any = 0
    content_index: Any = 0
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_decoder = msgspec.json.Decoder(_Payload)

# Members a model may leave out or null, and what the readers of items may rely on instead.
_DEFAULTS: dict[str, dict[str, Callable[[], Any]]] = {
    "message": {"role": lambda: "assistant", "content": list},
    "reasoning": {"summary": list},
    "function_call": {"arguments": str},
    "custom_tool_call": {"input": str},
}


class Answer:
    """Reads the bytes of one response. Remembers the id it gave to an item without one, until that item is done."""

    __slots__ = ("_given", "_splitter", "complete")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._given: dict[str, str] = {}
        self.complete = False
        """``Completed`` was among the events; whatever follows is not looked at."""

    def feed(self, chunk: bytes) -> Iterator[ModelEvent]:
        """The events that this chunk completes.

        Raises TurnError, after the events before it, when the response failed.
        """
        return self._events(self._splitter.feed(chunk))

    def end(self) -> Iterator[ModelEvent]:
        """The stream is over: the events that are left. Raises TurnError when ``Completed`` never came."""
        yield from self._events(self._splitter.end())
        if not self.complete:
            raise disconnected("stream closed before response.completed")

    def _events(self, found: list[bytes]) -> Iterator[ModelEvent]:
        for data in found:
            event = self._read(data)
            if event is None:
                continue
            self.complete = isinstance(event, Completed)
            yield event
            if self.complete:
                return

    def _read(self, data: bytes) -> ModelEvent | None:
        try:
            payload = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if payload.type == "response.output_text.delta":
            return TextDelta(delta=payload.delta) if isinstance(payload.delta, str) else None
        return self._read_rare(payload)

    def _read_rare(self, payload: _Payload) -> ModelEvent | None:
        match payload:
            case _Payload(type="response.reasoning_summary_text.delta", delta=str(delta)):
                return SummaryDelta(delta=delta, index=whole(payload.summary_index))
            case _Payload(type="response.reasoning_text.delta", delta=str(delta)):
                return ReasoningDelta(delta=delta, index=whole(payload.content_index))
            case _Payload(type="response.reasoning_summary_part.added"):
                return SummaryPartAdded(index=whole(payload.summary_index))
            case _Payload(type="response.output_item.added", item={"type": str()}):
                return ItemAdded(item=self._item(payload.item))
            case _Payload(type="response.output_item.done", item={"type": str(kind)}):
                done = ItemDone(item=self._item(payload.item))
                self._given.pop(kind, None)
                return done
            case _:
                return _read_end(payload)

    def _item(self, item: dict[str, Any]) -> dict[str, Any]:
        kind = item["type"]
        if not text(item.get("id")):
            item["id"] = self._given.setdefault(kind, str(uuid4()))
        if kind.endswith("_call") and not text(item.get("call_id")):
            item["call_id"] = item["id"]
        for member, default in _DEFAULTS.get(kind, {}).items():
            if item.get(member) is None:
                item[member] = default()
        return item


def _read_end(payload: _Payload) -> Completed | None:
    response = members(payload.response)
    match payload.type:
        case "response.completed":
            name = response.get("id")
            return Completed(response_id=name if isinstance(name, str) else "", usage=read_usage(response.get("usage")))
        case "response.failed":
            raise failed_error(response.get("error"))
        case "response.incomplete":
            raise incomplete_error(response)
        case "error":
            raise failed_error(payload.error or {"code": payload.code, "message": payload.message})
        case _:
            return None


def read_usage(usage: Any) -> TokenUsage | None:
    """Token counters of a ``usage`` object; null when it is none. What is missing counts as 0, the total as the sum."""
    counters = members(usage)
    if not counters:
        return None
    spent_in, spent_out = whole(counters.get("input_tokens")), whole(counters.get("output_tokens"))
    return TokenUsage(
        input_tokens=spent_in,
        cached_input_tokens=whole(members(counters.get("input_tokens_details")).get("cached_tokens")),
        output_tokens=spent_out,
        reasoning_output_tokens=whole(members(counters.get("output_tokens_details")).get("reasoning_tokens")),
        total_tokens=whole(counters.get("total_tokens")) or spent_in + spent_out,
    )
