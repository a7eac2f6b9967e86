"""An append-only file of JSON lines, of which only what is new is read. Plain blocking calls; knows no meaning of them.

Several processes may append to one file: each line is written at once, and who must know all the lines before his own
writes it under the file's lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

import msgspec

from protocol.wire import encode
from rollout.names import append_line

L = TypeVar("L")


class Journal(Generic[L]):
    """The lines of ``path``, each of the type ``line``. ``feed`` gets every one, in order; ``forget`` begins anew.

    Lines of another form are passed over. May be called from any thread, one at a time.
    """

    def __init__(self, path: Path, line: type[L], feed: Callable[[L], None], forget: Callable[[], None]) -> None:
        self._path = path
        self._decoder = msgspec.json.Decoder(line)
        self._feed = feed
        self._forget = forget
        self._lock = RLock()
        self._inode = 0
        self._read_up_to = 0

    def look(self) -> None:
        """Read what was appended since the last look. A file that cannot be read has nothing new."""
        with self._lock:
            try:
                found = self._path.stat()
                if found.st_ino != self._inode or found.st_size < self._read_up_to:
                    self._forget()
                    self._inode, self._read_up_to = found.st_ino, 0
                if found.st_size > self._read_up_to:
                    self._read()
            except OSError:
                return

    def _read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._read_up_to)
            for raw in file:
                if not raw.endswith(b"\n"):
                    return  # not all of it is there yet
                self._read_up_to += len(raw)
                try:
                    self._feed(self._decoder.decode(raw))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue

    @contextmanager
    def alone(self) -> Generator[None]:
        """Nobody else appends meanwhile who does so in here as well; all is read. Raises ``OSError``."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self.look()
                yield
            finally:
                os.close(descriptor)

    def append(self, line: L) -> None:
        """Add a line and feed it. Raises ``OSError``; nothing is fed then."""
        append_line(self._path, encode(line))
        self.look()
