"""What clients have set about threads besides their names: ``threadcast/metadata.jsonl``. Plain blocking calls.

Append-only; the newest line of a thread says all that was set for it. A thread without a line is as its rollout says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from protocol.thread import GitInfo
from protocol.wire import Record, encode
from rollout.lines import GitState
from rollout.names import append_line
from rollout.summary import ThreadSummary, git_info


class _MetadataLine(Record):
    id: str
    git: GitState | None
    updated_at: str = ""


_decoder = msgspec.json.Decoder(_MetadataLine)


class MetadataLog:
    """The file of what was set. Read again only when it has changed."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._git: dict[str, GitInfo | None] = {}

    def applied(self, thread: ThreadSummary) -> ThreadSummary:
        """The thread with what was set for it."""
        known = self._read()
        return thread.with_git(known[thread.id]) if thread.id in known else thread

    def set_git(self, thread_id: str, git: GitInfo | None) -> None:
        """Set a thread's repository, or that it has none. Raises ``OSError`` if it cannot be written."""
        state = None
        if git is not None:
            state = GitState(commit_hash=git.sha, branch=git.branch, repository_url=git.origin_url)
        moment = self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        append_line(self._path, encode(_MetadataLine(id=thread_id, git=state, updated_at=moment)))

    def _read(self) -> dict[str, GitInfo | None]:
        try:
            found = self._path.stat()
        except OSError:
            return {}
        state = (found.st_size, found.st_mtime_ns)
        if state != self._seen:
            self._git, self._seen = _read(self._path), state
        return self._git


def _read(path: Path) -> dict[str, GitInfo | None]:
    known: dict[str, GitInfo | None] = {}
    for raw in _lines(path):
        try:
            line = _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        known[line.id] = git_info(line.git)
    return known


def _lines(path: Path) -> list[bytes]:
    """Nothing if the file cannot be read: threads are then as their rollouts say, which is better than no threads."""
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
