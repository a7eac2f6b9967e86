"""The right to write one thread, among processes: an exclusive ``flock`` on the file that Codex 0.169.0 locks too.

Whoever loads a thread to write it holds ``thread-writer-locks/<thread id>.lock``; the system lets go of it when its
process ends, however that ends. Beside it lies a note of ours that says who we are; a note proves nothing by itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from protocol.wire import Record, encode
from rollout.paths import Home

_COORDINATION = ".coordination.lock"
_ATTEMPTS = 10
_UNLOCKABLE = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems say that know no locks; there a thread has as many writers as there are processes."""


class Owner(Record):
    """Who writes a thread: a process, its machine, and since when (UTC); what is not known is null."""

    pid: int | None = None
    host: str | None = None
    started: str | None = None

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        if self.host is None or self.started is None:
            return f"another process (pid {self.pid})"
        return f"process {self.pid} on {self.host}, since {self.started}"


class WriterLock:
    """The lock of one thread. Not held at first; nothing here waits."""

    def __init__(self, home: Home, thread_id: str) -> None:
        self.thread_id = thread_id
        self._folder = home.writer_locks
        self._path = self._folder / f"{thread_id}.lock"
        self._note = self._folder / f"{thread_id}.owner.json"
        self._descriptor: int | None = None
        self._unlockable = False

    @property
    def held(self) -> bool:
        """Whether this is the one that may write."""
        return self._descriptor is not None or self._unlockable

    def take(self) -> bool:
        """Take it, unless somebody else has it. Raises ``OSError`` if there can be no such file."""
        if self.held:
            return True
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not self._lock(descriptor):
                os.close(descriptor)
                return self._unlockable
            if _is_at(descriptor, self._path):
                self._descriptor = descriptor
                self._leave_note()
                return True
            os.close(descriptor)  # its last owner removed the file between our two steps
        return False

    def release(self) -> None:
        """Let go of it, without leaving anything behind. Does nothing if it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):  # while we hold it, the note is ours
            self._note.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._remove()
        os.close(descriptor)

    def owner(self) -> Owner:
        """Who holds it, as far as can be told."""
        holder, note = self._holder(), self._read_note()
        if note is not None and note.pid is not None and self._is_credible(note, holder):
            return note
        return Owner(pid=holder)

    def _lock(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _UNLOCKABLE:
                os.close(descriptor)
                raise
            self._unlockable = True
            return False
        return True

    def _remove(self) -> None:
        """Remove the file, unless somebody is just opening one: that has its own lock, and we do not wait for it."""
        coordination = os.open(self._folder / _COORDINATION, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(coordination, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._path.unlink(missing_ok=True)
        finally:
            os.close(coordination)

    def _leave_note(self) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        with contextlib.suppress(OSError):  # it only makes an error message better
            self._note.write_bytes(encode(Owner(pid=os.getpid(), host=socket.gethostname(), started=now)) + b"\n")

    def _read_note(self) -> Owner | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Owner)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _is_credible(self, note: Owner, holder: int | None) -> bool:
        """A note may be of one that died. That of another machine cannot be checked."""
        if note.host != socket.gethostname():
            return holder is None
        return note.pid == holder if holder is not None else _is_alive(note.pid or 0)

    def _holder(self) -> int | None:
        """The process that the system names as holding the file, if it names one."""
        try:
            found = self._path.stat()
            table = Path("/proc/locks").read_text()
        except OSError:
            return None
        file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        rows = (row.split() for row in table.splitlines())
        pids = (int(row[4]) for row in rows if row[1] == "FLOCK" and row[5] == file)
        return next(pids, None) or None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
