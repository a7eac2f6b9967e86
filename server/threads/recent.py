"""The newest notifications of one thread, numbered, for clients that come back after a short absence. Knows no socket.

Kept only from the first client on that wants numbers: for all others nothing is done and nothing is kept.
"""

from __future__ import annotations

import uuid
from collections import deque
from itertools import islice

from protocol import frames
from protocol.dialects.versions import NEWEST
from protocol.frames import Message, Variants
from protocol.sequence import Number, Position

_WEIGHT = 1000
"""Bytes of memory, about, that a notification takes besides its text."""


class Recent:
    """Numbers notifications from 1 on and keeps the last of them, up to ``limit`` bytes of memory."""

    def __init__(self, limit: int) -> None:
        self.epoch = uuid.uuid4().hex
        self.number = 0
        """Of the newest one."""
        self._limit = limit
        self._kept: deque[tuple[Variants, int]] = deque()
        self._size = 0

    def add(self, message: Message) -> Message:
        """Give the next notification its number, and keep it."""
        self.number += 1
        numbered = frames.numbered(message, Number(epoch=self.epoch, number=self.number))
        size = _size(numbered)
        self._kept.append((numbered, size))
        self._size += size
        while self._size > self._limit:
            self._size -= self._kept.popleft()[1]
        return numbered

    def reaches(self, seen: Position) -> bool:
        """Whether everything after this position is kept."""
        return seen.epoch == self.epoch and self.number - len(self._kept) <= seen.number <= self.number

    def missed(self, seen: Position) -> list[Message]:
        """What came after a position that it reaches, as it is told to one who missed it."""
        count = self.number - seen.number
        return [message.again() for message, _ in islice(self._kept, len(self._kept) - count, None)]


def _size(message: Variants) -> int:
    """Bytes of memory that it takes, about."""
    frame = message.heard_by(NEWEST, numbered=True)
    return _WEIGHT + (0 if frame is None else len(frame))
