"""Who is attached to which thread: our own extension, for clients that show it to people."""

from __future__ import annotations

from protocol.wire import Wire

EXTENSION = "threadcast/presence"
"""Member of ``capabilities.extensions``: true asks to be told."""

MOST_CLIENTS = 50
"""How many clients of a thread are named; all of them are counted."""


class PresentClient(Wire):
    """A client, by what it said in its handshake."""

    name: str
    version: str


class ThreadPresence(Wire):
    """Who follows a thread, those first who connected first; ``total`` counts them all."""

    thread_id: str
    clients: list[PresentClient]
    total: int


class PresenceListParams(Wire):
    """``thread_ids``: null for all threads that anybody follows."""

    thread_ids: list[str] | None = None


class PresenceListResponse(Wire):
    """Threads that nobody follows are left out."""

    data: list[ThreadPresence]
