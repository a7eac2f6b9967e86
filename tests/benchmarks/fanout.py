"""The benchmarks with many clients: what it costs to tell all subscribers of a thread what its model says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.contest import Contestant, DeliveryError, Values, cpu_seconds, resident_mb, running
from tests.benchmarks.load import PATIENCE, C, Connection, connect, connect_as, start_thread
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer

AT_ONCE = 25
"""Connections that are opened at the same time."""

CROWD = 10
"""From so many connections on, what they cost together says what one costs."""

SIZE = 20
"""Characters of a delta."""

PACE_MS = 10
"""Milliseconds between two deltas of a stream."""


@dataclass(frozen=True)
class Telling:
    """``repeats`` turns with this prompt, of so many deltas each, told to so many subscribers."""

    subscribers: int
    repeats: int
    deltas: int
    prompt: str


async def burst(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Deltas as fast as the model can, to more and more subscribers."""
    prompt = f"deltas:{sizes.deltas}:{SIZE}:0"
    tellings = [Telling(count, repeats, sizes.deltas, prompt) for count, repeats in sizes.bursts.items()]
    return await _tell_all(contestant, model_url, tellings)


async def stream(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Deltas at the pace of a real model, so that no two of them can share a write."""
    prompt = f"deltas:{sizes.paced_deltas}:{SIZE}:{PACE_MS}"
    tellings = [Telling(count, repeats, sizes.paced_deltas, prompt) for count, repeats in sizes.streams.items()]
    return await _tell_all(contestant, model_url, tellings)


async def _tell_all(contestant: Contestant, model_url: str, tellings: list[Telling]) -> Values:
    values: Values = {}
    for telling in tellings:
        async with running(contestant, model_url) as server:
            values |= await _tell(contestant, server, telling)
    return values


async def _tell(contestant: Contestant, server: AppServer, telling: Telling) -> Values:
    author = await connect(server.url)
    thread_id = await start_thread(author)
    await author.call("thread/unsubscribe", threadId=thread_id)
    lonely = resident_mb(server.pid)
    joined = await join(Connection, server.url, thread_id, telling.subscribers)
    crowded = resident_mb(server.pid)
    before, begun = cpu_seconds(server.pid), time.perf_counter()
    for _ in range(telling.repeats):
        await turn_for_all(joined, thread_id, telling.prompt)
    wall, spent = time.perf_counter() - begun, cpu_seconds(server.pid) - before
    for connection in (author, *joined):
        connection.close()

    due = telling.repeats * telling.deltas
    wanted = telling.subscribers * due
    delivered = sum(connection.filler for connection in joined) // SIZE
    if contestant.judged and (wrong := [reader.filler for reader in joined if reader.filler != due * SIZE]):
        raise DeliveryError(f"{wanted} deltas due; characters at those who got others: {wrong[:5]} of {due * SIZE}")
    to = f"to {telling.subscribers}"
    values = {f"{to}: CPU per delivery (µs)": spent * 1e6 / max(delivered, 1)}
    values[f"{to}: wall (ms)"] = wall * 1000 / telling.repeats
    values[f"{to}: deltas delivered (%)"] = delivered * 100 / wanted
    if telling.subscribers >= CROWD:
        values[f"{to}: memory per connection (kB)"] = (crowded - lonely) * 1024 / telling.subscribers
    return values


async def join(kind: type[C], url: str, thread_id: str, count: int) -> list[C]:
    """So many clients of this kind that follow the thread."""

    async def one() -> C:
        connection = await connect_as(kind, url)
        await connection.call("thread/resume", threadId=thread_id)
        return connection

    joined: list[C] = []
    while len(joined) < count:
        joined += await asyncio.gather(*(one() for _ in range(min(AT_ONCE, count - len(joined)))))
    return joined


async def turn_for_all(joined: Sequence[Connection], thread_id: str, prompt: str) -> None:
    """One turn to its end at everyone who is still there."""
    ends = [connection.expect("turn/completed") for connection in joined]
    await joined[0].call("turn/start", threadId=thread_id, input=[{"type": "text", "text": prompt}])
    await asyncio.wait_for(asyncio.gather(*ends, return_exceptions=True), PATIENCE)
