"""Long computations away from the event loop. Knows no work.

A thread of its own does not make Python code faster, but the interpreter switches between threads every few
milliseconds, so that others are served meanwhile. The garbage collector does not: walking a large heap holds up every
thread at once.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")

MANY = 2_000
"""From so many items on, work that looks at each of them is long; below, a thread would cost more than it saves."""


async def off_the_loop(items: int, work: Callable[[], R]) -> R:
    """Do work over this many items: at once if they are few, else in a thread."""
    return work() if items < MANY else await asyncio.to_thread(work)


async def made_to_stay(make: Callable[[], R]) -> R:
    """Make something large that will live long, in a thread; the garbage collector never looks at it again.

    It is still freed when nobody refers to it any more: that is reference counting. Only cycles would stay, also those
    of all else that is there at that moment: what comes and goes, threads and clients, has none when it ends.
    """

    def undisturbed() -> R:
        enabled = gc.isenabled()
        gc.disable()
        try:
            made = make()
            gc.freeze()
            return made
        finally:
            if enabled:
                gc.enable()

    return await asyncio.to_thread(undisturbed)


class Workers:
    """Threads for work that may be held up for long, such as by a slow disk: it holds up nobody else's threads."""

    def __init__(self, count: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(count, name)

    async def do(self, work: Callable[[], R]) -> R:
        """Do this as soon as a thread is free. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
