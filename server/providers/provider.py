"""The vocabulary between the engine and a model: what is asked, what comes back, and who can be asked.

Owns: ModelRequest, the ModelEvent union and the Provider protocol. Must not know: any back end, threads, connections.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Protocol

import msgspec

from protocol.wire import Record
from rollout.events import RateLimits, TokenUsage


class TurnState:
    """The opaque state a back end wants to see again on every later request of the same turn (``x-codex-turn-state``).

    The engine makes one per turn and puts the same object into each of the turn's requests; the provider fills it.
    """

    __slots__ = ("value",)

    def __init__(self, value: str | None = None) -> None:
        self.value = value


class Reasoning(Record):
    """How the model shall think: ``effort`` as in ``ReasoningEffort``; no ``summary`` member when it is null."""

    effort: str | None = None
    summary: str | None = None


class ModelRequest(Record):
    """One sampling request. ``input`` and ``tools`` are Responses API objects and go out as given, in this order.

    ``encoded_input`` is the JSON of each item of ``input``, null if nobody has it.
    ``reasoning`` null: the model has none. ``service_tier`` is ``fast`` or ``flex``. ``window`` counts the
    compactions of the thread so far. ``metadata`` is added to the turn metadata header. ``subagent`` labels requests
    that are not the user's own turn (``review``, ``compact``, ...). ``sandbox`` names the confinement of commands.
    """

    model: str
    instructions: str = ""
    input: list[dict[str, Any]]
    encoded_input: list[bytes] | None = None
    tools: list[dict[str, Any]] = []
    parallel_tool_calls: bool = False
    reasoning: Reasoning | None = None
    verbosity: str | None = None
    output_schema: Any = None
    service_tier: str | None = None
    thread_id: str
    turn_id: str
    client_name: str = "threadcast"
    client_version: str = "0"
    window: int = 0
    sandbox: str = "none"
    subagent: str | None = None
    metadata: dict[str, Any] = {}
    turn_state: TurnState = msgspec.field(default_factory=TurnState)


class RateLimitsSeen(Record):
    """The back end accepted; these are its limits, null when it said nothing. Always first, once per family."""

    rate_limits: RateLimits


class ItemAdded(Record):
    """An output item begins. ``item`` is the Responses API object, with an ``id`` if it is a message or reasoning."""

    item: dict[str, Any]


class TextDelta(Record):
    """More text of the message that is open."""

    delta: str


class SummaryPartAdded(Record):
    """Part ``index`` of the reasoning summary begins."""

    index: int


class SummaryDelta(Record):
    """More text of summary part ``index``."""

    delta: str
    index: int


class ReasoningDelta(Record):
    """More raw reasoning, of content part ``index``."""

    delta: str
    index: int


class ItemDone(Record):
    """An output item is whole: message, reasoning, tool call. It may come without ``ItemAdded``."""

    item: dict[str, Any]


class Completed(Record):
    """The last event of a good response. ``usage`` counts this response alone; null when the back end kept quiet."""

    response_id: str
    usage: TokenUsage | None


ModelEvent = (
    RateLimitsSeen | ItemAdded | TextDelta | SummaryPartAdded | SummaryDelta | ReasoningDelta | ItemDone | Completed
)


class Provider(Protocol):
    """A back end that answers requests. One object serves all threads, concurrently."""

    @property
    def id(self) -> str:
        """The key under ``model_providers``, as threads show it."""
        ...

    @property
    def stream_max_retries(self) -> int:
        """How often the engine may repeat a sampling request that failed with a retryable error."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Ask the model. Ends after ``Completed`` or raises ``server.errors.TurnError``; nothing else is a failure.

        Close it (``contextlib.aclosing``) to hang up early; cancelling the consuming task hangs up as well.
        """
        ...

    async def aclose(self) -> None:
        """Give back sockets. No request may be open."""
        ...
