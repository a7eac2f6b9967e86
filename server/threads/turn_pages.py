"""Pages of a thread's turns, and their cursors: JSON texts that name a turn. Pure."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from protocol.item import AgentMessage, ThreadItem, UserMessage
from protocol.turn import ItemsView, Turn
from protocol.wire import Wire, encode


class InvalidCursor(ValueError):
    """The text is no cursor, or the turn that it names is gone; says which."""


class TurnPage(NamedTuple):
    """Some turns. ``next_cursor``: None at the end. ``backwards_cursor``: the other way, with this page's first."""

    turns: list[Turn]
    next_cursor: str | None
    backwards_cursor: str | None


class _Cursor(Wire):
    turn_id: str
    include_anchor: bool


_decoder = msgspec.json.Decoder(_Cursor)


def page(turns: list[Turn], cursor: str | None, limit: int, *, descending: bool) -> TurnPage:
    """Up to ``limit`` turns from the cursor on. ``turns``: all of the thread, oldest first.

    Raises :class:`InvalidCursor`; a thread without turns has an empty page whatever the cursor.
    """
    if not turns:
        return TurnPage([], None, None)
    ordered = turns[::-1] if descending else turns
    begin = 0 if cursor is None else _place(ordered, cursor)
    taken = ordered[begin : begin + limit]
    if not taken:
        return TurnPage([], None, None)
    more = begin + limit < len(ordered)
    return TurnPage(taken, _write(taken[-1]) if more else None, _write(taken[0], include=True))


def end_cursor(turns: list[Turn]) -> str | None:
    """What leads a newest-first reader from the last of these turns on; None if there is none."""
    return cursor_at(turns[-1]) if turns else None


def cursor_at(turn: Turn) -> str:
    """The cursor of the page that begins with this turn, in either direction."""
    return _write(turn, include=True)


def viewed(turn: Turn, view: ItemsView) -> Turn:
    """The turn with as many of its items as the view shows."""
    if view == "full":
        return turn
    return replace(turn, items=[] if view == "notLoaded" else _summary(turn.items), items_view=view)


def _summary(items: list[ThreadItem]) -> list[ThreadItem]:
    """What the turn was asked first, and what it answered last."""
    asked = next((at for at, item in enumerate(items) if isinstance(item, UserMessage)), None)
    answered = next((at for at in reversed(range(len(items))) if isinstance(items[at], AgentMessage)), None)
    return [items[at] for at in sorted({at for at in (asked, answered) if at is not None})]


def _place(ordered: list[Turn], cursor: str) -> int:
    try:
        anchor = _decoder.decode(cursor)
    except msgspec.DecodeError as error:
        raise InvalidCursor(cursor) from error
    at = next((at for at, turn in enumerate(ordered) if turn.id == anchor.turn_id), None)
    if at is None:
        raise InvalidCursor("anchor turn is no longer present")
    return at if anchor.include_anchor else at + 1


def _write(turn: Turn, *, include: bool = False) -> str:
    return encode(_Cursor(turn_id=turn.id, include_anchor=include)).decode()
