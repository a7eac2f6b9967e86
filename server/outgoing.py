"""The three ways out: to one connection (replay), to a thread (broadcast), to all (announce). Knows no handler."""

from __future__ import annotations

from protocol.frames import Message, Sendable
from server.connection import Connection
from server.subscriptions import Subscriptions


class Outgoing:
    """Hands messages to connections. Plain functions: what is called in one breath stays together on every wire."""

    def __init__(self, subscriptions: Subscriptions[Connection]) -> None:
        self._subscriptions = subscriptions

    def replay(self, connection: Connection, message: Sendable) -> None:
        """To this connection only."""
        connection.send(message)

    def broadcast(self, thread_id: str, message: Sendable) -> None:
        """To every subscriber of the thread."""
        for connection in self._subscriptions.of(thread_id):
            connection.send(message)

    def announce(self, message: Message) -> None:
        """To every initialised connection."""
        for connection in self._subscriptions.everybody():
            connection.send(message)
