"""What a turn needs of its thread, and nothing more."""

from __future__ import annotations

from typing import Protocol

from rollout.events import Event, TokenUsageInfo
from rollout.lines import Entry
from rollout.prompt import Prompt


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

    async def prompt(self) -> Prompt:
        """The model history; it grows with every emitted response item."""
        ...

    async def sync(self) -> None:
        """Wait until what was emitted is on the medium."""
        ...
