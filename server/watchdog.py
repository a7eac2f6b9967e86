"""Sees when the event loop stands still, for then every client waits. Knows nothing of what runs in it.

Time in which the thread of the loop could run and the system let others run does not count, where the system says so:
the machine has too much to do then, and nothing here does wrong.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

import structlog

TOO_LONG = 0.05
"""Seconds that the loop may stand still."""

INTERVAL = 0.01
"""Seconds between two looks. As much of a standstill may go by before a look is due, which is late by the rest: what is
seen lasted at least so long, and what lasts this much longer than it may is always seen."""

_log = structlog.get_logger(__name__)


class Watchdog:
    """Looks at the clock again and again. ``on_block`` gets the seconds by which a look came too late."""

    def __init__(self, on_block: Callable[[float], None]) -> None:
        self._on_block = on_block
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._queued = 0.0
        self._schedule: int | None = None

    def start(self) -> None:
        """Begin to look."""
        with suppress(OSError):
            self._schedule = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self._wait()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._queued = self._time_in_queue()
        self._due = loop.time() + INTERVAL
        self._timer = loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._schedule is not None:
            os.close(self._schedule)
            self._schedule = None

    def _look(self) -> None:
        late = asyncio.get_running_loop().time() - self._due - (self._time_in_queue() - self._queued)
        if late > TOO_LONG:
            self._on_block(late)
            _log.warning("loop_blocked", at_least_seconds=round(late, 3))
        self._wait()

    def _time_in_queue(self) -> float:
        """Seconds so far in which the thread of the loop could run and did not get to."""
        if self._schedule is None:
            return 0.0
        return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e9
