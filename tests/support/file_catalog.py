"""Lists made from the files alone, each one anew: what the catalogue with its index must agree with. Slow and plain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from rollout import cursors
from rollout.cursors import Key
from rollout.indexed import followed
from rollout.metadata import MetadataLog
from rollout.names import SessionIndex, named_by
from rollout.paths import Home, parse_name
from rollout.query import Page, Query
from rollout.reader import RolloutError, read_head
from rollout.recorder import utc_now
from rollout.summary import ThreadSummary, asked_kinds, source_kinds, summarise


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
        listed = [(key, thread) for key, _, path in after if (thread := self._matching(path, query)) is not None]
        shown = listed[: query.limit]
        return Page.of([thread for _, thread in shown], [key for key, _ in shown], more=len(listed) > query.limit)

    def _files(self, *, archived: bool) -> Iterator[tuple[Path, str]]:
        for folder, _, names in os.walk(self._home.archived if archived else self._home.sessions):
            for each in names:
                name = parse_name(each)
                if name is not None:
                    yield Path(folder, each), name.thread_id

    def _found(self, query: Query) -> Iterator[tuple[Key, bytes, Path]]:
        for path, thread_id in self._files(archived=query.archived):
            name = parse_name(path.name)
            if name is not None and path.exists():
                created = cursors.time_to_milliseconds(name.created.replace(tzinfo=UTC))
                updated = path.stat().st_mtime_ns // 1_000_000
                yield Key(created if query.sort_key == "created_at" else updated, thread_id), os.fsencode(path), path

    def _matching(self, path: Path, query: Query) -> ThreadSummary | None:
        try:
            head = read_head(path)
        except RolloutError:
            return None
        if head is None or head.first_message is None:
            return None
        thread = summarise(head, path, path.stat().st_mtime_ns // 1_000_000_000)
        if not _fits(thread, query):
            return None
        name = SessionIndex(self._home.session_index, utc_now).name_of(thread.id)
        shown = thread.named(_recorded_name(path, thread.id) if name is None else name)
        wanted = (query.search or "").casefold()
        if wanted not in shown.preview.casefold() and wanted not in (shown.name or "").casefold():
            return None
        return MetadataLog(self._home.metadata, utc_now).applied(shown)


def _fits(thread: ThreadSummary, query: Query) -> bool:
    if query.providers and thread.model_provider and thread.model_provider not in query.providers:
        return False
    if source_kinds(thread.source).isdisjoint(asked_kinds(query.source_kinds)):
        return False
    return query.cwds is None or followed(thread.cwd) in {followed(cwd) for cwd in query.cwds}


def _recorded_name(path: Path, thread_id: str) -> str | None:
    names = [named_by(raw, thread_id) for raw in path.read_bytes().splitlines(keepends=True)]
    return next((name for name in reversed(names) if name is not None), None)
