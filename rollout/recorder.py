"""The one writer of one rollout file: open, append, flush, close. Never reads entries, never changes a written byte.

No line is lost and none is written twice: what could not be written waits in memory, in order, and the next append or
flush goes on at the very byte where the last one stopped. Nothing here raises ``OSError``; look at ``failure``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rollout.events import Event
from rollout.lines import Entry, encode_line, stamp
from rollout.policy import is_recorded, sanitise

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(UTC)


class Recorder:
    """Writes one rollout. Make it with :meth:`new` or :meth:`resume`.

    ``failure``: why lines are waiting that should be on disk; None while all is well.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.failure: OSError | None = None
        self._clock = clock
        self._waiting = bytearray()
        self._descriptor: int | None = None
        self._wanted = False
        self._tail_checked = False
        self._closed = False

    @classmethod
    def new(cls, path: Path, clock: Clock = utc_now) -> Recorder:
        """The recorder of a thread without a file. Lines wait until :meth:`materialise` makes it."""
        return cls(path, clock)

    @classmethod
    def resume(cls, path: Path, clock: Clock = utc_now) -> Recorder:
        """The recorder of a rollout that exists. Writes nothing until there is something new to say.

        Raises ``OSError`` if the file is not there or cannot be written.
        """
        recorder = cls(path, clock)
        recorder._wanted = True
        recorder._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        return recorder

    @property
    def materialized(self) -> bool:
        """Whether the file exists, so that others can read what is recorded."""
        return self._descriptor is not None

    def append(self, *entries: Entry | Event) -> None:
        """Record entries in one write, with the time of now. What is not recorded by policy is passed over.

        Raises ``ValueError`` once closed.
        """
        if self._closed:
            raise ValueError(f"the recorder of {self.path} is closed")
        timestamp = stamp(self._clock())
        for entry in entries:
            if is_recorded(entry):
                self._waiting += encode_line(sanitise(entry), timestamp)
        self.flush()

    def materialise(self) -> None:
        """Make the file, with all that waits for it. Does nothing if it exists."""
        self._wanted = True
        self.flush()

    def flush(self) -> None:
        """Write what waits, if the file exists or should."""
        if not self._wanted or self._closed:
            return
        try:
            self._write(self._open())
            self.failure = None
        except OSError as error:
            self.failure = error

    def _open(self) -> int:
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o666)
        return self._descriptor

    def _write(self, descriptor: int) -> None:
        if self._waiting and not self._tail_checked:
            self._heal(descriptor)
        while self._waiting:
            written = os.write(descriptor, self._waiting)
            del self._waiting[:written]

    def _heal(self, descriptor: int) -> None:
        """A crash may have cut the last line off. Ours must not be glued to it, and it may be whole but for its end."""
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            self._waiting[:0] = b"\n"
        self._tail_checked = True

    async def sync(self) -> None:
        """Write what waits and have the machine put it on the medium, off the event loop."""
        self.flush()
        if self._descriptor is None:
            return
        try:
            await asyncio.to_thread(_sync, os.dup(self._descriptor))
        except OSError as error:
            self.failure = error

    def close(self) -> None:
        """Write what waits and let go of the file. Does nothing the second time."""
        self.flush()
        self._closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
