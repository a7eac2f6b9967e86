"""The threads of one CODEX_HOME: find, list, name, archive. Plain blocking calls; the files are the only truth.

Lists are ordered by the time in the file's name (``created_at``), by mtime (``updated_at``) or by when the last turn
began (``recency_at``), and by thread id within the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from protocol.thread import GitInfo
from rollout import cursors
from rollout.cursors import InvalidCursor as InvalidCursor
from rollout.cursors import Key
from rollout.index import Row
from rollout.indexed import Indexed
from rollout.indexed import IndexInUse as IndexInUse
from rollout.latest import Latest as Latest
from rollout.metadata import MetadataLog
from rollout.names import SessionIndex
from rollout.paths import Home, archived_path, unarchived_path
from rollout.query import Page as Page
from rollout.query import Query as Query
from rollout.query import SortKey as SortKey
from rollout.reader import RolloutWithoutMeta, read_head
from rollout.recorder import utc_now
from rollout.summary import ThreadSummary as ThreadSummary
from rollout.summary import summarise


class Catalog:
    """The threads of ``home``. May be called from any thread.

    ``watched``: let the system tell what changes, if it can.
    """

    def __init__(self, home: Home, clock: Callable[[], datetime] = utc_now, *, watched: bool = True) -> None:
        self._home = home
        self._index = SessionIndex(home.session_index, clock)
        self._metadata = MetadataLog(home.metadata, clock)
        self._indexed = Indexed(home, self._index, watched=watched)

    def close(self) -> None:
        """Close the index. No other method may be called after this."""
        self._indexed.close()

    def build(self) -> Iterator[int]:
        """Read what the index lacks, some files at each step. Nothing depends on it but how soon lists are fast."""
        return self._indexed.build()

    def rebuild(self) -> int:
        """Make the index anew, from the files alone; how many there are. Raises :class:`IndexInUse`."""
        return self._indexed.rebuild()

    # One thread

    def find(self, thread_id: str) -> Path | None:
        """The rollout of a thread that is not archived."""
        return self._indexed.find(thread_id, archived=False)

    def find_archived(self, thread_id: str) -> Path | None:
        """The rollout of an archived thread."""
        return self._indexed.find(thread_id, archived=True)

    def summary(self, path: Path) -> ThreadSummary:
        """A thread by its rollout. Raises :class:`~rollout.reader.RolloutError`."""
        contents = self._indexed.contents(path)
        if contents.summary is None:
            raise RolloutWithoutMeta(path)
        return self._shown(contents.summary, contents.latest.name)

    def summary_of(self, path: Path, latest: Latest) -> ThreadSummary:
        """The same for one who has read the rollout: ``latest`` is what he found. Looks at its head only."""
        head = read_head(path)
        if head is None:
            raise RolloutWithoutMeta(path)
        return self._shown(summarise(head, path, int(path.stat().st_mtime)).with_latest(latest), latest.name)

    def name_of(self, thread_id: str) -> str | None:
        """The thread's name in the index."""
        return self._index.name_of(thread_id)

    def set_name(self, thread_id: str, name: str) -> None:
        """Enter a thread's name in the index. Raises ``ValueError`` if it is blank."""
        self._index.set_name(thread_id, name)

    def set_git(self, thread_id: str, git: GitInfo | None) -> None:
        """Set a thread's repository, or that it has none, whatever its rollout says. Raises ``OSError``."""
        self._metadata.set_git(thread_id, git)

    def archive(self, path: Path) -> Path:
        """Move a rollout to the archive; its mtime stays. Returns where it is now. Raises ``OSError``."""
        return _move(path, archived_path(self._home, path))

    def unarchive(self, path: Path) -> Path:
        """Move a rollout back to the folder of its day; its mtime is now. Returns where it is. Raises ``OSError``."""
        moved = _move(path, unarchived_path(self._home, path))
        os.utime(moved)
        return moved

    def delete(self, thread_id: str) -> None:
        """Remove every rollout of a thread, archived or not. Raises ``OSError``."""
        named = f"rollout-*-{thread_id}*.jsonl"
        found = [*self._home.sessions.rglob(named), *self._home.archived.glob(named)]
        for path in {self.find(thread_id), self.find_archived(thread_id), *found} - {None}:
            assert path is not None
            path.unlink(missing_ok=True)

    # Many threads

    def list(self, query: Query) -> Page:
        """A page of threads. Raises :class:`InvalidCursor`."""
        if query.cursor is not None:
            cursors.parse(query.cursor)
        rows = self._indexed.page(query)
        threads = [self._shown(*said) for said in (_said(row) for row in rows[: query.limit]) if said is not None]
        keys = [_key(row, query.sort_key) for row in rows[: query.limit]]
        return Page.of(threads, keys, more=len(rows) > query.limit)

    def _shown(self, thread: ThreadSummary, recorded: str | None) -> ThreadSummary:
        """The thread with what stands elsewhere: its name, unless only the rollout has one, and what was set for it."""
        name = self._index.name_of(thread.id)
        return self._metadata.applied(thread.named(recorded if name is None else name))


def _move(path: Path, target: Path) -> Path:
    if target.exists():
        raise FileExistsError(f"there is a rollout at {target} already")
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return target


def _said(row: Row) -> tuple[ThreadSummary, str | None] | None:
    contents = row.contents
    return None if contents is None or contents.summary is None else (contents.summary, contents.latest.name)


def _key(row: Row, sort_key: SortKey) -> Key:
    return {"created_at": row.created, "updated_at": row.updated, "recency_at": row.recency}[sort_key]
