"""What files hold: read whole, written whole. Blocking; for a thread. Knows no connection.

A file is replaced, not overwritten: who reads meanwhile gets the old content or the new one, and a full disk leaves the
old one as it was.
"""

from __future__ import annotations

import binascii
import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress

from protocol.errors import invalid_request
from server.files.refusals import telling

MOST_BYTES = 48 << 20
"""The largest file that is read: in base64 it is as long as the longest message that may come in."""

TEMPORARY = ".threadcast-"
"""How the names of files begin that are not finished yet. Watches do not tell of them."""

_SPECIAL = "it is no regular file"


def read(path: str) -> bytes:
    """The content as base64. Raises RpcError: no regular file, too large, or what the system says."""
    with telling(f"cannot read {path}"):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise invalid_request(f"cannot read {path}: {_SPECIAL}")
            with open(descriptor, "rb", closefd=False) as file:
                content = b"" if state.st_size > MOST_BYTES else file.read(MOST_BYTES + 1)
        finally:
            os.close(descriptor)
    if state.st_size > MOST_BYTES or len(content) > MOST_BYTES:
        raise invalid_request(f"cannot read {path}: it is larger than {MOST_BYTES} bytes")
    return binascii.b2a_base64(content, newline=False)


def decoded(text: str) -> bytes:
    """What this base64 stands for. Raises RpcError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise invalid_request(f"dataBase64 is not valid base64: {error}") from None


def write(path: str, content: bytes) -> None:
    """Give a file this content; a new one if there is none, what a link leads to if it is one. Raises RpcError."""
    with telling(f"cannot write {path}"):
        replace(path, lambda descriptor: write_all(descriptor, content))


def replace(path: str, fill: Callable[[int], None], mode: int | None = None) -> None:
    """Let ``fill`` write a file that then takes the place of this one, with its mode unless another is given.

    Raises RpcError if there is something else than a file, OSError.
    """
    path = os.path.realpath(path)
    before = _state(path)
    if before is not None and stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise invalid_request(f"cannot write {path}: {_SPECIAL}")
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if before is None or replaceable(path, before):
        _through_another(path, fill, before, mode)
    else:  # its name cannot be given to another file without loss
        _in_place(path, fill, mode)


def _state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def replaceable(path: str, before: os.stat_result) -> bool:
    """Whether a new file can be put there that belongs to the same user and group, and no other name is lost."""
    if before.st_nlink > 1:
        return False
    ours = os.geteuid() in (0, before.st_uid)
    return ours and os.access(os.path.dirname(path), os.W_OK | os.X_OK)


def _through_another(path: str, fill: Callable[[int], None], before: os.stat_result | None, mode: int | None) -> None:
    other = os.path.join(os.path.dirname(path), f"{TEMPORARY}{secrets.token_hex(8)}")
    descriptor = os.open(other, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            fill(descriptor)
            if before is not None:
                with suppress(PermissionError):  # a group that we are not in
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            if mode is not None or before is not None:
                os.fchmod(descriptor, mode if mode is not None else stat.S_IMODE(before.st_mode if before else 0))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(other, path)
        other = ""
    finally:
        if other:
            with suppress(OSError):
                os.unlink(other)


def _in_place(path: str, fill: Callable[[int], None], mode: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fill(descriptor)
        if mode is not None:
            with suppress(PermissionError):
                os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
