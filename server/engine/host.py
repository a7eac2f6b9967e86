"""What a turn needs of its thread, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from protocol.method import Ask
from protocol.wire import Wire
from rollout.events import Event, TokenUsageInfo
from rollout.lines import Entry
from rollout.prompt import Prompt

P = TypeVar("P", bound=Wire)
R = TypeVar("R")


class Host(Protocol):
    """The thread as its turn sees it."""

    @property
    def id(self) -> str:
        """The thread's id."""
        ...

    @property
    def usage_info(self) -> TokenUsageInfo | None:
        """Token usage so far; None before the first response."""
        ...

    @property
    def client(self) -> tuple[str, str]:
        """Name and version of the client that spoke last."""
        ...

    def emit(self, *entries: Event | Entry) -> None:
        """Make these durable and then known, in one breath."""
        ...

    async def ask(self, ask: Ask[P, R], params: P, then: Callable[[], None] | None = None) -> R:
        """Ask the thread's clients until one of them has answered; ``then`` runs just before they hear of it."""
        ...

    async def prompt(self) -> Prompt:
        """The model history; it grows with every emitted response item."""
        ...

    async def sync(self) -> None:
        """Wait until what was emitted is on the medium."""
        ...
