"""The one writer of one rollout file: open, append, flush, close. Never reads entries, never changes a written byte.

No line is lost and none is written twice: what could not be written waits in memory, in order, and the next append or
flush goes on at the very byte where the last one stopped. Nothing is written without the thread's lock, if there is
one. Nothing here raises ``OSError`` but what says so; look at ``failure``.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rollout.events import Event
from rollout.lines import Entry, encode_line, numbered, stamp
from rollout.lock import WriterLock
from rollout.policy import is_recorded, sanitise
from rollout.tail import ends_whole, next_ordinal

Clock = Callable[[], datetime]
Fsync = Literal["turn", "line", "never"]
"""When the machine must have put lines on the medium: at the end of a turn, before anybody hears of them, or never."""


def utc_now() -> datetime:
    """The time of the machine."""
    return datetime.now(UTC)


class Recorder:
    """Writes one rollout. Make it with :meth:`new` or :meth:`resume`.

    ``failure``: why lines are waiting that should be on disk, or are not on the medium; None while all is well.
    ``ordinals``: the rollout has the newer form, in which lines are numbered.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        lock: WriterLock | None = None,
        fsync: Fsync = "turn",
        ordinals: bool = False,
    ) -> None:
        self.path = path
        self.lock = lock
        self.failure: OSError | None = None
        self._clock = clock
        self._fsync = fsync
        self._ordinals = ordinals
        self._next: int | None = None
        self._unnumbered: list[tuple[bytes, Entry]] = []
        self._waiting = bytearray()
        self._queue: deque[tuple[int, Entry | None]] = deque()  # what is in waiting, with its bytes that are left
        self._unsynced = False
        self._descriptor: int | None = None
        self._wanted = False
        self._tail_checked = False
        self._closed = False

    @classmethod
    def new(
        cls, path: Path, clock: Clock = utc_now, *, lock: WriterLock | None = None, fsync: Fsync = "turn"
    ) -> Recorder:
        """The recorder of a thread without a file. Lines wait until :meth:`materialise` makes it."""
        return cls(path, clock, lock=lock, fsync=fsync)

    @classmethod
    def resume(
        cls,
        path: Path,
        clock: Clock = utc_now,
        *,
        lock: WriterLock | None = None,
        fsync: Fsync = "turn",
        ordinals: bool = False,
    ) -> Recorder:
        """The recorder of a rollout that exists. Writes nothing until there is something new to say.

        Raises ``OSError`` if the file is not there or cannot be written.
        """
        recorder = cls(path, clock, lock=lock, fsync=fsync, ordinals=ordinals)
        recorder._wanted = True
        recorder._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        return recorder

    @property
    def materialized(self) -> bool:
        """Whether the file exists, so that others can read what is recorded."""
        return self._descriptor is not None

    @property
    def waiting(self) -> int:
        """How many bytes should be in the file and are not."""
        return len(self._waiting) + sum(len(line) for line, _ in self._unnumbered) if self._wanted else 0

    @property
    def unwritten(self) -> list[Entry]:
        """The entries that should be in the file and are not, a half-written one included."""
        return [entry for _, entry in [*self._queue, *self._unnumbered] if entry is not None]

    @property
    def size(self) -> int:
        """Bytes in the file, whoever wrote them."""
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def claim(self) -> bool:
        """Be the one that may write; False if another process is. Raises ``OSError`` if there can be no lock."""
        return self.lock is None or self.lock.take()

    def append(self, *entries: Entry | Event) -> None:
        """Record entries in one write, with the time of now. What is not recorded by policy is passed over.

        Raises ``ValueError`` once closed.
        """
        if self._closed:
            raise ValueError(f"the recorder of {self.path} is closed")
        timestamp = stamp(self._clock())
        lines = [(encode_line(sanitise(entry), timestamp), entry) for entry in entries if is_recorded(entry)]
        if self._ordinals:
            self._unnumbered += lines
        else:
            self._enqueue(lines)
        self.flush()

    def _enqueue(self, lines: Iterable[tuple[bytes, Entry]]) -> None:
        for line, entry in lines:
            self._waiting += line
            self._queue.append((len(line), entry))

    def materialise(self) -> None:
        """Make the file, with all that waits for it. Does nothing if it exists."""
        self._wanted = True
        self.flush()

    def flush(self) -> None:
        """Write what waits, if the file exists or should."""
        if not self._wanted or self._closed:
            return
        try:
            if not self._is_up_to_date():
                self._write(self._open())
            self.failure = None
        except OSError as error:
            self.failure = error

    def _is_up_to_date(self) -> bool:
        late = self._waiting or self._unnumbered or (self._unsynced and self._fsync == "line")
        return self._descriptor is not None and not late

    def _open(self) -> int:
        if not self.claim():
            raise BlockingIOError(errno.EAGAIN, "another process is writing this thread")
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, 0o666)
            self._unsynced = True
        return self._descriptor

    def _write(self, descriptor: int) -> None:
        if not self._tail_checked:
            self._heal(descriptor)
        self._number(descriptor)
        while self._waiting:
            written = os.write(descriptor, self._waiting)
            self._written(written)
            self._unsynced = True
        if self._fsync == "line" and self._unsynced:
            os.fsync(descriptor)
            self._unsynced = False

    def _written(self, count: int) -> None:
        del self._waiting[:count]
        while self._queue and self._queue[0][0] <= count:
            count -= self._queue.popleft()[0]
        if count:
            left, entry = self._queue[0]
            self._queue[0] = (left - count, entry)

    def _heal(self, descriptor: int) -> None:
        """A crash may have cut the last line off. Ours must not be glued to it, and it may be whole but for its end."""
        if not ends_whole(descriptor):
            self._waiting[:0] = b"\n"
            self._queue.appendleft((1, None))
        self._tail_checked = True

    def _number(self, descriptor: int) -> None:
        """Lines get their ordinals when they are about to be written: only who holds the lock knows the last one."""
        if not self._unnumbered:
            return
        if self._next is None:
            self._next = next_ordinal(descriptor)
        begin, self._next = self._next, self._next + len(self._unnumbered)
        self._enqueue((numbered(line, begin + at), entry) for at, (line, entry) in enumerate(self._unnumbered))
        self._unnumbered.clear()

    async def sync(self) -> None:
        """Write what waits and have the machine put it on the medium, off the event loop, unless that is not wanted."""
        self.flush()
        if self._descriptor is None or not self._unsynced or self._fsync == "never":
            return
        self._unsynced = False
        try:
            await asyncio.to_thread(_sync, os.dup(self._descriptor))
        except OSError as error:
            self._unsynced = True
            self.failure = error

    def close(self) -> None:
        """Write what waits and let go of the file and the lock. Does nothing the second time."""
        self.flush()
        self._closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if self.lock is not None:
            self.lock.release()


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
