"""Folders and what they hold: made, listed, described, removed, copied. Blocking; for a thread. Knows no connection."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress

from protocol.errors import invalid_request
from protocol.wire import Record
from server.files.contents import replace, write_all
from server.files.refusals import telling

MOST_ENTRIES = 100_000
"""How much a folder may hold to be listed."""

_TRIES = 5

_PIECE = 1 << 20


class Metadata(Record):
    """What there is under a path; times in Unix milliseconds."""

    folder: bool
    file: bool
    link: bool
    created: int
    modified: int


class Entry(Record):
    """What a folder holds under a name."""

    name: str
    folder: bool
    file: bool


def create(path: str, *, recursive: bool) -> None:
    """Make a folder. Raises RpcError."""
    with telling(f"cannot create {path}"):
        if recursive:
            os.makedirs(path, exist_ok=True)
        else:
            os.mkdir(path)


def describe(path: str) -> Metadata:
    """What is there. Raises RpcError."""
    with telling(f"cannot look at {path}"):
        link = stat.S_ISLNK(os.lstat(path).st_mode)
        state = os.stat(path)
    return Metadata(
        folder=stat.S_ISDIR(state.st_mode),
        file=stat.S_ISREG(state.st_mode),
        link=link,
        created=int(getattr(state, "st_birthtime", 0.0) * 1000),
        modified=state.st_mtime_ns // 1_000_000,
    )


def entries(path: str) -> list[Entry]:
    """What a folder holds, by name; not links that lead nowhere. Raises RpcError.

    A name that is no UTF-8 is told with replacement characters, as JSON has no other way.
    """
    found: list[Entry] = []
    with telling(f"cannot list {path}"), os.scandir(path) as listing:
        for each in listing:
            with suppress(OSError):  # gone meanwhile, or a link to nothing
                state = each.stat()
                name = os.fsencode(each.name).decode(errors="replace")
                found.append(Entry(name=name, folder=stat.S_ISDIR(state.st_mode), file=stat.S_ISREG(state.st_mode)))
            if len(found) > MOST_ENTRIES:
                raise invalid_request(f"cannot list {path}: it holds more than {MOST_ENTRIES} entries")
    return sorted(found, key=lambda each: each.name)


def remove(path: str, *, recursive: bool, force: bool) -> None:
    """Remove a file, a link (not what it leads to) or a folder. ``force``: nothing there is fine. Raises RpcError."""
    if path == "/":
        raise invalid_request("cannot remove /: it is the root of all files")
    with telling(f"cannot remove {path}"):
        for left in reversed(range(_TRIES)):
            try:
                _remove(path, recursive)
            except FileNotFoundError:  # all of it, or a part that somebody else removes at the same time
                if not os.path.lexists(path) and force:
                    return
                if not left or not os.path.lexists(path):
                    raise
            else:
                return


def _remove(path: str, recursive: bool) -> None:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        os.unlink(path)
    elif recursive:
        shutil.rmtree(path)
    else:
        os.rmdir(path)


def copy(source: str, destination: str, *, recursive: bool) -> None:
    """Copy a file (with its mode), a link (as a link) or a folder with all of these in it. Raises RpcError."""
    with telling(f"cannot copy {source} to {destination}"):
        mode = os.lstat(source).st_mode
        if stat.S_ISDIR(mode):
            if not recursive:
                raise invalid_request(f"cannot copy {source}: it is a directory, and recursive is not true")
            _copy_tree(source, destination)
        elif not _copy_one(source, destination, mode):
            raise invalid_request(f"cannot copy {source}: it is neither a regular file, a directory nor a symlink")


def _copy_tree(source: str, destination: str) -> None:
    real, target = os.path.realpath(source), os.path.realpath(destination)
    if target == real or target.startswith(f"{real}/") or real == "/":
        raise invalid_request(f"cannot copy {source}: {destination} is the same directory or one inside it")
    for folder, names in _folders(source):
        below = os.path.join(destination, os.path.relpath(folder, source)) if folder != source else destination
        os.makedirs(below, exist_ok=True)
        for name in names:
            path = os.path.join(folder, name)
            with suppress(FileNotFoundError):  # gone meanwhile
                _copy_one(path, os.path.join(below, name), os.lstat(path).st_mode)


def _folders(top: str) -> Iterator[tuple[str, list[str]]]:
    """Each folder of a tree with all that it holds but folders. No link is followed. Raises OSError."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as listing:
            held = list(listing)
        inner = {each.name for each in held if each.is_dir(follow_symlinks=False)}
        waiting += (os.path.join(folder, name) for name in sorted(inner))
        yield folder, sorted(each.name for each in held if each.name not in inner)


def _copy_one(source: str, destination: str, mode: int) -> bool:
    """Copy a file or a link; False for anything else."""
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), destination)
    elif stat.S_ISREG(mode):
        _copy_file(source, destination)
    else:
        return False
    return True


def _copy_file(source: str, destination: str) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as reading:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file any more")
        with suppress(FileNotFoundError):
            if os.path.samestat(state, os.stat(destination)):
                raise invalid_request(f"cannot copy {source}: {destination} is the same file")

        def fill(target: int) -> None:
            while piece := reading.read(_PIECE):
                write_all(target, piece)

        replace(destination, fill, stat.S_IMODE(state.st_mode))
