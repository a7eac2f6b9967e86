"""The watchdog sees when the loop stands still, and only then."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter, thread_time

import pytest

from server.watchdog import INTERVAL, TOO_LONG, Watchdog


async def test_a_loop_that_stands_still_is_seen() -> None:
    blocks: list[float] = []
    seen = asyncio.Event()

    def note(seconds: float) -> None:
        blocks.append(seconds)
        seen.set()

    watchdog = Watchdog(note)
    watchdog.start()
    until = thread_time() + 2 * TOO_LONG  # time in which the system lets others run does not count
    while thread_time() < until:
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


async def test_time_in_which_the_system_let_others_run_is_not_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[float] = []
    looked = asyncio.Event()
    began = perf_counter()
    monkeypatch.setattr(Watchdog, "_time_in_queue", lambda _: perf_counter() - began)
    watchdog = Watchdog(blocks.append)
    watchdog.start()
    until = perf_counter() + 2 * TOO_LONG
    while perf_counter() < until:
        pass
    asyncio.get_running_loop().call_later(INTERVAL, looked.set)
    await looked.wait()
    watchdog.stop()
    assert blocks == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long a thread could run and did not")
async def test_the_system_says_how_long_the_loop_had_to_wait_for_its_turn() -> None:
    watchdog = Watchdog(lambda _: None)
    watchdog.start()
    assert watchdog._time_in_queue() > 0
    watchdog.stop()
