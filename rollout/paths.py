"""Where files lie under CODEX_HOME, and what their names say. Knows no content of any file.

Folder dates and the time in a file name are local time of the process that made them.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

_HEX = "[0-9a-fA-F]"
_UUID = f"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
_NAME = re.compile(
    rf"rollout-(\d{{4}})-(\d{{2}})-(\d{{2}})T(\d{{2}})-(\d{{2}})-(\d{{2}})-({_UUID})(?:_({_UUID}))?\.jsonl"
)
_STAMP = "%Y-%m-%dT%H-%M-%S"


class Home(NamedTuple):
    """One CODEX_HOME."""

    path: Path

    @property
    def sessions(self) -> Path:
        """Rollouts in use, in folders by year, month and day."""
        return self.path / "sessions"

    @property
    def archived(self) -> Path:
        """Archived rollouts, in one flat folder."""
        return self.path / "archived_sessions"

    @property
    def session_index(self) -> Path:
        """Names of threads, append-only."""
        return self.path / "session_index.jsonl"

    @property
    def metadata(self) -> Path:
        """What clients have set about threads, append-only; ours alone."""
        return self.path / "threadcast" / "metadata.jsonl"

    @property
    def read_states(self) -> Path:
        """Which threads have results that nobody has seen, append-only; ours alone."""
        return self.path / "threadcast" / "read_states.jsonl"

    @property
    def index_file(self) -> Path:
        """What lists show of every rollout, a cache; ours alone."""
        return self.path / "threadcast" / "index.sqlite"

    @property
    def writer_locks(self) -> Path:
        """The locks that say which process writes a thread."""
        return self.path / "thread-writer-locks"


class RolloutName(NamedTuple):
    """What a rollout's file name says: when the thread was created (local time, whole seconds), and its id.

    ``rollout_id``: the file's own id. It is the thread's, but where 0.169.0 took turns back: there the thread goes on
    in a new file, with a newer id, and the older ones stay.
    """

    created: datetime
    thread_id: str
    rollout_id: str


def rollout_name(thread_id: str, now: datetime) -> str:
    """The file name of a thread created at ``now`` (local time)."""
    return f"rollout-{now.strftime(_STAMP)}-{thread_id}.jsonl"


def new_rollout_path(home: Home, thread_id: str, now: datetime) -> Path:
    """Where the rollout of a thread created at ``now`` (local time) belongs. Makes no folder."""
    return _folder(home, now) / rollout_name(thread_id, now)


def parse_name(name: str) -> RolloutName | None:
    """What a rollout's file name says, or None if it is not one."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    *moment, thread_id, rollout_id = match.groups()
    try:
        created = datetime(*map(int, moment))  # type: ignore[arg-type]
    except ValueError:
        return None
    return RolloutName(created, thread_id.lower(), (rollout_id or thread_id).lower())


def archived_path(home: Home, path: Path) -> Path:
    """Where an archived rollout goes."""
    return home.archived / path.name


def unarchived_path(home: Home, path: Path) -> Path:
    """Where an archived rollout came from, by its name. Raises ``ValueError`` if the name is no rollout's."""
    name = parse_name(path.name)
    if name is None:
        raise ValueError(f"not the name of a rollout: {path.name}")
    return _folder(home, name.created) / path.name


def _folder(home: Home, day: datetime) -> Path:
    return home.sessions / f"{day:%Y}" / f"{day:%m}" / f"{day:%d}"
