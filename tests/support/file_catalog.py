"""Lists made from the files alone, each one anew: what the catalogue with its index must agree with. Slow and plain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from rollout import cursors
from rollout.cursors import Key
from rollout.indexed import followed
from rollout.latest import Latest, Newest
from rollout.metadata import MetadataLog
from rollout.names import SessionIndex, named_by
from rollout.paths import Home, parse_name
from rollout.query import Page, Query
from rollout.reader import RolloutError, read_head
from rollout.recorder import utc_now
from rollout.summary import ThreadSummary, asked_kinds, recency_ms, source_kinds, summarise


class FileCatalog:
    """The threads of ``home``. Nothing is remembered from one call to the next."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def find(self, thread_id: str, *, archived: bool = False) -> Path | None:
        """The newest rollout of a thread."""
        found = [path for path, name in self._files(archived=archived) if name == thread_id.lower()]
        return max(found, key=lambda path: (path.name, os.fsencode(path)), default=None)

    def list(self, query: Query) -> Page:
        """A page of threads."""
        start = None if query.cursor is None else cursors.parse(query.cursor)
        found = sorted(self._found(query), reverse=query.descending)
        after = [each for each in found if start is None or start.passes(each[0], descending=query.descending)]
        below = None if query.ancestor is None else self._below(query.ancestor)
        listed = [(key, thread) for key, _, path in after if (thread := self._matching(path, query, below)) is not None]
        shown = listed[: query.limit]
        return Page.of([thread for _, thread in shown], [key for key, _ in shown], more=len(listed) > query.limit)

    def _files(self, *, archived: bool) -> Iterator[tuple[Path, str]]:
        for folder, _, names in os.walk(self._home.archived if archived else self._home.sessions):
            for each in names:
                name = parse_name(each)
                if name is not None:
                    yield Path(folder, each), name.thread_id

    def _below(self, ancestor: str) -> set[str]:
        """The threads that this one spawned, itself or through others."""
        heads = [head for path in self._everything() if (head := _head(path)) is not None]
        parents = [(thread.id, thread.parent_thread_id) for thread in heads]
        found: set[str] = set()
        while more := {child for child, parent in parents if parent in {ancestor, *found}} - found:
            found |= more
        return found

    def _everything(self) -> Iterator[Path]:
        for archived in (False, True):
            yield from (path for path, _ in self._files(archived=archived))

    def _found(self, query: Query) -> Iterator[tuple[Key, bytes, Path]]:
        there = [path for path, _ in self._files(archived=query.archived) if path.exists()]
        names = {path: name for path in there if (name := parse_name(path.name)) is not None}
        for path, name in names.items():
            gone_on = any(
                later.thread_id == name.thread_id != later.rollout_id > name.rollout_id for later in names.values()
            )
            if not gone_on and name.thread_id not in query.excluded:
                created = cursors.time_to_milliseconds(name.created.replace(tzinfo=UTC))
                updated = path.stat().st_mtime_ns // 1_000_000
                times = {"created_at": created, "updated_at": updated, "recency_at": _recency(path, updated)}
                yield Key(times[query.sort_key], name.thread_id), os.fsencode(path), path

    def _matching(self, path: Path, query: Query, below: set[str] | None) -> ThreadSummary | None:
        try:
            head = read_head(path)
        except RolloutError:
            return None
        if head is None or head.first_message is None:
            return None
        thread = summarise(head, path, path.stat().st_mtime_ns // 1_000_000_000)
        if not _fits(thread, query) or (below is not None and thread.id not in below):
            return None
        thread = thread.with_latest(_latest(path, thread.id))
        name = SessionIndex(self._home.session_index, utc_now).name_of(thread.id)
        shown = thread.named(_recorded_name(path, thread.id) if name is None else name)
        wanted = (query.search or "").casefold()
        if wanted not in shown.preview.casefold() and wanted not in (shown.name or "").casefold():
            return None
        return MetadataLog(self._home.metadata, utc_now).applied(shown)


def _fits(thread: ThreadSummary, query: Query) -> bool:
    if query.providers and thread.model_provider and thread.model_provider not in query.providers:
        return False
    of_any_kind = not query.source_kinds and (query.parent is not None or query.ancestor is not None)
    if not of_any_kind and source_kinds(thread.source).isdisjoint(asked_kinds(query.source_kinds)):
        return False
    if query.parent is not None and thread.parent_thread_id != query.parent:
        return False
    if query.originators and thread.originator not in query.originators:
        return False
    return query.cwds is None or followed(thread.cwd) in {followed(cwd) for cwd in query.cwds}


def _head(path: Path) -> ThreadSummary | None:
    try:
        head = read_head(path)
    except RolloutError:
        return None
    return None if head is None else summarise(head, path, 0)


def _latest(path: Path, thread_id: str) -> Latest:
    newest = Newest(thread_id)
    for raw in path.read_bytes().splitlines(keepends=True):
        newest.feed(raw)
    return newest.latest()


def _recency(path: Path, updated: int) -> int:
    head = _head(path)
    if head is None:
        return updated
    return recency_ms(_latest(path, head.id), head.created_at * 1000, updated)


def _recorded_name(path: Path, thread_id: str) -> str | None:
    names = [named_by(raw, thread_id) for raw in path.read_bytes().splitlines(keepends=True)]
    return next((name for name in reversed(names) if name is not None), None)
