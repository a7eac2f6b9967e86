"""Which commands each client has running: bounded, and gone with the client. Knows no method."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

from server.commands.session import Session

C = TypeVar("C", bound=Hashable)

MOST = 32
"""Commands of one client that may run at the same time."""


class Register(Generic[C]):
    """Sessions by client and name. Names are free again when their sessions end."""

    def __init__(self) -> None:
        self._sessions: dict[C, dict[Hashable, Session]] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def enter(self, client: C, name: Hashable, session: Session) -> None:
        """Keep it under this name. Raises KeyError if the name is taken, OverflowError if the client has too many."""
        mine = self._sessions.setdefault(client, {})
        if name in mine:
            raise KeyError(name)
        if len(mine) >= MOST:
            raise OverflowError(f"more than {MOST} commands of one connection cannot run at the same time")
        mine[name] = session
        self._empty.clear()

    def leave(self, client: C, name: Hashable) -> None:
        """It has ended; the name is free again."""
        mine = self._sessions[client]
        del mine[name]
        if not mine:
            del self._sessions[client]
        if not self._sessions:
            self._empty.set()

    def find(self, client: C, name: Hashable) -> Session | None:
        """The session of this name."""
        return self._sessions.get(client, {}).get(name)

    def left(self, client: C) -> None:
        """The client is gone: its commands end."""
        for session in self._sessions.get(client, {}).values():
            session.cancel()

    async def close(self) -> None:
        """End all commands of all clients, and wait until they are gone."""
        for client in list(self._sessions):
            self.left(client)
        await self._empty.wait()
