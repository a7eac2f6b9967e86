"""Folders whose changes are heard, each by one thread however many listen. Knows no watch and no client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from server.files.contents import TEMPORARY
from server.offload import Workers

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

TOGETHER = 200
"""Milliseconds over which changes are told together."""

_QUIET = 50
"""Milliseconds without a change after which those that there were are told."""

MOST_FOLDERS = 96
"""How many folders one server hears: Linux allows a user 128 such things, and there are other programs."""


class Folder(NamedTuple):
    """A folder under its path: another one that takes its place is another value."""

    path: str
    device: int
    number: int


Listener = Callable[[Folder, set[str]], None]
"""Called in the event loop with paths that changed, came or went: the folder itself, or what is directly in it."""


def folder_at(path: str) -> Folder | None:
    """The folder under this path, if there is one. Blocking."""
    with suppress(OSError):
        state = os.stat(path)
        if os.path.isdir(path):
            return Folder(path, state.st_dev, state.st_ino)
    return None


def _notifier(path: str) -> RustNotify:
    from watchfiles._rust_notify import RustNotify  # loads what starts processes; few servers watch anything

    return RustNotify([path], False, False, 0, False, False)


class _Hearing:
    """One folder and who listens. Its thread ends soon after the last one is gone."""

    def __init__(self, folder: Folder, notify: RustNotify) -> None:
        self.listeners: list[Listener] = []
        self._folder = folder
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._stop = Event()
        Thread(target=self._hear, name=f"watch {folder.path}", daemon=True).start()

    def stop(self) -> None:
        """Hear nothing more."""
        self._stop.set()

    def _hear(self) -> None:
        try:
            while isinstance(changes := self._notify.watch(TOGETHER, _QUIET, 0, self._stop), set):
                paths = {path for _, path in changes if not os.path.basename(path).startswith(TEMPORARY)}
                with suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._tell, paths)
        finally:
            self._notify.close()

    def _tell(self, paths: set[str]) -> None:
        for listener in list(self.listeners):
            listener(self._folder, paths)


class Folders:
    """All folders that are heard in this server."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._heard: dict[Folder, _Hearing] = {}
        self._opening = asyncio.Lock()

    async def listen(self, folder: Folder, listener: Listener) -> None:
        """Hear what changes from now on. Raises OSError: gone, not allowed, or too many folders."""
        async with self._opening:
            if folder not in self._heard:
                if len(self._heard) >= MOST_FOLDERS:
                    raise OSError(f"the server watches {MOST_FOLDERS} folders already, and no more")
                notify = await self._workers.do(lambda: _notifier(folder.path))
                self._heard[folder] = _Hearing(folder, notify)
            self._heard[folder].listeners.append(listener)

    def leave(self, folder: Folder, listener: Listener) -> None:
        """Do not listen any more."""
        hearing = self._heard[folder]
        hearing.listeners.remove(listener)
        if not hearing.listeners:
            del self._heard[folder]
            hearing.stop()

    def __len__(self) -> int:
        """How many folders are heard."""
        return len(self._heard)
