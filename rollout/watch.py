"""What changes in folders, told by the Linux kernel (inotify), so that nobody need look at every file again.

The kernel queues an event before the call that made the change returns, whoever made it: what is not in the queue has
not happened. Not told are writes through memory maps, other hard links and the targets of symbolic links, and on
network file systems what other machines do; folders of those are refused.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import weakref
from collections.abc import Iterator

_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x4, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _ONLY_FOLDERS = 0x400, 0x800, 0x1000000
_WANTED = _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _ONLY_FOLDERS
_OF_A_FOLDER = 0x40000000
_EVENT = struct.Struct("iIII")
_QUEUE = 1 << 16

_STATFS_BYTES = 512
_LOCAL = frozenset({
    0xEF53,  # ext2, ext3, ext4
    0x58465342,  # xfs
    0x9123683E,  # btrfs
    0xF2F52010,  # f2fs
    0x2FC12FC1,  # zfs
    0xCA451A4E,  # bcachefs
    0x01021994,  # tmpfs
    0x794C7630,  # overlayfs
})  # fmt: skip


class Watch:
    """Some folders that are watched. One thread at a time."""

    def __init__(self, libc: ctypes.CDLL, descriptor: int) -> None:
        self._libc = libc
        self._descriptor = descriptor
        self._folders: dict[int, str] = {}
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls) -> Watch | None:
        """A watch on nothing, or None where there is no inotify or no more of it."""
        if not sys.platform.startswith("linux"):
            return None
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        return None if descriptor < 0 else cls(libc, descriptor)

    def close(self) -> None:
        """Stop watching."""
        self._close()

    def add(self, folder: str) -> bool:
        """Watch a folder; whether that can be relied on. Nothing is told of the folders in it."""
        raw = os.fsencode(folder)
        watched = self._libc.inotify_add_watch(self._descriptor, raw, _WANTED)
        if watched < 0:
            return False
        self._folders[watched] = folder
        return self._is_local(raw)

    def forget(self) -> None:
        """Take no more notice of the folders added so far, and of what happened in them."""
        for watched in self._folders:
            self._libc.inotify_rm_watch(self._descriptor, watched)
        self._folders = {}
        for _ in self._events():
            pass

    def changes(self) -> set[str] | None:
        """The files that may have changed, come or gone since the last call; None if that can be any of them."""
        changed: set[str] = set()
        unclear = False
        for watched, mask, name in self._events():
            folder = self._folders.get(watched)
            if watched < 0:  # the queue ran over
                unclear = True
            elif folder is not None:
                unclear = unclear or not name or bool(mask & _OF_A_FOLDER)
                changed.add(f"{folder}/{name}")
        return None if unclear else changed

    def _events(self) -> Iterator[tuple[int, int, str]]:
        while True:
            try:
                raw = os.read(self._descriptor, _QUEUE)
            except BlockingIOError:
                return
            at = 0
            while at < len(raw):
                watched, mask, _, length = _EVENT.unpack_from(raw, at)
                at += _EVENT.size + length
                yield watched, mask, os.fsdecode(raw[at - length : at].rstrip(b"\0"))

    def _is_local(self, folder: bytes) -> bool:
        answer = ctypes.create_string_buffer(_STATFS_BYTES)
        if self._libc.statfs(folder, answer) != 0:
            return False
        return ctypes.c_ulong.from_buffer(answer).value in _LOCAL
