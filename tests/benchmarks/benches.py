"""The benchmarks with one client: each measures one server and returns its column of a table."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from tests.benchmarks import stored
from tests.benchmarks.contest import (
    Contestant,
    DeliveryError,
    Values,
    cpu_seconds,
    median_and_p99,
    new_home,
    resident_mb,
    running,
)
from tests.benchmarks.load import connect, run_turn, start_thread
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer, serving

USAGE_PATIENCE = 5.0
"""Seconds that the usage replay may take after the reply of a resume."""

Bench = Callable[[Contestant, str, Sizes], Awaitable[Values]]


async def start(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """From the start of the process to the first healthy answer, and what an idle server holds."""
    ready, resident = [], []
    for _ in range(sizes.starts):
        async with running(contestant, model_url) as server:
            ready.append(server.ready_ms)
            resident.append(resident_mb(server.pid))
    return {"start to ready, median (ms)": statistics.median(ready), "idle RSS (MB)": statistics.median(resident)}


async def attach(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Resume stored threads, each for the first time, then join one that is loaded; until the usage is there."""
    with new_home(model_url) as home:
        size = (sizes.stored_turns, sizes.stored_calls)
        threads = [stored.write_thread(home, number, *size) for number in range(sizes.attaches)]
        async with serving(contestant.command, home) as server:
            await _attach_all(server, threads[:1])
            cold, cold_cpu = await _attach_all(server, threads[1:])
            first = await connect(server.url)
            await first.call("thread/resume", threadId=threads[0])
            again, again_cpu = await _attach_all(server, [threads[0]] * sizes.attaches)
            first.close()
    return {
        **median_and_p99("cold resume: reply (ms)", [reply for reply, _ in cold]),
        **median_and_p99("cold resume: usage there (ms)", [usage for _, usage in cold]),
        "cold resume: CPU (ms)": cold_cpu,
        **median_and_p99("rejoin: reply (ms)", [reply for reply, _ in again]),
        **median_and_p99("rejoin: usage there (ms)", [usage for _, usage in again]),
        "rejoin: CPU (ms)": again_cpu,
    }


async def _attach_all(server: AppServer, threads: list[str]) -> tuple[list[tuple[float, float]], float]:
    """Resume these one after the other, each on a new connection. Milliseconds of each, and of CPU on average."""
    samples = []
    spent = 0.0
    for thread_id in threads:
        connection = await connect(server.url)
        usage = connection.expect("thread/tokenUsage/updated")
        before, begun = cpu_seconds(server.pid), time.perf_counter()
        await connection.call("thread/resume", threadId=thread_id)
        replied = connection.replied_at
        try:
            told = await asyncio.wait_for(usage, USAGE_PATIENCE)
        except TimeoutError:
            raise DeliveryError("no usage came after a resume") from None
        spent += cpu_seconds(server.pid) - before
        samples.append(((replied - begun) * 1000, (told - begun) * 1000))
        connection.close()
    return samples, spent * 1000 / len(threads)


async def turns(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Turns with a short reply, one after the other, in one growing thread with one client.

    The released servers leave Nagle's algorithm on, so some of their frames wait for an acknowledgement that the
    client's machine delays by up to 40 ms. Every client of theirs waits for that, so it stays in the wall time.
    """
    async with running(contestant, model_url) as server:
        connection = await connect(server.url)
        thread_id = await start_thread(connection)
        walls = []
        before = cpu_seconds(server.pid)
        for number in range(sizes.turns):
            begun = time.perf_counter()
            await run_turn(connection, thread_id, f"question {number}")
            walls.append((time.perf_counter() - begun) * 1000)
        spent = cpu_seconds(server.pid) - before
        connection.close()
    return {"CPU per turn (ms)": spent * 1000 / sizes.turns, **median_and_p99("wall per turn (ms)", walls)}
