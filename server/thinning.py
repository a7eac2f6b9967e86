"""Fewer notifications that say the same, for a client that does not keep up. Pure; knows no socket.

Pieces of one text become one piece, at the place of the first; of what only matters in its newest form the newest
stays, at its place. Everything else stays as it is and where it is, and nothing passes the begin or end of its item.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from msgspec.structs import replace

from protocol import notices
from protocol.frames import Frame, told
from protocol.method import Newest, Notice, Pieces

Texts = dict[Hashable, tuple[int, list[Frame]]]
"""The texts of one item that still grow: key -> the place of the first piece, and all pieces so far."""

_BOUNDARIES = (notices.ITEM_STARTED, notices.ITEM_COMPLETED)


def thinned(waiting: Iterable[Frame]) -> list[Frame]:
    """The same in as few frames as may be."""
    kept: list[Frame | None] = []
    newest: dict[Hashable, int] = {}
    growing: dict[Hashable, Texts] = {}
    for frame in waiting:
        rule = None if frame.notice is None else frame.notice.thinned
        if isinstance(rule, Newest):
            key = _key(frame, rule.alike)
            if (before := newest.get(key)) is not None:
                kept[before] = None
            newest[key] = len(kept)
        elif isinstance(rule, Pieces):
            texts = growing.setdefault((frame.params.thread_id, frame.params.item_id), {})
            _, pieces = texts.setdefault(_key(frame, rule.alike), (len(kept), []))
            pieces.append(frame)
            if len(pieces) > 1:
                continue
        elif frame.notice in _BOUNDARIES:
            _join(kept, growing.pop((frame.params.thread_id, frame.params.item.id), {}))
        kept.append(frame)
    for texts in growing.values():
        _join(kept, texts)
    return [frame for frame in kept if frame is not None]


def least(waiting: Iterable[Frame]) -> int:
    """Bytes of notifications that thinning leaves at the least: the texts themselves, and what must stay as it is."""
    return sum(_least(frame) for frame in waiting if frame.method is not None)


def _least(frame: Frame) -> int:
    rule = None if frame.notice is None else frame.notice.thinned
    match rule:
        case Newest():
            return 0
        case Pieces():
            return len(getattr(frame.params, rule.text))
        case _:
            return frame.size


def _key(frame: Frame, members: tuple[str, ...]) -> Hashable:
    return (frame.method, *(getattr(frame.params, member) for member in members))


def _join(kept: list[Frame | None], texts: Texts) -> None:
    """Put each text together at the place of its first piece."""
    for at, pieces in texts.values():
        if len(pieces) > 1:
            kept[at] = _joined(pieces)


def _joined(pieces: list[Frame]) -> Frame:
    first, last = pieces[0], pieces[-1]
    notice: Notice[Any] | None = first.notice
    assert notice is not None
    assert isinstance(notice.thinned, Pieces)
    member = notice.thinned.text
    text = "".join(getattr(piece.params, member) for piece in pieces)
    return told(notice, replace(first.params, **{member: text}), last.tail)
