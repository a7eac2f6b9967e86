"""The rollout files of one home, and which of them changed since last asked. Looks at folders, never into files.

With a :class:`~rollout.watch.Watch` a look costs what has changed; without, a ``stat`` of every file. Both find files
that were changed in place. Linux gives two changes within some milliseconds the same time, so where times are all
there is, a file that was changed shortly before we looked counts as changed again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rollout.paths import Home, RolloutName, parse_name
from rollout.watch import Watch

SETTLED_NS = 2_000_000_000
"""A file not changed for so long will have another time when it is."""

_INODE = (1 << 63) - 1


class State(NamedTuple):
    """A file as the file system describes it. Any change of it makes another state, if not at once: see SETTLED_NS."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> State:
        """From the answer of ``stat``."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _INODE)

    def is_settled(self) -> bool:
        """Whether the next change will be visible as another state."""
        return self.ctime_ns < time.time_ns() - SETTLED_NS


class Changes(NamedTuple):
    """Files that are new or changed, by path, and those that are no more."""

    found: dict[str, State]
    gone: set[str]


class Tree:
    """The files of ``home``. One thread at a time."""

    def __init__(self, home: Home, *, watched: bool = True) -> None:
        self._roots = (os.fspath(home.sessions), os.fspath(home.archived))
        self._wants_watch = watched
        self._watch: Watch | None = None
        self._identity: tuple[object, ...] | None = None
        self._seen: dict[str, State] = {}
        self._unsettled: set[str] = set()
        self._untold: set[str] = set()

    @property
    def is_watched(self) -> bool:
        """Whether changes are told, so that to look is cheap."""
        return self._watch is not None and self._identity is not None

    def close(self) -> None:
        """Stop watching, for good."""
        self._wants_watch = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def start_from(self, seen: dict[str, State], unsettled: set[str]) -> None:
        """Tell changes against these files; those of them that are not settled count as changed."""
        self._seen = dict(seen)
        self._unsettled = set(unsettled)
        self._identity = None

    def changes(self) -> Changes:
        """What is different from the last call."""
        identity = tuple(_identity(root) for root in self._roots)
        told = None if self._watch is None else self._watch.changes()
        if told is None or identity != self._identity:
            return self._look_everywhere(identity)
        told = {path for path in told if _is_rollout(path)}
        return self._look_at(told) if told or self._untold else Changes({}, set())

    def _look_at(self, told: set[str]) -> Changes:
        changes = Changes({}, set())
        for path in told | self._untold:
            try:
                found = os.stat(path)
            except OSError:
                if path in self._seen:
                    changes.gone.add(path)
                    self._lose(path)
                if path in told and not os.path.islink(path):
                    self._untold.discard(path)
                continue
            state = State.of(found)
            if path in told or self._is_new(path, state):
                changes.found[path] = state
            self._remember(path, state)
            if found.st_nlink > 1 or os.path.islink(path):
                self._untold.add(path)
        return changes

    def _look_everywhere(self, identity: tuple[object, ...]) -> Changes:
        self._untold = set()
        if self._wants_watch and self._watch is None:
            self._watch = Watch.open()
        elif self._watch is not None:
            self._watch.forget()
        present: set[str] = set()
        changes = Changes({}, set())
        for entry in chain.from_iterable(rollouts(root, self._enter) for root in self._roots):
            try:
                found = entry.stat()
            except OSError:  # moved away since the folder was read, or a link to nothing
                if entry.is_symlink():
                    self._untold.add(entry.path)
                continue
            if found.st_nlink > 1 or entry.is_symlink():
                self._untold.add(entry.path)
            present.add(entry.path)
            state = State.of(found)
            if self._is_new(entry.path, state):
                if entry.path not in self._seen and not _is_rollout(entry.path):
                    continue
                changes.found[entry.path] = state
                self._remember(entry.path, state)
        changes.gone.update(self._seen.keys() - present)
        for path in changes.gone:
            self._lose(path)
        self._identity = identity
        return changes

    def _enter(self, folder: str) -> None:
        """Watch a folder before it is read: what happens while it is read is told afterwards."""
        if self._watch is not None and not self._watch.add(folder) and os.path.isdir(folder):
            self.close()

    def _is_new(self, path: str, state: State) -> bool:
        return self._seen.get(path) != state or path in self._unsettled

    def _remember(self, path: str, state: State) -> None:
        self._seen[path] = state
        if state.is_settled():
            self._unsettled.discard(path)
        else:
            self._unsettled.add(path)

    def _lose(self, path: str) -> None:
        del self._seen[path]
        self._unsettled.discard(path)


def rollouts(folder: str, enter: Callable[[str], None] | None = None) -> Iterator[os.DirEntry[str]]:
    """All below a folder whose names begin like those of rollouts. Each folder is told before it is read."""
    if enter is not None:
        enter(folder)
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:  # not there, no folder, or not ours to read: the threads in it are not ours either
        return
    for entry in entries:
        if entry.name.startswith("rollout-"):
            yield entry
        elif entry.is_dir(follow_symlinks=False):
            yield from rollouts(entry.path, enter)


def newest(root: Path, thread_id: str) -> Path | None:
    """The newest rollout of a thread below a folder."""
    wanted = thread_id.lower()
    return _last_named(root, wanted, lambda name: name.thread_id == wanted)


def with_id(root: Path, rollout_id: str) -> Path | None:
    """The file below a folder that has this id of its own."""
    wanted = rollout_id.lower()
    return _last_named(root, wanted, lambda name: name.rollout_id == wanted)


def _last_named(root: Path, part: str, is_meant: Callable[[RolloutName], bool]) -> Path | None:
    found = [
        (entry.name, os.fsencode(entry.path), entry.path)
        for entry in rollouts(os.fspath(root))
        if part in entry.name.lower() and (name := parse_name(entry.name)) is not None and is_meant(name)
    ]
    return Path(max(found)[-1]) if found else None


def _identity(root: str) -> object:
    try:
        found = os.stat(root)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_rollout(path: str) -> bool:
    return parse_name(os.path.basename(path)) is not None
