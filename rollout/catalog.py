"""The threads of one CODEX_HOME: find, list, name, archive. Plain blocking calls; the files are the only truth.

What a file's head says is remembered by path, size and mtime. Lists are ordered by the time in the file's name
(``created_at``) or by mtime (``updated_at``), and by thread id within the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from protocol.wire import Record
from rollout import cursors
from rollout.cursors import InvalidCursor as InvalidCursor
from rollout.cursors import Key
from rollout.names import SessionIndex, recorded_name
from rollout.paths import Home, RolloutName, archived_path, parse_name, unarchived_path
from rollout.reader import RolloutError, RolloutWithoutMeta, read_head
from rollout.recorder import utc_now
from rollout.summary import ThreadSummary as ThreadSummary
from rollout.summary import is_of_kind, summarise


class Query(Record):
    """Which threads a list holds, and where it goes on.

    ``providers`` and ``source_kinds``: empty for any, and for the interactive ones. ``cwds``: None for any. A thread
    whose rollout names no provider is one of every provider. ``search``: part of title or preview, in any case.
    """

    limit: int = 25
    cursor: str | None = None
    sort_key: Literal["created_at", "updated_at"] = "created_at"
    descending: bool = True
    providers: list[str] = []
    source_kinds: list[str] = []
    archived: bool = False
    cwds: list[str] | None = None
    search: str | None = None


class Page(NamedTuple):
    """Some threads. ``next_cursor``: None at the end. ``backwards_cursor``: the other way, with this page's first."""

    threads: list[ThreadSummary]
    next_cursor: str | None
    backwards_cursor: str | None


class _Found(NamedTuple):
    """A rollout file and where it stands in a list."""

    key: Key
    path: str


class _Known(NamedTuple):
    """What a file said when it had this size and mtime. ``listed``: it holds a user message near its start."""

    size: int
    mtime_ns: int
    summary: ThreadSummary | None
    listed: bool


class Catalog:
    """The threads of ``home``. May be called from any thread."""

    def __init__(self, home: Home, clock: Callable[[], datetime] = utc_now) -> None:
        self._home = home
        self._index = SessionIndex(home.session_index, clock)
        self._known: dict[Path, _Known] = {}
        self._named: dict[Path, tuple[int, int, str | None]] = {}

    # One thread

    def find(self, thread_id: str) -> Path | None:
        """The rollout of a thread that is not archived."""
        return _find(self._home.sessions, thread_id)

    def find_archived(self, thread_id: str) -> Path | None:
        """The rollout of an archived thread."""
        return _find(self._home.archived, thread_id)

    def summary(self, path: Path) -> ThreadSummary:
        """A thread by its rollout. Raises :class:`~rollout.reader.RolloutError`."""
        known = self._look(path)
        if known.summary is None:
            raise RolloutWithoutMeta(path)
        return self._with_name(known.summary)

    def name_of(self, thread_id: str) -> str | None:
        """The thread's name in the index."""
        return self._index.name_of(thread_id)

    def set_name(self, thread_id: str, name: str) -> None:
        """Enter a thread's name in the index. Raises ``ValueError`` if it is blank."""
        self._index.set_name(thread_id, name)

    def archive(self, path: Path) -> Path:
        """Move a rollout to the archive; its mtime stays. Returns where it is now. Raises ``OSError``."""
        return _move(path, archived_path(self._home, path))

    def unarchive(self, path: Path) -> Path:
        """Move a rollout back to the folder of its day; its mtime is now. Returns where it is. Raises ``OSError``."""
        moved = _move(path, unarchived_path(self._home, path))
        os.utime(moved)
        return moved

    # Many threads

    def list(self, query: Query) -> Page:
        """A page of threads. Raises :class:`InvalidCursor`."""
        start = None if query.cursor is None else cursors.parse(query.cursor)
        found = sorted(self._all(query), key=lambda each: each.key, reverse=query.descending)
        after = (each for each in found if start is None or start.passes(each.key, descending=query.descending))
        keys: list[Key] = []
        threads: list[ThreadSummary] = []
        for each in after:
            thread = self._matching(Path(each.path), query)
            if thread is None:
                continue
            if len(threads) == query.limit:
                return _page(threads, keys, more=True)
            threads.append(thread)
            keys.append(each.key)
        return _page(threads, keys, more=False)

    def _all(self, query: Query) -> Iterator[_Found]:
        when = _created if query.sort_key == "created_at" else _updated
        for entry in _rollouts(self._home.archived if query.archived else self._home.sessions):
            name = parse_name(entry.name)
            if name is None:
                continue
            try:
                yield _Found(Key(when(entry, name), name.thread_id), entry.path)
            except FileNotFoundError:  # moved away since the folder was read
                continue

    def _matching(self, path: Path, query: Query) -> ThreadSummary | None:
        try:
            known = self._look(path)
        except RolloutError:
            return None
        thread = known.summary
        if thread is None or not known.listed or not _fits(thread, query):
            return None
        named = self._with_name(thread)
        return named if _is_searched(named, query.search) else None

    def _look(self, path: Path) -> _Known:
        try:
            found = path.stat()
        except OSError:
            read_head(path)  # says what is wrong with it
            raise
        known = self._known.get(path)
        if known is None or (known.size, known.mtime_ns) != (found.st_size, found.st_mtime_ns):
            head = read_head(path)
            summary = None if head is None else summarise(head, path, int(found.st_mtime))
            listed = head is not None and head.first_message is not None
            known = _Known(found.st_size, found.st_mtime_ns, summary, listed)
            self._known[path] = known
        return known

    def _with_name(self, thread: ThreadSummary) -> ThreadSummary:
        name = self._index.name_of(thread.id)
        return thread.named(self._recorded_name(thread) if name is None else name)

    def _recorded_name(self, thread: ThreadSummary) -> str | None:
        """For a rollout that came here without its line of the index."""
        known = self._known[thread.path]
        named = self._named.get(thread.path)
        if named is None or named[:2] != (known.size, known.mtime_ns):
            named = (known.size, known.mtime_ns, recorded_name(thread.path, thread.id))
            self._named[thread.path] = named
        return named[2]


def _rollouts(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """All files below a folder whose names begin like those of rollouts."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # not there, no folder, or not ours to read: the threads in it are not ours either
        return
    for entry in entries:
        if entry.name.startswith("rollout-"):
            yield entry
        elif entry.is_dir(follow_symlinks=False):
            yield from _rollouts(entry.path)


def _find(folder: Path, thread_id: str) -> Path | None:
    """The newest rollout of a thread below a folder."""
    ending = f"-{thread_id.lower()}.jsonl"
    found = [entry for entry in _rollouts(folder) if entry.name.lower().endswith(ending) and parse_name(entry.name)]
    return Path(max(found, key=lambda entry: entry.name).path) if found else None


def _created(_: os.DirEntry[str], name: RolloutName) -> int:
    """Unix milliseconds, taking the local time in the name for UTC."""
    return cursors.time_to_milliseconds(name.created.replace(tzinfo=UTC))


def _updated(entry: os.DirEntry[str], _: RolloutName) -> int:
    return entry.stat().st_mtime_ns // 1_000_000


def _move(path: Path, target: Path) -> Path:
    if target.exists():
        raise FileExistsError(f"there is a rollout at {target} already")
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return target


def _page(threads: list[ThreadSummary], keys: list[Key], *, more: bool) -> Page:
    following = cursors.write(keys[-1]) if more and keys else None
    return Page(threads, following, cursors.write(keys[0], inclusive=True) if keys else None)


def _fits(thread: ThreadSummary, query: Query) -> bool:
    if query.providers and thread.model_provider and thread.model_provider not in query.providers:
        return False
    if not is_of_kind(thread.source, query.source_kinds):
        return False
    return query.cwds is None or os.path.realpath(thread.cwd) in {os.path.realpath(cwd) for cwd in query.cwds}


def _is_searched(thread: ThreadSummary, search: str | None) -> bool:
    wanted = (search or "").casefold()
    return wanted in thread.preview.casefold() or wanted in (thread.name or "").casefold()
