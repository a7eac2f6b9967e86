"""The turns of one thread as JSON, encoded once: who attaches again, or later, gets the same bytes. Knows no socket.

Turns that have ended never change, so what is encoded of them stays good; it goes by whether the turns are the very
same objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import is_
from typing import NamedTuple

from protocol.turn import Turn
from protocol.wire import Encoded, encode
from rollout.history import present

PART = 1 << 16
"""Bytes from which on a part takes no more turns."""


class _Part(NamedTuple):
    turns: list[Turn]
    text: bytes

    def is_of(self, turns: list[Turn], at: int) -> bool:
        """Whether it says what these turns say from there on."""
        return len(turns) - at >= len(self.turns) and all(map(is_, self.turns, islice(turns, at, None)))


class EncodedTurns:
    """Remembers what it encoded last, part by part, and makes anew only what comes after the first change."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []

    def of(self, stored: list[Turn], running: Turn | None = None) -> Encoded:
        """The JSON array of these turns, as clients may see them: of the stored ones, none is in progress."""
        self._parts = list(self._renewed(stored))
        texts = [text for part in self._parts for text in (b",", part.text)]
        if running is not None:
            texts += (b",", encode(running))
        return Encoded([b"[", *texts[1:], b"]"])

    def _renewed(self, stored: list[Turn]) -> Iterator[_Part]:
        at = 0
        for part in self._parts:
            if not part.is_of(stored, at):
                break
            yield part
            at += len(part.turns)
        yield from _cut(stored, at)


def _cut(turns: list[Turn], at: int) -> Iterator[_Part]:
    texts, size = list[bytes](), 0
    for end, turn in enumerate(turns[at:], at + 1):
        texts.append(encode(present([turn], active=False)[0]))
        size += len(texts[-1])
        if size >= PART or end == len(turns):
            yield _Part(turns[at:end], b",".join(texts))
            texts, size, at = [], 0, end
