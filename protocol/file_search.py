"""Searching files by a few letters of their paths: one search, or a session in which the words change."""

from __future__ import annotations

from typing import Literal

from protocol.wire import AS_IS, Count, Wire


class FuzzyFileSearchParams(Wire):
    """One search below these folders. A search with the same ``cancellation_token`` ends the one before it."""

    query: str
    roots: list[str]
    cancellation_token: str | None = None


class FuzzyFileSearchResult(Wire, rename=AS_IS):
    """A file or folder, by its path below ``root``; ``indices`` are the characters of the path that match."""

    root: str
    path: str
    match_type: Literal["file", "directory"]
    file_name: str
    score: Count
    indices: list[Count] | None


class FuzzyFileSearchResponse(Wire):
    """The best ones first."""

    files: list[FuzzyFileSearchResult]


class FuzzyFileSearchSessionStartParams(Wire):
    """Begin a session under the client's name for it, or begin it again."""

    session_id: str
    roots: list[str]


class FuzzyFileSearchSessionUpdateParams(Wire):
    """Search for this from now on."""

    session_id: str
    query: str


class FuzzyFileSearchSessionStopParams(Wire):
    """End a session; ending one that there is not is fine."""

    session_id: str


class FuzzyFileSearchSessionUpdatedNotification(Wire):
    """What has been found for this query so far."""

    session_id: str
    query: str
    files: list[FuzzyFileSearchResult]


class FuzzyFileSearchSessionCompletedNotification(Wire):
    """All folders have been searched for the newest query."""

    session_id: str
