"""Titles of threads: ``session_index.jsonl``, append-only, and what a rollout itself recorded. Plain blocking calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from protocol.wire import Record, encode
from rollout.events import ThreadNameUpdated
from rollout.lines import decode_line

NAME_EVENT = b'"thread_name_updated"'
"""What stands in every line of a rollout that records a name, and in few others."""


class _NameLine(Record):
    id: str
    thread_name: str
    updated_at: str = ""


_decoder = msgspec.json.Decoder(_NameLine)
_NO_NAMES: Mapping[str, str] = {}


class SessionIndex:
    """The file of names. Read again only when it has changed."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._names: dict[str, str] = {}

    def name_of(self, thread_id: str) -> str | None:
        """The newest name of a thread that is not blank."""
        return self.names().get(thread_id)

    def names(self) -> Mapping[str, str]:
        """The names of all threads that have one; another object when they are others."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return _NO_NAMES
        state = (found.st_size, found.st_mtime_ns)
        if state != self._seen:
            self._names = _read(self._path)
            self._seen = state
        return self._names

    def set_name(self, thread_id: str, name: str) -> None:
        """Append a name. Raises ``ValueError`` if it is blank, ``OSError`` if it cannot be written."""
        text = name.strip()
        if not text:
            raise ValueError("thread name must not be empty")
        moment = self._clock().isoformat(timespec="microseconds").replace("+00:00", "Z")
        append_line(self._path, encode(_NameLine(id=thread_id, thread_name=text, updated_at=moment)))


def _read(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    with path.open("rb") as file:
        for raw in file:
            try:
                line = _decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if line.thread_name.strip():
                names[line.id] = line.thread_name.strip()
    return names


def append_line(path: Path, line: bytes) -> None:
    """Add a line in one write; a last line that a crash cut off stays by itself. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if torn else b"") + line + b"\n")
    finally:
        os.close(descriptor)


def named_by(raw: bytes, thread_id: str) -> str | None:
    """The name that a line of a rollout records for this thread; a fork also holds its source's, which do not count."""
    event = decode_line(raw)
    if isinstance(event, ThreadNameUpdated) and event.thread_id == thread_id:
        return event.thread_name or None
    return None
