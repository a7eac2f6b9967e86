"""What an operator wants to know of a running server, beside what it counts. Read when asked; knows no method."""

from __future__ import annotations

from collections import Counter

from server.connection import Connection
from server.metrics import Metrics
from server.reception import Reception
from server.subscriptions import Subscriptions
from server.threads.loaded import Loaded

BEFORE_HANDSHAKE = "none"
"""Said in place of the version of a client that has not told its own yet."""


def watch(metrics: Metrics, reception: Reception, subscriptions: Subscriptions[Connection], loaded: Loaded) -> None:
    """Let the metrics say these numbers as well."""
    sent = reception.round

    def versions() -> Counter[str]:
        spoken = (each.version if each.initialized else BEFORE_HANDSHAKE for each in reception.connections)
        return Counter(map(str, spoken))

    metrics.watch(
        "threadcast_connections", "Clients, by the version of the protocol they speak.", versions, label="version"
    )
    metrics.watch("threadcast_subscriptions", "Threads that clients follow, for all clients.", subscriptions.total)
    metrics.watch("threadcast_threads_loaded", "Threads in memory.", lambda: len(loaded.ids()))
    metrics.watch("threadcast_turns_running", "Turns under way.", lambda: sum(each.is_busy for each in loaded))
    metrics.watch(
        "threadcast_outbox_bytes",
        "Bytes that wait for clients to take them.",
        lambda: sum(each.waiting for each in reception.connections),
    )
    metrics.watch("threadcast_draining", "1 once the server is about to end.", lambda: reception.draining)
    metrics.watch("threadcast_messages_sent", "Messages written to clients.", lambda: sent.messages, grows=True)
    metrics.watch("threadcast_bytes_sent", "Bytes written to clients.", lambda: sent.bytes, grows=True)
    metrics.watch(
        "threadcast_slow_disconnects", "Clients left for being too slow (1013).", lambda: sent.given_up, grows=True
    )
    metrics.watch(
        "threadcast_connections_refused", "Clients that could not come in.", lambda: reception.refused, grows=True
    )
