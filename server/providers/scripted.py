"""A model for tests: it plays a script, remembers what it was asked, and stops at gates until the test opens them.

Owns: Gate, ScriptedProvider and the constructors of scripted events. Must not know: threads, the engine, real back
ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

from rollout.events import RateLimits, TokenUsage
from server.errors import TurnError
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    ModelEvent,
    ModelRequest,
    RateLimitsSeen,
    SummaryDelta,
    SummaryPartAdded,
    TextDelta,
)


class Gate:
    """A place in a script where the provider waits. ``await gate.reached.wait()``, look around, ``gate.open()``."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    def open(self) -> None:
        """Let the provider go on; a gate may be opened before it is reached."""
        self.opened.set()

    async def pass_through(self) -> None:
        """The provider's side: say that it is here, wait until the gate is open."""
        self.reached.set()
        await self.opened.wait()


Step = ModelEvent | Gate | Exception
Response = Sequence[Step | Sequence[Step]]
"""One answer: events to yield, gates to wait at, exceptions to raise; lists of these may be nested one deep."""


class ScriptedProvider:
    """Plays one response per request, in order.

    ``RateLimitsSeen`` (all null) is put in front when the script has none.

    A request that finds the script used up fails with a TurnError.
    """

    def __init__(
        self,
        script: Iterable[Response] = (),
        *,
        id: str = "scripted",  # noqa: A002 - as in the protocol
        stream_max_retries: int = 0,
    ) -> None:
        self.requests: list[ModelRequest] = []
        """Every request so far, oldest first."""
        self._script: deque[Response] = deque(script)
        self._id = id
        self._stream_max_retries = stream_max_retries
        self._arrived = asyncio.Event()

    @property
    def id(self) -> str:
        """The key under ``model_providers``."""
        return self._id

    @property
    def stream_max_retries(self) -> int:
        """How often the engine may repeat a request that failed with a retryable error."""
        return self._stream_max_retries

    def push(self, *responses: Response) -> None:
        """Add answers to the end of the script."""
        self._script.extend(responses)

    async def asked(self, count: int) -> ModelRequest:
        """Wait until ``count`` requests have come; return the last of these."""
        while len(self.requests) < count:
            self._arrived.clear()
            await self._arrived.wait()
        return self.requests[count - 1]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Play the next response."""
        self.requests.append(request)
        self._arrived.set()
        if not self._script:
            raise TurnError("the script has no answer left for this request")
        silent = True
        for step in _flat(self._script.popleft()):
            if isinstance(step, Gate):
                await step.pass_through()
            elif isinstance(step, Exception):
                raise step
            else:
                if silent and not isinstance(step, RateLimitsSeen):
                    yield RateLimitsSeen(rate_limits=RateLimits(limit_id="codex"))
                silent = False
                yield step

    async def aclose(self) -> None:
        """Nothing is open."""


def _flat(response: Response) -> Iterable[Step]:
    for step in response:
        if isinstance(step, Sequence):
            yield from step
        else:
            yield step


def message(
    text: str | None = None,
    *,
    id: str = "msg-1",  # noqa: A002 - as on the wire
    deltas: Sequence[str | Gate] | None = None,
    phase: str | None = None,
) -> list[Step]:
    """An assistant message: begun, streamed, done. ``deltas`` (default: the whole text at once; empty: only the done
    event) may hold gates; ``text`` defaults to their sum."""
    pieces: Sequence[str | Gate] = [text or ""] if deltas is None else deltas
    whole = text if text is not None else "".join(piece for piece in pieces if isinstance(piece, str))
    item: dict[str, Any] = {"type": "message", "role": "assistant", "id": id, "content": []}
    if phase is not None:
        item["phase"] = phase
    done = ItemDone(item=item | {"content": [{"type": "output_text", "text": whole}]})
    if not pieces:
        return [done]
    streamed: list[Step] = [TextDelta(delta=piece) if isinstance(piece, str) else piece for piece in pieces]
    return [ItemAdded(item=item), *streamed, done]


def reasoning(*summary: str, id: str = "rs-1", encrypted: str | None = None) -> list[Step]:  # noqa: A002 - as on the wire
    """A reasoning item whose summary has these parts, each streamed as one delta."""
    item: dict[str, Any] = {"type": "reasoning", "id": id, "summary": []}
    streamed: list[Step] = []
    for index, part in enumerate(summary):
        streamed += [SummaryPartAdded(index=index), SummaryDelta(delta=part, index=index)]
    whole = item | {"summary": [{"type": "summary_text", "text": part} for part in summary]}
    if encrypted is not None:
        whole["encrypted_content"] = encrypted
    return [ItemAdded(item=item), *streamed, ItemDone(item=whole)]


def function_call(name: str, arguments: str, *, call_id: str = "call-1") -> list[Step]:
    """A tool call; ``arguments`` is JSON text."""
    return [
        ItemDone(
            item={
                "type": "function_call",
                "id": f"fc-{call_id}",
                "name": name,
                "arguments": arguments,
                "call_id": call_id,
            }
        )
    ]


def completed(
    input: int = 70,  # noqa: A002 - the counters' names
    cached: int = 10,
    output: int = 20,
    reasoning: int = 5,
    *,
    total: int | None = None,
    id: str = "resp-1",  # noqa: A002 - as on the wire
) -> Completed:
    """The end of a response and its usage in tokens; ``total`` defaults to input plus output."""
    return Completed(
        response_id=id,
        usage=TokenUsage(
            input_tokens=input,
            cached_input_tokens=cached,
            output_tokens=output,
            reasoning_output_tokens=reasoning,
            total_tokens=input + output if total is None else total,
        ),
    )


def completed_without_usage(id: str = "resp-1") -> Completed:  # noqa: A002 - as on the wire
    """The end of a response whose usage the back end did not tell."""
    return Completed(response_id=id, usage=None)
