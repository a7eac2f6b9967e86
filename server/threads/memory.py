"""What a loaded thread remembers of itself: turns, usage, the model's history. Knows no connection and no turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protocol.turn import Turn
from rollout import events
from rollout.catalog import ThreadSummary
from rollout.history import History
from rollout.lines import Entry
from rollout.prompt import Prompt
from rollout.usage import Usage
from server.threads.encoded_turns import EncodedTurns
from server.threads.inflight import InFlight


@dataclass
class Memory:
    """What a thread remembers, seeded from its rollout. ``prompt`` is built when a turn first needs it."""

    history: History
    usage: Usage
    prompt: Prompt | None
    load_prompt: Callable[[], Awaitable[Prompt]]
    encoded: EncodedTurns = field(default_factory=EncodedTurns)

    def split(self, running: InFlight | None) -> tuple[list[Turn], Turn | None]:
        """The stored turns but for the running one, and that one as it is now."""
        turns = self.history.turns()
        if running is None:
            return turns, None
        return [turn for turn in turns if turn.id != running.turn_id], running.turn()

    def feed(self, entry: Entry) -> None:
        """Fold in what was just recorded."""
        self.history.feed(entry)
        if isinstance(entry, events.TokenCount):
            self.usage.feed(entry, self.history)
        if self.prompt is not None:
            self.prompt.feed(entry)


Reread = Callable[[], Awaitable[tuple[ThreadSummary, Memory, int]]]
"""Reads a thread's rollout anew; the last member is how many bytes of it were there."""
