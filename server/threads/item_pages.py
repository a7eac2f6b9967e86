"""Pages of a thread's items, across turns or of one, and their cursors. Pure.

A cursor names a turn and a place in it, not an item: a running turn's items have other ids than the same items have
once it has ended, but they keep their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import msgspec

from protocol.item import ThreadItem
from protocol.turn import Turn
from protocol.wire import Wire, encode
from server.threads.turn_pages import InvalidCursor


class Placed(NamedTuple):
    """An item and where it stands: its turn, and how many items that turn has before it."""

    turn_id: str
    place: int
    item: ThreadItem


class ItemPage(NamedTuple):
    """Some items. ``next_cursor``: None at the end. ``backwards_cursor``: the other way, with this page's first."""

    items: list[Placed]
    next_cursor: str | None
    backwards_cursor: str | None


class _Anchor(NamedTuple):
    """The turn's number in the thread, the item's place in it, and whether it is part of the page itself."""

    turn: int
    place: int
    include: bool


class _Cursor(Wire, forbid_unknown_fields=True):
    thread_id: str
    turn_id: str
    place: int
    include_anchor: bool


_decoder = msgspec.json.Decoder(_Cursor)


class Pages:
    """The items of one thread in pages. ``turns``: all of it, oldest first; ``turn_id``: only this one's items."""

    def __init__(self, thread_id: str, turns: list[Turn], turn_id: str | None = None) -> None:
        self._thread_id = thread_id
        self._all = turns
        self._turns = [turn for turn in turns if turn_id is None or turn.id == turn_id]

    @cached_property
    def _order(self) -> dict[str, int]:
        """Where each turn stands; only who has a cursor needs it."""
        return {turn.id: at for at, turn in enumerate(self._all)}

    def newest(self) -> str | None:
        """The cursor from which one reads backwards, the newest item included; None if there are no items."""
        last = next(self._walk(None, descending=True), None)
        return None if last is None else self._write(last, include=True)

    def page(self, cursor: str | None, limit: int, *, descending: bool) -> ItemPage:
        """Up to ``limit`` items from the cursor on. Raises :class:`InvalidCursor`."""
        return self._cut(None if cursor is None else self._read(cursor), limit, descending)

    def beside(self, item_id: str, limit: int, *, descending: bool) -> ItemPage:
        """Up to ``limit`` items after (descending: before) this one. Raises :class:`InvalidCursor`."""
        anchor = next((found for found in self._walk(None) if found.item.id == item_id), None)
        if anchor is None:
            raise InvalidCursor("no such item")
        return self._cut(_Anchor(self._order[anchor.turn_id], anchor.place, include=False), limit, descending)

    def _cut(self, anchor: _Anchor | None, limit: int, descending: bool) -> ItemPage:
        found = list(islice(self._walk(anchor, descending=descending), limit + 1))
        if not found:
            return ItemPage([], None, None)
        taken = found[:limit]
        more = self._write(taken[-1]) if len(found) > limit else None
        return ItemPage(taken, more, self._write(taken[0], include=True))

    def _walk(self, anchor: _Anchor | None, *, descending: bool = False) -> Iterator[Placed]:
        for turn in reversed(self._turns) if descending else self._turns:
            places = range(len(turn.items))
            if anchor is not None:
                places = _beyond(anchor, self._order[turn.id], places, descending)
            for place in reversed(places) if descending else places:
                yield Placed(turn.id, place, turn.items[place])

    def _read(self, cursor: str) -> _Anchor:
        try:
            said = _decoder.decode(cursor)
        except msgspec.DecodeError as error:
            raise InvalidCursor(cursor) from error
        if said.thread_id != self._thread_id:
            raise InvalidCursor("it is of another thread")
        if said.turn_id not in self._order:
            raise InvalidCursor("anchor turn is no longer present")
        return _Anchor(self._order[said.turn_id], said.place, include=said.include_anchor)

    def _write(self, found: Placed, *, include: bool = False) -> str:
        cursor = _Cursor(thread_id=self._thread_id, turn_id=found.turn_id, place=found.place, include_anchor=include)
        return encode(cursor).decode()


def _beyond(anchor: _Anchor, turn: int, places: range, descending: bool) -> range:
    """Which of a turn's places lie after the anchor, or before it."""
    if turn != anchor.turn:
        return places if (turn < anchor.turn) is descending else range(0)
    if descending:
        return places[: max(0, anchor.place + anchor.include)]
    return places[max(0, anchor.place + (not anchor.include)) :]
