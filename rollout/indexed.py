"""The rollout files of one home through their index: brought in line before each answer, so that it is never stale.

Files that the index does not know yet, or not any more, are read when an answer depends on them; the others in the
background. The connection lives in one thread. Plain blocking calls from any thread.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rollout.contents import Contents, read_contents
from rollout.index import Index, Row, discard
from rollout.names import SessionIndex
from rollout.paths import Home
from rollout.query import Query
from rollout.reader import RolloutError, read_head
from rollout.tree import State, Tree, newest

_ATTEMPTS = 3
"""With the file, with a new file, and in memory."""

_STEP = 0.01
"""Seconds that a step of building the index takes, as far as it is up to us."""

_AT_ONCE = 32

T = TypeVar("T")


def followed(folder: str) -> str:
    """This folder with its links followed; a name that no file can have (it holds a NUL) stays as it is."""
    try:
        return os.path.realpath(folder)
    except ValueError:
        return folder


class IndexInUse(Exception):
    """Another process keeps the index, and keeps it right."""


class Indexed:
    """The files of ``home``, and the index beside them. ``watched``: be told of changes if the system can do that."""

    def __init__(self, home: Home, titles: SessionIndex, *, watched: bool = True) -> None:
        self._home = home
        self._titles = titles
        self._tree = Tree(home, watched=watched)
        self._in_line = threading.RLock()
        self._is_ready = False
        self._names: Mapping[str, str] = {}
        self._generation = 0
        self._failures = 0
        self._opened: list[Index] = []  # one at most; touched in its thread only
        self._thread = ThreadPoolExecutor(1, "rollout-index")
        self._end = weakref.finalize(self, _close, self._thread, self._opened)
        self._end.atexit = False

    def close(self) -> None:
        """Close the index. No other method may be called after this."""
        self._end()
        self._thread.shutdown()
        with self._in_line:
            self._tree.close()

    def rebuild(self) -> int:
        """Make the index anew, from the files alone; how many there are. Raises :class:`IndexInUse`."""
        if self._surely(lambda: self._ask(lambda index: index.is_shared)):
            raise IndexInUse
        self._renew(self._generation, failures=0)
        for _ in self.build():
            pass
        return self._ask(Index.count)

    def build(self) -> Iterator[int]:
        """Read what the index lacks, newest first, some files at each step: for a hundredth of a second, or one."""
        unreadable: set[Path] = set()
        self._surely(self._bring_in_line)
        while count := self._surely(lambda: self._read_some(unreadable, _STEP)):
            yield count

    # Asking

    def find(self, thread_id: str, *, archived: bool) -> Path | None:
        """The newest rollout of a thread."""
        if self._tree.is_watched:
            path = self._surely(lambda: self._find(thread_id, archived=archived))
            if path is not None and path.exists():
                return path
        return newest(self._home.archived if archived else self._home.sessions, thread_id)

    def contents(self, path: Path) -> Contents:
        """What one file says now, wherever it is. Raises :class:`~rollout.reader.RolloutError`."""
        try:
            state = State.of(path.stat())
        except OSError:
            read_head(path)  # says what is wrong with it
            raise
        row = self._surely(lambda: self._ask(lambda index: index.row(path)))
        if row is not None and row.contents is not None and row.state == state and row.is_settled:
            return row.contents
        before = row.before if row is not None and row.state.inode == state.inode else None
        return read_contents(path, state.mtime_ns // 1_000_000_000, before)

    def page(self, query: Query) -> list[Row]:
        """What a query asks for, and one more if there is one. All have contents with a summary."""
        return self._surely(lambda: self._page(query))

    def _find(self, thread_id: str, *, archived: bool) -> Path | None:
        self._bring_in_line()
        return self._ask(lambda index: index.newest(thread_id, archived=archived))

    def _page(self, query: Query) -> list[Row]:
        self._bring_in_line()
        wanted, unreadable = query.limit + 1, set[Path]()
        while query.needs_all_read and self._read_some(unreadable):
            pass
        batch = wanted
        while True:
            found = self._ask(lambda index: self._matching(index, query, batch + len(unreadable)))  # noqa: B023
            matching: list[Row] = []
            unread: list[Row] = []
            for row in found:
                if row.contents is not None:
                    matching.append(row)
                elif row.path not in unreadable:
                    unread.append(row)
                if len(matching) == wanted:
                    break
            if not unread:
                return matching
            unreadable |= self._read(unread)
            batch *= 2

    def _matching(self, index: Index, query: Query, limit: int) -> list[Row]:
        """Links may change at any time, so folders are followed anew each time."""
        cwds = None
        if query.cwds is not None:
            wanted = {followed(cwd) for cwd in query.cwds}
            cwds = [cwd for cwd in index.cwds() if followed(cwd) in wanted]
        return index.page(query, cwds, limit)

    # Keeping the index in line

    def _bring_in_line(self) -> None:
        """Enter into the index all that has changed, unread. Afterwards every row with contents is true."""
        with self._in_line:
            if not self._is_ready:
                self._tree.start_from(*self._ask(Index.states))
            self._is_ready = False
            changes = self._tree.changes()
            if changes.found or changes.gone:
                self._ask(lambda index: index.apply(changes))
            self._is_ready = True
            names, before = self._titles.names(), self._names
            if names is not before:
                self._ask(lambda index: index.set_names(before, names))
                self._names = names

    def _read_some(self, unreadable: set[Path], enough: float = math.inf) -> int:
        """Read some of what was not read yet, newest first; how many. Adds to those that cannot be read.

        ``enough``: seconds after which no further file is begun.
        """
        limit = _AT_ONCE + len(unreadable)
        rows = self._ask(lambda index: index.unread(limit))
        unread = [row for row in rows if row.path not in unreadable]
        count, failed = self._enter(unread, enough)
        unreadable |= failed
        return count

    def _read(self, rows: list[Row]) -> set[Path]:
        """Read files and enter what they say. Returns those that cannot be read."""
        return self._enter(rows)[1]

    def _enter(self, rows: list[Row], enough: float = math.inf) -> tuple[int, set[Path]]:
        """The same for as many of them as can be read in so many seconds, one at least; how many these were, too."""
        read: list[tuple[Row, Contents]] = []
        unreadable: set[Path] = set()
        end = time.monotonic() + enough
        for row in rows:
            if (read or unreadable) and time.monotonic() > end:
                break
            try:
                read.append((row, read_contents(row.path, 0, row.before)))
            except RolloutError:
                unreadable.add(row.path)
        self._ask(lambda index: index.enter(read))
        return len(read) + len(unreadable), unreadable

    def _surely(self, operation: Callable[[], T]) -> T:
        """Do it with another index if this one fails, or is replaced meanwhile: it holds nothing that files do not."""
        while True:
            generation = self._generation
            try:
                answer = operation()
            except sqlite3.Error:
                if self._failures >= _ATTEMPTS:
                    raise
                self._renew(generation, failures=self._failures + 1)
            else:
                if generation == self._generation:
                    return answer

    def _renew(self, generation: int, *, failures: int) -> None:
        """Begin again with an empty index, unless somebody else has done so in place of this one."""
        with self._in_line:
            if generation == self._generation:
                self._generation += 1
                self._failures = failures
                self._is_ready = False
                self._names = {}
                self._thread.submit(self._drop).result()

    def _drop(self) -> None:
        while self._opened:
            index = self._opened.pop()
            with contextlib.suppress(sqlite3.Error):
                index.close()
            if not index.in_memory:
                discard(self._home.index_file)

    def _ask(self, question: Callable[[Index], T]) -> T:
        return self._thread.submit(self._answer, question).result()

    def _answer(self, question: Callable[[Index], T]) -> T:
        if not self._opened:
            self._opened.append(Index(self._home, in_memory=self._failures >= _ATTEMPTS - 1))
        return question(self._opened[0])


def _close(thread: ThreadPoolExecutor, opened: list[Index]) -> None:
    with contextlib.suppress(RuntimeError):  # the interpreter is going down, and the index with it
        thread.submit(_close_all, opened)
    thread.shutdown(wait=False)


def _close_all(opened: list[Index]) -> None:
    for index in opened:
        with contextlib.suppress(sqlite3.Error):
            index.close()
