"""The turns of one thread as JSON, encoded once per version: who attaches again, or later, gets the same bytes.

Turns that have ended never change, so what is encoded of them stays good; it goes by whether the turns are the very
same objects. Knows no socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import is_
from typing import NamedTuple

from protocol.dialects.shape import shaped
from protocol.dialects.versions import Version
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
        self._parts: dict[Version, list[_Part]] = {}

    def of(self, stored: list[Turn], version: Version, running: Turn | None = None) -> Encoded:
        """The JSON array of these turns, as clients may see them: of the stored ones, none is in progress."""
        parts = self._parts[version] = list(self._renewed(stored, version))
        texts = [text for part in parts for text in (b",", part.text)]
        if running is not None:
            texts += (b",", encode(shaped(running, version)))
        return Encoded([b"[", *texts[1:], b"]"])

    def knows(self, version: Version) -> bool:
        """Whether anything was encoded for this version yet."""
        return version in self._parts

    def _renewed(self, stored: list[Turn], version: Version) -> Iterator[_Part]:
        at = 0
        for part in self._parts.get(version, ()):
            if not part.is_of(stored, at):
                break
            yield part
            at += len(part.turns)
        yield from _cut(stored, at, version)


def _cut(turns: list[Turn], at: int, version: Version) -> Iterator[_Part]:
    texts, size = list[bytes](), 0
    for end, turn in enumerate(turns[at:], at + 1):
        texts.append(encode(shaped(present([turn], active=False)[0], version)))
        size += len(texts[-1])
        if size >= PART or end == len(turns):
            yield _Part(turns[at:end], b",".join(texts))
            texts, size, at = [], 0, end
