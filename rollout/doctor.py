"""Lines of one rollout -> what is wrong with them, what they hold, what was used. Pure: reads, judges, changes nothing.

One pass with little memory: a line is looked at and forgotten. What a line holds besides damage is counted too, so the
numbers are those of the file after a repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import msgspec

from protocol.wire import Record
from rollout.events import DurableEvent
from rollout.findings import UNREADABLE, KindCount, Notebook, Report
from rollout.ledger import Ledger
from rollout.lines import KIND_NAMES, OLD_NAMES, Entry, SessionMeta, decode_line, foreign, why_unreadable
from rollout.model_items import KINDS
from rollout.paths import parse_name
from rollout.pieces import Piece, split
from rollout.sequence import Calls, Metas, Ordinals


class _Payload(Record):
    type: str = ""
    call_id: str | None = None


class Outline(Record):
    """What an examination reads of a line besides its entry."""

    type: str
    ordinal: int | None = None
    payload: _Payload

    @property
    def kind(self) -> str:
        """What sort of line it is; events and items by their own kinds."""
        return f"{self.type} {self.payload.type}".rstrip() if self.type in _DETAILED else self.type


_DETAILED = frozenset({"event_msg", "response_item"})
_EVENTS: frozenset[Any] = frozenset(event.__struct_config__.tag for event in get_args(DurableEvent)) | OLD_NAMES.keys()
_outline = msgspec.json.Decoder(Outline)


def examine(lines: Iterable[bytes], path: Path, *, running: bool = False) -> Report:
    """Examine all lines of a file, each with its newline. ``running``: a turn may be under way, so the end is open."""
    examination = _Examination(path, running=running)
    for number, raw in enumerate(lines, 1):
        examination.feed(number, raw)
    return examination.report()


class _Tally:
    __slots__ = ("bytes", "known", "lines")

    def __init__(self, known: bool) -> None:
        self.lines = 0
        self.bytes = 0
        self.known = known


class _Examination:
    def __init__(self, path: Path, *, running: bool) -> None:
        self._path = path
        self._running = running
        self._notebook = Notebook()
        self._ledger = Ledger(self._notebook)
        self._calls = Calls(self._notebook)
        self._metas = Metas(self._notebook)
        self._ordinals = Ordinals(self._notebook)
        self._kinds: dict[str, _Tally] = {}
        self._lines = 0
        self._bytes = 0

    def feed(self, number: int, raw: bytes) -> None:
        self._lines = number
        self._bytes += len(raw)
        ended = raw.endswith(b"\n")
        entry = decode_line(raw, items=False)
        pieces = [Piece(raw, whole=True)] if entry is not None else split(raw)
        if len(pieces) == 1 and pieces[0].whole:
            self._whole(number, raw, entry)
        else:
            self._judge(number, raw, pieces, ended)
            for piece in pieces:
                self._piece(number, piece)
        if not ended and not self._running and pieces and pieces[-1].whole:
            self._notebook.note("no-newline", number, "the last line is whole but has no end")

    def _judge(self, number: int, raw: bytes, pieces: list[Piece], ended: bool) -> None:
        """Note how a line is damaged that is no entry."""
        if len(pieces) > 1:
            whole = sum(piece.whole for piece in pieces)
            lost = sum(len(piece.content) for piece in pieces if not piece.whole)
            rest = f" and {lost} bytes that belong to none" if lost else ""
            self._notebook.note("glued", number, f"holds {whole} line{'s' * (whole != 1)}{rest}")
        elif pieces and ended:
            self._notebook.note("not-json", number, why_unreadable(pieces[0].content))
        elif pieces and not self._running:
            self._notebook.note("torn-tail", number, f"the last line is cut off after {len(raw)} bytes")

    def _piece(self, number: int, piece: Piece) -> None:
        if piece.whole:
            self._whole(number, piece.content, decode_line(piece.content, items=False))
        else:
            self._count(UNREADABLE, len(piece.content), known=False)

    def _whole(self, number: int, raw: bytes, entry: Entry | None) -> None:
        try:
            outline = _outline.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._count(UNREADABLE, len(raw), known=False)
            return self._notebook.note("incomplete-line", number, why_unreadable(raw))
        known = _is_known(outline)
        self._count(outline.kind, len(raw), known=known)
        self._ordinals.feed(number, outline.ordinal, paginated=self._metas.paginated)
        if entry is None:
            # Without an entry an event may still be an item of a kind that is not known, and whole.
            if (known and outline.payload.type != "item_completed") or foreign(raw) is None:
                self._notebook.note("incomplete-line", number, why_unreadable(raw))
            return None
        if isinstance(entry, SessionMeta):
            self._metas.feed(number, entry)
        else:
            self._metas.other(number)
        self._ledger.feed(number, entry)
        if outline.payload.call_id is not None:
            self._calls.feed(number, outline.payload.type, outline.payload.call_id)
        return None

    def _count(self, kind: str, size: int, *, known: bool) -> None:
        tally = self._kinds.setdefault(kind, _Tally(known))
        tally.lines += 1
        tally.bytes += size

    def report(self) -> Report:
        if not self._kinds:
            self._notebook.note("empty", None, "holds nothing but blanks")
        else:
            named = parse_name(self._path.name)
            self._metas.close(named.thread_id if named else None)
        self._calls.close(since=self._ledger.open_since if self._running else None)
        self._ledger.close(running=self._running)
        return Report(
            path=str(self._path),
            thread_id=self._metas.thread_id,
            paginated=self._metas.paginated,
            lines=self._lines,
            bytes=self._bytes,
            kinds=[
                KindCount(kind=kind, lines=tally.lines, bytes=tally.bytes, known=tally.known)
                for kind, tally in sorted(self._kinds.items())
            ],
            turns=self._ledger.turns(),
            total=self._ledger.total,
            findings=sorted(self._notebook.findings, key=lambda finding: finding.line or 0),
            counts=self._notebook.counts,
        )


def _is_known(outline: Outline) -> bool:
    match outline.type:
        case "event_msg":
            return outline.payload.type in _EVENTS
        case "response_item":
            return outline.payload.type in KINDS
        case kind:
            return kind in KIND_NAMES
