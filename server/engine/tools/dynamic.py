"""Tools that a client brings to its thread and carries out itself: which there are, and calls of them.

They are kept in the thread's meta as plain objects. Two spellings are read: one object for each tool, with its
``namespace`` if it has one, or namespaces with their ``tools``; the former is written, which every version reads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from protocol.approval import (
    AudioContent,
    DynamicToolCallParams,
    DynamicToolCallResponse,
    ImageContent,
    TextContent,
    ToolContent,
)
from protocol.asks import DYNAMIC_TOOL_CALL
from protocol.wire import UNSET, Record, UnsetType
from rollout import events
from rollout.mapping import dynamic_request, dynamic_response
from rollout.model_items import as_object
from server.engine.tools.tool import Call, Content, Tool, Work, function

LONGEST = 64
"""Characters of the name of a function."""

_CANCELLED = "dynamic tool call was cancelled before receiving a response"
_SOUND = "[Sound was left out: this server sends none to models.]"


class Spec(Record, rename="camel"):
    """One tool. One that is to be loaded later is not offered: there is no search for tools."""

    namespace: str | UnsetType | None = UNSET
    name: str
    description: str = ""
    input_schema: Any
    defer_loading: bool = False

    @property
    def known_as(self) -> str:
        """The name by which models call it, in the flat form that every provider takes."""
        name = f"{self.namespace}__{self.name}" if self.namespace else self.name
        if len(name) <= LONGEST:
            return name
        return f"{name[: LONGEST - 13]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def specs(given: Iterable[dict[str, Any]]) -> list[Spec]:
    """The tools that these objects mean, in whichever spelling; what is none is left out."""
    found: list[Spec] = []
    for each in _flat(given):
        try:
            found.append(msgspec.convert(each, Spec))
        except msgspec.ValidationError:
            continue
    return found


def stored(given: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as a thread's meta keeps them."""
    return [msgspec.to_builtins(spec) for spec in specs(given)]


def _flat(given: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in given:
        if each.get("type") == "namespace":
            yield from ({**tool, "namespace": each.get("name")} for tool in each.get("tools") or ())
        else:
            yield each


class DynamicTool(Tool):
    """Asks the thread's clients to carry out the call."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.name = spec.known_as

    def offer(self) -> dict[str, Any]:
        """The client's own words and schema."""
        return function(self.name, self.spec.description, {}) | {"parameters": _object(self.spec.input_schema)}

    async def run(self, call: Call, work: Work) -> Content:
        """Ask, and show question and answer as an item."""
        space = self.spec.namespace or None
        asked = DynamicToolCallParams(
            thread_id=work.host.id,
            turn_id=work.turn_id,
            call_id=call.id,
            namespace=space,
            tool=self.spec.name,
            arguments=call.arguments(object),
        )
        request = events.DynamicToolCallRequest(
            call_id=call.id, turn_id=work.turn_id, namespace=space, tool=self.spec.name, arguments=asked.arguments
        )
        begun = time.monotonic_ns()
        work.emit(request, events.ItemStarted(turn_id=work.turn_id, item=dynamic_request(request)))
        answer: DynamicToolCallResponse | None = None
        try:
            answer = await work.host.ask(DYNAMIC_TOOL_CALL, asked)
        finally:
            _end(work, request, answer, time.monotonic_ns() - begun)
        return [] if answer is None else _for_model(answer.content_items)


def _end(work: Work, request: events.DynamicToolCallRequest, answer: DynamicToolCallResponse | None, took: int) -> None:
    """The item is final, also without an answer. ``took``: nanoseconds."""
    seconds, nanos = divmod(took, 1_000_000_000)
    response = events.DynamicToolCallResponse(
        call_id=request.call_id,
        turn_id=request.turn_id,
        namespace=request.namespace,
        tool=request.tool,
        arguments=request.arguments,
        content_items=[] if answer is None else msgspec.to_builtins(answer.content_items),
        success=answer is not None and answer.success,
        error=_CANCELLED if answer is None else None,
        duration=events.Duration(secs=seconds, nanos=nanos),
    )
    work.end(dynamic_response(response), response)


def _object(schema: Any) -> dict[str, Any]:
    """The schema as that of an object, as providers want it."""
    found: dict[str, Any] = {"properties": {}}
    return found | as_object(schema) | {"type": "object"}


def _for_model(parts: list[ToolContent]) -> Content:
    """A text alone is a text, which every provider takes."""
    match parts:
        case [TextContent(text=text)]:
            return text
        case _:
            return [_part(part) for part in parts]


def _part(part: ToolContent) -> dict[str, Any]:
    match part:
        case TextContent():
            return {"type": "input_text", "text": part.text}
        case ImageContent():
            return {"type": "input_image", "image_url": part.image_url, "detail": "high"}
        case AudioContent():
            return {"type": "input_text", "text": _SOUND}
