"""What one connection has asked for and not got yet: counted and bounded. Knows no method and no socket.

Beyond the bounds a request is refused, after the replies to those that came before it. Should a client go on all the
same, nothing more is read from it until some of that has been answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count

REFUSALS_PER_REQUEST = 4
"""How many refusals may wait for each request that may be open, before reading stops."""


MESSAGES_AT_ONCE = 32
"""How many messages that have come together are taken before the event loop does anything else."""


class Load:
    """The open requests of one connection: at most ``requests`` of them and ``size`` characters together."""

    def __init__(self, requests: int, size: int) -> None:
        self._requests = requests
        self._size = size
        self._numbers = count()
        self._open: dict[int, int] = {}  # number -> size; the oldest first
        self._open_size = 0
        self._refusals: deque[tuple[int, Callable[[], None]]] = deque()
        self._taken = 0
        self.attaching = 0
        """Threads that the connection is about to follow."""
        self._relieved = asyncio.Event()
        self._relieved.set()

    def begin(self, size: int) -> int | None:
        """Open a request; its number is for :meth:`end`. None if there are too many: see :meth:`refuse`.

        One request may have any size if no other is open.
        """
        if self._open and (len(self._open) >= self._requests or self._open_size + size > self._size):
            return None
        number = next(self._numbers)
        self._open[number] = size
        self._open_size += size
        return number

    def end(self, number: int) -> None:
        """This request has been answered."""
        self._open_size -= self._open.pop(number)
        self._answer_refusals()

    def refuse(self, refusal: Callable[[], None]) -> None:
        """Call this when all requests that are open now have been answered."""
        self._refusals.append((next(self._numbers), refusal))
        if len(self._refusals) > self._requests * REFUSALS_PER_REQUEST:
            self._relieved.clear()

    async def pace(self) -> None:
        """Wait, after a message was taken, until the next may be read. Others get their turn now and then."""
        self._taken += 1
        if self._taken % MESSAGES_AT_ONCE == 0:
            await asyncio.sleep(0)
        if not self._relieved.is_set():
            await self._relieved.wait()

    def _answer_refusals(self) -> None:
        oldest = next(iter(self._open), None)
        while self._refusals and (oldest is None or self._refusals[0][0] < oldest):
            self._refusals.popleft()[1]()
        if len(self._refusals) <= self._requests:
            self._relieved.set()
