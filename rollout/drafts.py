"""One turn while it is being put together, and its picture for clients at any moment. Knows no other turn."""

from __future__ import annotations

from protocol.item import ThreadItem
from protocol.turn import Turn, TurnError, TurnStatus


class Draft:
    """A turn. ``explicit``: a task_started opened it. ``compacted``: a compaction was seen; it counts though empty."""

    def __init__(
        self, turn_id: str, *, explicit: bool, started_at: int | None = None, root_turn_id: str | None = None
    ) -> None:
        self.id = turn_id
        self._root_turn_id = root_turn_id or turn_id
        self.explicit = explicit
        self.compacted = False
        self.status: TurnStatus = "inProgress" if explicit else "completed"
        self._error: TurnError | None = None
        self._started_at = started_at
        self._completed_at: int | None = None
        self._duration_ms: int | None = None
        self._items: list[ThreadItem] = []
        self._index: dict[str, int] = {}
        self._picture: Turn | None = None
        self._fresh: ThreadItem | None = None

    @property
    def size(self) -> int:
        """How many items it has."""
        return len(self._items)

    @property
    def counts(self) -> bool:
        """Whether it stays once closed."""
        return self.explicit or self.compacted or bool(self._items)

    @property
    def last_item(self) -> ThreadItem | None:
        """The newest item."""
        return self._items[-1] if self._items else None

    def put(self, item: ThreadItem) -> None:
        """Add an item in place of the one with its id, or at the end."""
        self._picture = None
        self._fresh = item
        at = self._index.setdefault(item.id, len(self._items))
        if at == len(self._items):
            self._items.append(item)
        else:
            self._items[at] = item

    def is_fresh(self, item: ThreadItem) -> bool:
        """Whether the item was put last and no picture shows it yet, so that it may still grow."""
        return self._fresh is item

    def fail(self, error: TurnError) -> None:
        """The turn failed. It may still be completed, and stays failed."""
        self._picture = None
        self.status, self._error = "failed", error

    def finish(self, status: TurnStatus, completed_at: int | None, duration_ms: int | None) -> None:
        """Set how and when it ended. Overwrites earlier times, even with null."""
        self._picture = None
        self.status, self._completed_at, self._duration_ms = status, completed_at, duration_ms

    def picture(self) -> Turn:
        """The turn as it is now. The same object until something changes."""
        if self._picture is None:
            self._fresh = None
            self._picture = Turn(
                id=self.id,
                root_turn_id=self._root_turn_id,
                items=self._items.copy(),
                status=self.status,
                error=self._error,
                started_at=self._started_at,
                completed_at=self._completed_at,
                duration_ms=self._duration_ms,
            )
        return self._picture
