"""What clients watch: a file or folder by its path, whether it is there or not. Knows no message.

Heard are the folder that the path is in and, if it is a folder, that one. If there is not even the first, the nearest
one above it is heard, until there is. What takes the place of something else is told as a change of the path.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from functools import partial
from weakref import WeakSet

import structlog

from protocol.errors import invalid_request
from server.files.folders import Folder, Folders, folder_at
from server.files.refusals import telling
from server.offload import Workers

MOST_WATCHES = 64
"""How many watches one client may have."""

MOST_PATHS = 1_000
"""If more than so many paths change together, only what is watched is told."""

Tell = Callable[[list[str]], None]

_log = structlog.get_logger(__name__)


class _Watch:
    """One watched path. ``tell`` is called in the event loop with sorted paths."""

    def __init__(self, path: str, tell: Tell, folders: Folders, workers: Workers) -> None:
        self._path = path
        self._tell = tell
        self._folders = folders
        self._workers = workers
        self._heard: set[Folder] = set()
        self._identity: tuple[int, int] | None = None
        self._moving: asyncio.Task[None] | None = None
        self._moved_again = False
        self.ended = False

    async def begin(self) -> None:
        """Listen. Raises OSError."""
        self._identity, wanted = await self._workers.do(partial(_anchors, self._path))
        for folder in wanted:
            await self._folders.listen(folder, self._hear)
            self._heard.add(folder)

    def end(self) -> None:
        """Tell nothing any more."""
        self.ended = True
        if self._moving is not None:
            self._moving.cancel()
        for folder in self._heard:
            self._folders.leave(folder, self._hear)
        self._heard.clear()

    def _hear(self, folder: Folder, paths: set[str]) -> None:
        if self.ended:
            return
        inside = folder.path == self._path
        mine = {path for path in paths if (os.path.dirname(path) == self._path if inside else path == self._path)}
        mine.discard("/")
        if mine:
            self._tell(sorted(mine) if len(mine) <= MOST_PATHS else [self._path])
        if any(self._path == path or self._path.startswith(f"{path}/") for path in paths):
            self._move(told=self._path in mine)

    def _move(self, *, told: bool) -> None:
        """Look where to listen from now on, unless somebody is looking: then once more afterwards."""
        if self._moving is not None and not self._moving.done():
            self._moved_again = True
            return
        self._moving = asyncio.get_running_loop().create_task(self._look(told))

    async def _look(self, told: bool) -> None:
        self._moved_again = True
        while self._moved_again:
            self._moved_again = False
            identity, wanted = await self._workers.do(partial(_anchors, self._path))
            for folder in set(wanted) - self._heard:
                try:
                    await self._folders.listen(folder, self._hear)
                except OSError as error:  # gone again, which is heard, or not allowed
                    _log.info("watch_lost", path=folder.path, reason=str(error))
                else:
                    self._heard.add(folder)
                    self._moved_again = True  # what happened before it was heard
            for folder in self._heard - set(wanted):
                self._heard.discard(folder)
                self._folders.leave(folder, self._hear)
            if identity != self._identity:
                self._identity = identity
                if not told:
                    self._tell([self._path])


def _anchors(path: str) -> tuple[tuple[int, int] | None, list[Folder]]:
    """What is at the path now, and the folders to listen to. Blocking."""
    try:
        state = os.stat(path)
        identity = (state.st_dev, state.st_ino)
    except OSError:
        identity = None
    above: str = os.path.dirname(path)
    while (folder := folder_at(above)) is None and above != "/":
        above = os.path.dirname(above)
    inner = folder_at(path)
    found = {each.path: each for each in (folder, inner) if each is not None}
    return identity, list(found.values())


class Watches:
    """The watches of all clients, by client and by the client's name for it."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._folders = Folders(workers)
        self._watches: dict[Hashable, dict[str, _Watch]] = {}
        self._gone: WeakSet[Hashable] = WeakSet()

    async def begin(self, client: Hashable, name: str, path: str, tell: Tell) -> None:
        """Tell of changes from now on. Raises RpcError: a name in use, too many, or what the system says."""
        if client in self._gone:
            raise invalid_request("the connection has ended")
        own = self._watches.setdefault(client, {})
        if name in own:
            raise invalid_request(f"watchId is in use on this connection: {name}")
        if len(own) >= MOST_WATCHES:
            raise invalid_request(f"this connection has {MOST_WATCHES} watches, and no more can be had; end one first")
        watch = own[name] = _Watch(path, tell, self._folders, self._workers)
        begun = False
        try:
            with telling(f"cannot watch {path}"):
                await watch.begin()
            begun = not watch.ended
        finally:
            if not begun:  # refused, or its client left meanwhile
                watch.end()
                if own.get(name) is watch:
                    del own[name]

    def end(self, client: Hashable, name: str) -> None:
        """End a watch, if there is one of this name."""
        if watch := self._watches.get(client, {}).pop(name, None):
            watch.end()

    def left(self, client: Hashable) -> None:
        """End all watches of a client that has gone."""
        self._gone.add(client)
        for watch in self._watches.pop(client, {}).values():
            watch.end()

    def close(self) -> None:
        """End all."""
        for client in list(self._watches):
            self.left(client)

    def __len__(self) -> int:
        """How many folders are heard for all watches together."""
        return len(self._folders)
