"""What a loaded thread remembers of itself: turns, usage, the model's history. Knows no connection and no turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protocol.turn import Turn
from rollout import events
from rollout.catalog import ThreadSummary
from rollout.history import History
from rollout.lines import Entry
from rollout.prompt import Prompt
from rollout.recorder import Recorder
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
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def split(self, running: InFlight | None) -> tuple[list[Turn], Turn | None]:
        """The stored turns but for the running one, and that one as it is now."""
        turns = self.history.turns()
        if running is None:
            return turns, None
        return [turn for turn in turns if turn.id != running.turn_id], running.turn()

    async def model_history(self, recorder: Recorder | None) -> Prompt:
        """The model history; what the file says, and what waits in its ``recorder``, the first time it is needed.

        Raises :class:`~rollout.reader.RolloutError`, OSError.
        """
        async with self.loading:
            if self.prompt is None:
                self.prompt = await self._load(recorder)
            return self.prompt

    async def _load(self, recorder: Recorder | None) -> Prompt:
        while True:
            waiting, size = ([], 0) if recorder is None else (recorder.unwritten, recorder.size)
            loaded = await self.load_prompt()
            if recorder is None or not waiting:
                return loaded
            if recorder.size == size:  # else some of it was written while the file was read
                for entry in waiting:
                    loaded.feed(entry)
                return loaded

    def feed(self, entry: Entry) -> None:
        """Fold in what was just recorded."""
        self.history.feed(entry)
        if isinstance(entry, events.TokenCount):
            self.usage.feed(entry, self.history)
        if self.prompt is not None:
            self.prompt.feed(entry)


Reread = Callable[[], Awaitable[tuple[ThreadSummary, Memory, int]]]
"""Reads a thread's rollout anew; the last member is how many bytes of it were there."""
