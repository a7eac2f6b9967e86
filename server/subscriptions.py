"""Who hears which thread: two dicts that mirror each other. Plain functions, no I/O; knows no frame and no socket.

Edge results (first subscriber, last one gone) let the caller act without asking again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

C = TypeVar("C", bound=Hashable)

_NOBODY: frozenset[Any] = frozenset()


class Subscriptions(Generic[C]):
    """Connections and the threads they follow. Only connections that were opened here, and not closed, can follow."""

    def __init__(self) -> None:
        self._threads: dict[C, set[str]] = {}
        self._subscribers: dict[str, set[C]] = {}
        self.on_change: Callable[[str], None] = lambda _thread_id: None
        """Told of each thread that somebody else follows than before."""

    def open(self, connection: C) -> None:
        """Register a connection: from now on it may subscribe, and it hears announcements."""
        self._threads.setdefault(connection, set())

    def close(self, connection: C) -> list[str]:
        """Forget a connection. Returns the threads that lost their last subscriber by it."""
        threads = self._threads.pop(connection, set())
        return [thread_id for thread_id in threads if self._remove(connection, thread_id)]

    def subscribe(self, connection: C, thread_id: str) -> bool:
        """Let the connection hear the thread. True if it is the first; a connection that is gone is not added."""
        if connection not in self._threads:
            return False
        if thread_id not in self._threads[connection]:
            self._threads[connection].add(thread_id)
            self.on_change(thread_id)
        subscribers = self._subscribers.setdefault(thread_id, set())
        subscribers.add(connection)
        return len(subscribers) == 1

    def unsubscribe(self, connection: C, thread_id: str) -> bool | None:
        """Stop it. True if that was the last one, False if others remain, None if it was no subscriber."""
        if thread_id not in self._threads.get(connection, ()):
            return None
        self._threads[connection].discard(thread_id)
        return self._remove(connection, thread_id)

    def drop(self, thread_id: str) -> None:
        """Forget a thread and everybody who followed it."""
        followers = self._subscribers.pop(thread_id, set())
        for connection in followers:
            self._threads[connection].discard(thread_id)
        if followers:
            self.on_change(thread_id)

    def of(self, thread_id: str) -> AbstractSet[C]:
        """The thread's subscribers; not to be changed, and only good until the next change."""
        return self._subscribers.get(thread_id, _NOBODY)

    def followed(self) -> list[str]:
        """All threads that anybody follows."""
        return list(self._subscribers)

    def threads_of(self, connection: C) -> frozenset[str]:
        """The threads this connection follows."""
        return frozenset(self._threads.get(connection, ()))

    def count(self, connection: C) -> int:
        """How many threads this connection follows."""
        return len(self._threads.get(connection, ()))

    def total(self) -> int:
        """How many threads all connections follow, each counted as often as it is followed."""
        return sum(map(len, self._threads.values()))

    def follows(self, connection: C, thread_id: str) -> bool:
        """Whether this connection follows the thread."""
        return thread_id in self._threads.get(connection, ())

    def everybody(self) -> list[C]:
        """All open connections."""
        return list(self._threads)

    def _remove(self, connection: C, thread_id: str) -> bool:
        subscribers = self._subscribers[thread_id]
        subscribers.discard(connection)
        self.on_change(thread_id)
        if not subscribers:
            del self._subscribers[thread_id]
        return not subscribers
