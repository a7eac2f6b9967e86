"""The turns of one thread in order: the one that runs, and those that begin after it. Knows no client and no file.

What somebody said is never lost: input that waits for a turn of its own is taken in after all that pushes in before it.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from server.engine.turn import Turn

T = TypeVar("T", bound=Turn)


class Lineup:
    """At most one turn runs."""

    def __init__(self) -> None:
        self.running: Turn | None = None
        self._following: list[Turn] = []

    @property
    def last(self) -> Turn | None:
        """The turn that more input may join; None if nothing runs."""
        return self._following[-1] if self._following else self.running

    def follow(self, turn: T) -> T:
        """Begin it: now, or when all that is there has ended."""
        self._following.append(turn)
        if self.running is None:
            self.advance()
        return turn

    def replace(self, turn: T) -> T:
        """Begin it in the place of the running one, which is stopped; after others that came to replace that one."""
        at = sum(each.kind != "regular" for each in self._following)
        self._following.insert(at, turn)
        if self.running is None:
            self.advance()
        else:
            self.running.stop(replaced=True)
        return turn

    def advance(self) -> None:
        """The running one has told its end: the next begins, if there is one."""
        self.running = self._following.pop(0) if self._following else None
        if self.running is not None:
            self.running.begin()

    async def stop(self) -> None:
        """Stop all of them. Whoever waits its turn begins, so that what it was told of is heard to end."""
        while (turn := self.running) is not None:
            await turn.interrupt()
            await asyncio.wait({turn.ended})
