"""What a patch needs of the file system: versions read, folders entered without following a link. Knows no patch.

A path that was looked at may be another a moment later, when a command swaps one of its folders for a link. Whoever
writes therefore enters folder by folder and refuses links: what was allowed is what is written.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager

from server.engine.patches.plan import Version
from server.files.contents import MOST_BYTES

_ENTER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def reason(error: OSError) -> str:
    """The system's words and number, as they stand in the messages that models know."""
    return f"{error.strerror} (os error {error.errno})" if error.errno else str(error)


def read(path: str) -> Version | None:
    """What is at this path, whose last part is not followed if it is a link; None if nothing is.

    Raises OSError: also for a folder, for what is no regular file, and for one that is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            return Version(content=os.fsencode(os.readlink(path)), link=True)
        raise
    try:
        return _content(descriptor)
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> Version:
    state = os.fstat(descriptor)
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(state.st_mode):
        raise OSError("it is no regular file")
    if state.st_size > MOST_BYTES:
        raise OSError(f"it is larger than {MOST_BYTES} bytes")
    with open(descriptor, "rb", closefd=False) as file:
        return Version(content=file.read(), permissions=stat.S_IMODE(state.st_mode))


def nearest_folder(path: str) -> str:
    """The innermost folder above this path that is there."""
    above = os.path.dirname(path)
    while not os.path.isdir(above):
        above = os.path.dirname(above)
    return above


@contextmanager
def entered(folder: str) -> Generator[int]:
    """A descriptor of this absolute folder for ``dir_fd``. Raises OSError, also if any part of the path is a link."""
    descriptor = os.open("/", _ENTER)
    try:
        for part in folder.split("/"):
            if part:
                inner = os.open(part, _ENTER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)
