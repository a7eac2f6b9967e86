"""Sees when the event loop stands still, for then every client waits. Knows nothing of what runs in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

TOO_LONG = 0.05
"""Seconds that the loop may stand still."""

INTERVAL = 0.02
"""Seconds between two looks: so much of a standstill may go by before a look is due, which is then late by the rest."""

_log = structlog.get_logger(__name__)


class Watchdog:
    """Looks at the clock again and again. ``on_block`` gets the seconds by which a look came too late."""

    def __init__(self, on_block: Callable[[float], None]) -> None:
        self._on_block = on_block
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to look."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + INTERVAL
        self._timer = loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        if late > TOO_LONG - INTERVAL:
            self._on_block(late)
            _log.warning("loop_blocked", at_least_seconds=round(late, 3))
        self.start()
