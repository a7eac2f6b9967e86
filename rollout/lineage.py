"""Rollouts that go on where another one was left: 0.169.0 forks and takes turns back without copying a line.

The meta of such a file names the other by its own id and says how many bytes of it count. The other one may go on a
third. Looks at first lines only; knows no entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from protocol.wire import UNSET, Record, UnsetType
from rollout.tree import with_id

_MARK = b'"history_base"'
_FOLDERS = ("sessions", "archived_sessions")


class Predecessor(Record):
    """Where a rollout goes on: the file's own id, the ordinal that follows, and how many bytes of that file count."""

    thread_id: str
    end_byte_offset: int
    end_ordinal_exclusive: int | UnsetType = UNSET


class Part(NamedTuple):
    """The beginning of a file, up to ``size`` bytes."""

    path: Path
    size: int


class _Meta(Record):
    history_base: Predecessor | None = None


class _Line(Record):
    payload: _Meta


_line = msgspec.json.Decoder(_Line)


class PredecessorMissing(Exception):
    """``rollout_id``: of the file that is not there."""

    def __init__(self, rollout_id: str) -> None:
        super().__init__(f"goes on the rollout {rollout_id}, which is not there")
        self.rollout_id = rollout_id


def before(path: Path, first: bytes) -> list[Part]:
    """What comes before the second line of a rollout with this ``first`` line, oldest first; mostly nothing.

    Raises :class:`PredecessorMissing`, and ``OSError`` if one cannot be read.
    """
    parts: list[Part] = []
    while (last := _predecessor(first)) is not None and len({part.path for part in parts}) == len(parts):
        found = _find(path, last.thread_id)
        if found is None:
            raise PredecessorMissing(last.thread_id)
        parts.append(Part(found, last.end_byte_offset))
        with found.open("rb") as file:
            first = file.readline()
    return parts[::-1]


def lines(part: Part) -> Iterator[bytes]:
    """The whole lines of a part."""
    size = 0
    with part.path.open("rb") as file:
        for raw in file:
            size += len(raw)
            if size > part.size:
                return
            yield raw


def _predecessor(first: bytes) -> Predecessor | None:
    if _MARK not in first:
        return None
    try:
        return _line.decode(first).payload.history_base
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _find(path: Path, rollout_id: str) -> Path | None:
    """The file with this id, in the same home as ``path``."""
    top = next((folder.parent for folder in path.parents if folder.name in _FOLDERS), None)
    if top is None:
        return None
    places = (path.parent, *(top / folder for folder in _FOLDERS))
    return next((found for place in places if (found := with_id(place, rollout_id)) is not None), None)
