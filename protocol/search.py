"""Where a text occurs in a thread: params and result of thread/searchOccurrences."""

from __future__ import annotations

from protocol.wire import Count, Wire


class ThreadSearchOccurrencesParams(Wire):
    """A page of the places where this text stands in what was said; upper and lower case are the same."""

    thread_id: str
    search_term: str
    cursor: str | None = None
    limit: Count | None = None


class TextRange(Wire):
    """Half-open range of UTF-16 code units."""

    start: int
    end: int


class ThreadSearchOccurrence(Wire):
    """One place. ``turn_cursor`` leads thread/turns/list to its turn, which is part of that page."""

    turn_id: str
    item_id: str
    snippet: str
    snippet_match_range: TextRange
    turn_cursor: str


class ThreadSearchOccurrencesResponse(Wire):
    """Places in the order in which they were said."""

    data: list[ThreadSearchOccurrence]
    next_cursor: str | None
