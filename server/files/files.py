"""All that clients do with files, put together: threads of its own, watches, searches. Knows no message."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from server.files.searches import Searches
from server.files.watches import Watches
from server.offload import Workers

R = TypeVar("R")

_WORKERS = 8
_SEARCHERS = 2


class Files:
    """Files for the clients of one server."""

    def __init__(self) -> None:
        self._workers = Workers(_WORKERS, "files")
        self._searchers = Workers(_SEARCHERS, "search")
        self.watches = Watches(self._workers)
        self.searches = Searches(self._searchers)

    async def do(self, work: Callable[[], R]) -> R:
        """Do work on files away from the event loop. Raises what it raises."""
        return await self._workers.do(work)

    def left(self, client: Hashable) -> None:
        """End what this client has, as it has gone."""
        self.watches.left(client)
        self.searches.left(client)

    def close(self) -> None:
        """End everything."""
        self.watches.close()
        self.searches.close()
        self._workers.close()
        self._searchers.close()
