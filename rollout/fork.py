"""A copy of a thread under a new id. The source is only read, and nothing of it is kept in memory but its turns.

Lines go into the copy as the bytes they are, times included. Only what the copy must say in another way is written
anew: all of a rollout of the newer form, and the output of commands beyond what is recorded of it. What cannot be
read stays behind, a torn tail like all other damage.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rollout.events import ExecCommandEnd, TurnAborted
from rollout.fold import Fold
from rollout.lines import OTHER_ITEM, Entry, OtherItem, ResponseItem, SessionMeta, decode_line, encode_line
from rollout.paginated import StoredItem
from rollout.policy import sanitise
from rollout.reader import RolloutError, entries, skim

_CHUNK = 1 << 20
_MARKER = (
    "<turn_aborted>\nThis conversation was copied while the turn above was still running. The copy stops here: "
    "commands of that turn may have run in part, or may still run.\n</turn_aborted>"
)


class Span(NamedTuple):
    """Bytes of the source, whole lines, that do not go into the copy as they are: written ``anew`` or left out."""

    start: int
    stop: int
    anew: bool


class Survey:
    """A source, read for a copy. Make it with :func:`survey`.

    ``fold``: what the copy says; its meta is the source's. ``ending``: what follows in the copy on what it has of the
    source: the end of a turn, if the source stops in the middle of one. ``is_plain``: it has the legacy form.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fold = Fold()
        self.fold.history.pass_over(1)  # the copy's own meta comes first
        self.ending: list[Entry] = []
        self.is_plain = True
        self.size = 0
        self.stop: int | None = None
        self.spans: list[Span] = []
        self._begun: dict[str, int] = {}

    def take(self, raw: bytes, entry: Entry | None) -> None:
        """Look at the next line."""
        start, self.size = self.size, self.size + len(raw)
        if entry is None:
            self._note(start, anew=False)
            return
        if isinstance(entry, SessionMeta) and not self.fold.has_meta:
            self.is_plain = not entry.is_paginated
        for kept in _in_old_form(entry):
            self.fold.feed(kept, raw)
        if (turn_id := self.fold.history.newest_turn_id) is not None:
            self._begun.setdefault(turn_id, start)
        if not self.is_plain or raw[-1:] != b"\n" or _changes(entry):
            self._note(start, anew=True)

    def place_before(self, turn_id: str) -> int | None:
        """The byte at which a turn of the source begins; None if it has no such turn."""
        return self._begun.get(turn_id) if turn_id in self._turn_ids() else None

    def place_after(self, turn_id: str) -> int | None:
        """The byte at which the turn that follows this one begins, or the end; None if there is no such turn."""
        turn_ids = self._turn_ids()
        if turn_id not in turn_ids:
            return None
        later = turn_ids[turn_ids.index(turn_id) + 1 :]
        return self._begun[later[0]] if later else self.size

    def _turn_ids(self) -> list[str]:
        return [turn.id for turn in self.fold.history.turns()]

    def _note(self, start: int, *, anew: bool) -> None:
        last = self.spans[-1] if self.spans else None
        if last is not None and last.stop == start and last.anew is anew:
            start = self.spans.pop().start
        self.spans.append(Span(start, self.size, anew))

    def close(self, *, blank: bool) -> None:
        """All lines were looked at. Raises :class:`~rollout.reader.RolloutError` if that was no rollout."""
        self.fold.close(self.path, blank=blank)
        if self.fold.is_mid_turn:
            self.ending = _interruption(self.fold.history.open_turn_id)
            for entry in self.ending:
                self.fold.feed(entry)

    def entries(self) -> Iterator[Entry]:
        """What the copy says but for its own meta, model items too; read from the source once more."""
        yield from (kept for entry in entries(self.path, self.stop) for kept in _in_old_form(entry))
        yield from self.ending


def survey(path: Path, stop: int | None = None) -> Survey:
    """Read a source for a copy of it, or of its lines before the byte ``stop``.

    Raises :class:`~rollout.reader.RolloutError`.
    """
    source, blank = Survey(path), True
    source.stop = stop
    pass_over = source.fold.history.pass_over
    for raw, entry in skim(path):
        if source.size == stop:
            break
        if entry is OTHER_ITEM and source.is_plain:
            source.size += len(raw)
            pass_over(1)
        else:
            source.take(raw, entry)
            blank = blank and raw.isspace()
    source.close(blank=blank)
    return source


def write(source: Survey, meta: SessionMeta, path: Path, timestamp: str) -> None:
    """Write the copy with its own ``meta``: the whole file is there at once, or none.

    Lines that are new have this time. The file is left to the machine to put on the medium. Raises ``OSError`` and
    :class:`~rollout.reader.RolloutError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    try:
        with source.path.open("rb") as old, unfinished.open("xb", buffering=_CHUNK) as new:
            new.write(encode_line(meta, timestamp))
            for lines in _lines(source, old, timestamp):
                new.write(lines)
            new.writelines(encode_line(entry, timestamp) for entry in source.ending)
        os.rename(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _lines(source: Survey, old: BinaryIO, timestamp: str) -> Iterator[bytes]:
    """What the copy has of its source, in pieces of any size."""
    at = 0
    for span in source.spans:
        yield from _bytes(source, old, at, span.start)
        if span.anew:
            yield from _anew(old, span, timestamp)
        at = span.stop
    yield from _bytes(source, old, at, source.size)


def _bytes(source: Survey, old: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    old.seek(start)
    while start < stop:
        piece = old.read(min(_CHUNK, stop - start))
        if not piece:
            raise RolloutError(source.path, "became shorter while it was copied")
        yield piece
        start += len(piece)


def _anew(old: BinaryIO, span: Span, timestamp: str) -> Iterator[bytes]:
    old.seek(span.start)
    while old.tell() < span.stop:
        entry = decode_line(old.readline())
        for kept in () if entry is None else _in_old_form(entry):
            if not isinstance(kept, OtherItem):
                yield encode_line(sanitise(kept), timestamp)


def _in_old_form(entry: Entry) -> Iterable[Entry]:
    """The entry as a copy holds it: it is written in the legacy form, whatever the source's."""
    return entry.events if isinstance(entry, StoredItem) else (entry,)


def _changes(entry: Entry) -> bool:
    """Whether a copy holds the entry in another form than its source."""
    return isinstance(entry, StoredItem) or (isinstance(entry, ExecCommandEnd) and sanitise(entry) != entry)


def _interruption(turn_id: str | None) -> list[Entry]:
    """The end of a turn. It has no times: nobody knows when the copied turn will have ended."""
    content = [{"type": "input_text", "text": _MARKER}]
    marker = ResponseItem(payload={"type": "message", "role": "user", "content": content})
    return [marker, TurnAborted(turn_id=turn_id, reason="interrupted")]
