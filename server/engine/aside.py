"""A conversation with a model that the thread is not part of: its work is seen there, its words are not.

It is a Host for the turn that holds it. Knows no client and no file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from protocol import item
from protocol.method import Ask
from protocol.wire import Wire
from rollout import events
from rollout.events import Event, TokenUsageInfo
from rollout.lines import Compacted, Entry, ResponseItem, TurnContext
from rollout.prompt import Prompt
from server.engine.host import Host

P = TypeVar("P", bound=Wire)
R = TypeVar("R")

_ITS_OWN = (item.AgentMessage, item.ContextCompaction)


class Aside:
    """Keeps a history of its own, which begins empty and ends with it. ``usage_info`` is its own as well."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._prompt = Prompt()
        self.usage_info: TokenUsageInfo | None = None

    @property
    def id(self) -> str:
        """The id of the thread where its work is seen."""
        return self._host.id

    @property
    def client(self) -> tuple[str, str]:
        """Name and version of the client that spoke last."""
        return self._host.client

    def emit(self, *entries: Event | Entry) -> None:
        """Keep what is said, pass on what is done."""
        shown = [passed for entry in entries if (passed := self._pass(entry)) is not None]
        if shown:
            self._host.emit(*shown)

    def _pass(self, entry: Event | Entry) -> Event | Entry | None:
        """What the thread is told of it."""
        match entry:
            case ResponseItem() | TurnContext() | Compacted():
                self._prompt.feed(entry)
            case events.TokenCount():
                return self._counted(entry)
            case events.AgentMessage() | events.AgentMessageDelta() | events.ContextCompacted():
                pass
            case events.ItemStarted() | events.ItemCompleted() if isinstance(entry.item, _ITS_OWN):
                pass
            case _:
                return entry
        return None

    def _counted(self, count: events.TokenCount) -> Event | None:
        """Limits are everybody's; what it costs does not fill the thread's window."""
        news = count.info is not self.usage_info
        self.usage_info = count.info or self.usage_info
        return None if news or count.rate_limits is None else events.TokenCount(rate_limits=count.rate_limits)

    async def ask(self, ask: Ask[P, R], params: P, then: Callable[[], None] | None = None) -> R:
        """Ask the thread's clients."""
        return await self._host.ask(ask, params, then)

    async def prompt(self) -> Prompt:
        """The history of this conversation."""
        return self._prompt

    async def sync(self) -> None:
        """Wait until what the thread was told is on the medium."""
        await self._host.sync()
