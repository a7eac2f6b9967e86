"""Tells who is attached to a thread to the clients that asked for it. Knows no method.

Many may come and go at once: changes of a tenth of a second are told together, and nothing is done if nobody asked.
"""

from __future__ import annotations

import asyncio

from protocol import frames, notices
from protocol.presence import EXTENSION, MOST_CLIENTS, PresentClient, ThreadPresence
from server.connection import Connection
from server.subscriptions import Subscriptions

TOGETHER = 0.1
"""Seconds whose changes are told together."""


class Presence:
    """Follows the subscriptions."""

    def __init__(self, subscriptions: Subscriptions[Connection]) -> None:
        self._subscriptions = subscriptions
        self._watching: dict[Connection, None] = {}
        self._changed: dict[str, None] = {}
        self._told: asyncio.TimerHandle | None = None
        subscriptions.on_change = self._note

    def came(self, connection: Connection) -> None:
        """A connection completed its handshake."""
        if connection.declared(EXTENSION):
            self._watching[connection] = None

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._watching.pop(connection, None)

    def of(self, thread_id: str) -> ThreadPresence:
        """Who follows this thread now."""
        found = sorted(self._subscriptions.of(thread_id), key=lambda each: each.number)
        clients = [PresentClient(name=each.client_name, version=each.client_version) for each in found[:MOST_CLIENTS]]
        return ThreadPresence(thread_id=thread_id, clients=clients, total=len(found))

    def all(self) -> list[ThreadPresence]:
        """The same for all threads that anybody follows."""
        return [self.of(thread_id) for thread_id in self._subscriptions.followed()]

    def _note(self, thread_id: str) -> None:
        if not self._watching:
            return
        self._changed[thread_id] = None
        if self._told is None:
            self._told = asyncio.get_running_loop().call_later(TOGETHER, self._tell)

    def _tell(self) -> None:
        changed, self._changed, self._told = self._changed, {}, None
        for thread_id in changed:
            message = frames.notification(notices.PRESENCE_CHANGED, self.of(thread_id))
            for connection in self._watching:
                connection.send(message)
