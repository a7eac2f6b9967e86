"""Searches for files by what a client types: single ones, and sessions whose words change. Knows no message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from functools import partial
from weakref import WeakSet

from protocol.errors import internal_error, invalid_request
from server.files.gathering import Gathering
from server.files.index import Found, Index
from server.offload import Workers

MOST_SESSIONS = 16
"""How many sessions one client may have."""

_FIRST_LOOK = 1_000
"""From so many paths on a session tells what it has found while it still gathers; then each time they have doubled."""

Updated = Callable[[str, list[Found]], None]
Completed = Callable[[], None]


def search(gathering: Gathering, query: str) -> list[Found]:
    """Gather and find. Blocking; one that was stopped finds something in what it has, as nobody waits for it."""
    if not query.strip():
        return []
    return Index(gathering.all()).find(query)


class _Session:
    """One session. It tells what it found for the newest query; older ones may be passed over."""

    def __init__(self, roots: list[str], workers: Workers, updated: Updated, completed: Completed) -> None:
        self._gathering = Gathering(roots)
        self._workers = workers
        self._updated = updated
        self._completed = completed
        self._query = ""
        self._asked = asyncio.Event()
        self._running = asyncio.get_running_loop().create_task(self._run())

    def ask(self, query: str) -> None:
        """Search for this from now on."""
        self._query = query
        self._asked.set()

    def end(self) -> None:
        """Tell nothing any more."""
        self._gathering.stop.set()
        self._running.cancel()

    async def _run(self) -> None:
        index = await self._gather()
        while True:
            self._asked.clear()
            query = self._query
            self._updated(query, await self._workers.do(partial(index.find, query)))
            if query == self._query:
                self._completed()
                await self._asked.wait()

    async def _gather(self) -> Index:
        """All paths; what is found among the first ones is told meanwhile."""
        look = _FIRST_LOOK
        while not self._gathering.done:
            await self._workers.do(self._gathering.step)
            count = len(self._gathering.places)
            if (query := self._query) and count >= look and not self._gathering.done:
                look = count * 2
                some = await self._workers.do(lambda: Index(self._gathering.places))
                self._updated(query, await self._workers.do(partial(some.find, query)))
        return await self._workers.do(lambda: Index(self._gathering.places))


class Searches:
    """The searches of all clients."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._running: dict[Hashable, dict[object, Gathering]] = {}
        self._sessions: dict[Hashable, dict[str, _Session]] = {}
        self._gone: WeakSet[Hashable] = WeakSet()

    async def once(self, client: Hashable, token: str | None, roots: list[str], query: str) -> list[Found]:
        """Search now; a running search of this client with the same token is stopped."""
        own = self._running.setdefault(client, {})
        key: object = token if token is not None else object()
        if (before := own.get(key)) is not None:
            before.stop.set()
        gathering = own[key] = Gathering(roots)
        try:
            return await self._workers.do(partial(search, gathering, query))
        finally:
            if own.get(key) is gathering:
                del own[key]

    def start(self, client: Hashable, name: str, roots: list[str], updated: Updated, completed: Completed) -> None:
        """Begin a session, in place of one of the same name. Raises RpcError: no name, no folders, or too many."""
        if client in self._gone:
            raise invalid_request("the connection has ended")
        own = self._sessions.setdefault(client, {})
        if not name:
            raise invalid_request("sessionId must not be empty")
        if not roots:
            raise internal_error("a file search session needs a directory to search")
        if name not in own and len(own) >= MOST_SESSIONS:
            raise invalid_request(f"this connection has {MOST_SESSIONS} file search sessions; stop one first")
        self.stop(client, name)
        own[name] = _Session(roots, self._workers, updated, completed)

    def ask(self, client: Hashable, name: str, query: str) -> None:
        """Search for something else. Raises RpcError if there is no such session."""
        session = self._sessions.get(client, {}).get(name)
        if session is None:
            raise invalid_request(f"file search session not found on this connection: {name}")
        session.ask(query)

    def stop(self, client: Hashable, name: str) -> None:
        """End a session, if there is one of this name."""
        if session := self._sessions.get(client, {}).pop(name, None):
            session.end()

    def left(self, client: Hashable) -> None:
        """End all that a client has, as it has gone."""
        self._gone.add(client)
        for gathering in self._running.pop(client, {}).values():
            gathering.stop.set()
        for session in self._sessions.pop(client, {}).values():
            session.end()

    def close(self) -> None:
        """End all."""
        for client in {*self._running, *self._sessions}:
            self.left(client)

    def __len__(self) -> int:
        """How many sessions there are."""
        return sum(map(len, self._sessions.values()))
