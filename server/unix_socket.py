"""The file of a Unix socket: made private, taken from a server that is gone, never from one that lives, removed.

Knows no protocol.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

MODE = 0o600
MODE_OF_FOLDER = 0o700


class UnixSocket:
    """A socket at a path. Only its owner may connect; a folder that has to be made is its owner's alone as well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: os.stat_result | None = None

    def bind(self) -> socket.socket:
        """Make the file; the socket does not listen yet. Raises OSError, which names the path: the path is too long,
        something else stands there, a server listens there, or others could put another file in its place."""
        folder = self._path.parent
        folder.mkdir(mode=MODE_OF_FOLDER, parents=True, exist_ok=True)
        state = folder.stat()
        if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not state.st_mode & stat.S_ISVTX:
            raise PermissionError(errno.EPERM, "others may write to the folder of the socket", str(folder))
        made = socket.socket(socket.AF_UNIX)
        with ExitStack() as on_failure:
            on_failure.callback(made.close)
            os.fchmod(made.fileno(), MODE)  # the file is born with it, on Linux
            with _alone(folder):
                self._make_room()
                self._bind(made)
                self._path.chmod(MODE)
                self._made = self._path.stat()
            on_failure.pop_all()
        return made

    def remove(self) -> None:
        """Remove the file, unless another one has come in its place."""
        with suppress(OSError):
            if self._made is not None and os.path.samestat(self._path.lstat(), self._made):
                self._path.unlink()

    def _bind(self, made: socket.socket) -> None:
        try:
            made.bind(str(self._path))
        except OSError as error:  # says neither the path nor, for one too long, the number
            reason = error.strerror or str(error)
            raise OSError(error.errno or errno.ENAMETOOLONG, reason, str(self._path)) from error

    def _make_room(self) -> None:
        """Remove what a server that is gone left here; it may be a link to a socket elsewhere."""
        if not os.path.lexists(self._path):
            return
        if self._path.exists() and not self._path.is_socket():
            raise FileExistsError(errno.EEXIST, "this is no socket", str(self._path))
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(1)
            try:
                caller.connect(str(self._path))
            except (ConnectionRefusedError, FileNotFoundError):
                self._path.unlink()
                return
            except TimeoutError:
                pass  # somebody listens, and is busy
        raise OSError(errno.EADDRINUSE, "another server already listens here", str(self._path))


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Let two servers that start at once look one after the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
