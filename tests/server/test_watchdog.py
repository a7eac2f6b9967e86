"""The watchdog sees when the loop stands still, and only then."""

from __future__ import annotations

import asyncio
from time import perf_counter

from server.watchdog import TOO_LONG, Watchdog


async def test_a_loop_that_stands_still_is_seen() -> None:
    blocks: list[float] = []
    seen = asyncio.Event()

    def note(seconds: float) -> None:
        blocks.append(seconds)
        seen.set()

    watchdog = Watchdog(note)
    watchdog.start()
    until = perf_counter() + 2 * TOO_LONG
    while perf_counter() < until:
        pass
    async with asyncio.timeout(5):
        await seen.wait()
    watchdog.stop()
    assert blocks[0] >= TOO_LONG


async def test_after_it_was_stopped_it_looks_no_more() -> None:
    blocks: list[float] = []
    watchdog = Watchdog(blocks.append)
    watchdog.start()
    watchdog.stop()
    until = perf_counter() + 2 * TOO_LONG
    while perf_counter() < until:
        pass
    for _ in range(10):
        await asyncio.sleep(0)
    assert blocks == []
