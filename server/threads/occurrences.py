"""Where a text stands in what user and model said: found turn by turn, told in pages. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from protocol.item import AgentMessage, TextInput, ThreadItem, UserMessage
from protocol.search import TextRange, ThreadSearchOccurrence
from protocol.turn import Turn
from protocol.wire import Wire, encode
from server.threads.turn_pages import InvalidCursor, cursor_at

BESIDE = 80
"""How many characters a snippet shows before and after the text that was looked for, at most."""


class OccurrencePage(NamedTuple):
    """Some occurrences. ``next_cursor``: None at the end."""

    found: list[ThreadSearchOccurrence]
    next_cursor: str | None


class _Cursor(Wire, forbid_unknown_fields=True):
    """After this occurrence of this text; the item by its place in the turn, the occurrence by its number in it."""

    thread_id: str
    search_term: str
    turn_id: str
    place: int
    number: int


_decoder = msgspec.json.Decoder(_Cursor)


class _Match(NamedTuple):
    turn: Turn
    place: int
    number: int
    text: str
    start: int
    end: int


def search(thread_id: str, turns: list[Turn], term: str, cursor: str | None, limit: int) -> OccurrencePage:
    """Up to ``limit`` occurrences after the cursor's. Raises :class:`InvalidCursor`."""
    after = None if cursor is None else _read(cursor, thread_id, term)
    found = list(islice(_matches(turns, re.compile(re.escape(term), re.IGNORECASE), after), limit + 1))
    taken = found[:limit]
    more = None
    if len(found) > limit:
        last = taken[-1]
        more = encode(
            _Cursor(thread_id=thread_id, search_term=term, turn_id=last.turn.id, place=last.place, number=last.number)
        ).decode()
    return OccurrencePage([_shown(match) for match in taken], more)


def _matches(turns: list[Turn], wanted: re.Pattern[str], after: _Cursor | None) -> Iterator[_Match]:
    begin = 0
    if after is not None:
        begin = next((at for at, turn in enumerate(turns) if turn.id == after.turn_id), -1)
        if begin < 0:
            raise InvalidCursor("anchor turn is no longer present")
    for turn in turns[begin:]:
        seen = (after.place, after.number) if after is not None and turn.id == after.turn_id else (-1, -1)
        for place, item in enumerate(turn.items[max(0, seen[0]) :], max(0, seen[0])):
            for number, (text, start, end) in enumerate(_in_item(item, wanted)):
                if (place, number) > seen:
                    yield _Match(turn, place, number, text, start, end)


def _in_item(item: ThreadItem, wanted: re.Pattern[str]) -> Iterator[tuple[str, int, int]]:
    for text in _texts(item):
        for match in wanted.finditer(text):
            yield text, match.start(), match.end()


def _texts(item: ThreadItem) -> list[str]:
    match item:
        case UserMessage():
            return [part.text for part in item.content if isinstance(part, TextInput)]
        case AgentMessage():
            return [item.text]
        case _:
            return []


def _shown(match: _Match) -> ThreadSearchOccurrence:
    begin, end = max(0, match.start - BESIDE), match.end + BESIDE
    start = _units(match.text[begin : match.start])
    return ThreadSearchOccurrence(
        turn_id=match.turn.id,
        item_id=match.turn.items[match.place].id,
        snippet=match.text[begin:end],
        snippet_match_range=TextRange(start=start, end=start + _units(match.text[match.start : match.end])),
        turn_cursor=cursor_at(match.turn),
    )


def _units(text: str) -> int:
    """Its length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _read(cursor: str, thread_id: str, term: str) -> _Cursor:
    try:
        said = _decoder.decode(cursor)
    except msgspec.DecodeError as error:
        raise InvalidCursor(cursor) from error
    if (said.thread_id, said.search_term) != (thread_id, term):
        raise InvalidCursor("it is of another search")
    return said
