"""What a list of threads is asked for, and what it answers. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from protocol.wire import Record
from rollout import cursors
from rollout.cursors import Key
from rollout.summary import ThreadSummary

SortKey = Literal["created_at", "updated_at", "recency_at"]


class Query(Record):
    """Which threads a list holds, and where it goes on.

    ``providers`` and ``source_kinds``: empty for any, and for the interactive ones. ``cwds``: None for any. A thread
    whose rollout names no provider is one of every provider. ``search``: part of title or preview, in any case.
    ``parent`` and ``ancestor``: only threads that this one spawned, itself or through others; then ``source_kinds``
    empty means any kind. ``originators``: empty for any.
    """

    limit: int = 25
    cursor: str | None = None
    sort_key: SortKey = "created_at"
    descending: bool = True
    providers: list[str] = []
    source_kinds: list[str] = []
    archived: bool = False
    cwds: list[str] | None = None
    search: str | None = None
    parent: str | None = None
    ancestor: str | None = None
    originators: list[str] = []
    excluded: list[str] = []

    @property
    def needs_all_read(self) -> bool:
        """Whether an answer depends on what all files say, not only on those among the answers."""
        return self.sort_key == "recency_at" or self.ancestor is not None


class Page(NamedTuple):
    """Some threads. ``next_cursor``: None at the end. ``backwards_cursor``: the other way, with this page's first."""

    threads: list[ThreadSummary]
    next_cursor: str | None
    backwards_cursor: str | None

    @classmethod
    def of(cls, threads: list[ThreadSummary], keys: list[Key], *, more: bool) -> Page:
        """A page of these threads, which stand at these places. ``more``: others follow."""
        following = cursors.write(keys[-1]) if more and keys else None
        return cls(threads, following, cursors.write(keys[0], inclusive=True) if keys else None)
