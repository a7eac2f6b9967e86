"""The benchmark with many threads that stream at once: whether each gets its share of the server."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

from tests.benchmarks.contest import Contestant, DeliveryError, Values, cpu_seconds, p99, running
from tests.benchmarks.fanout import SIZE, join
from tests.benchmarks.load import PATIENCE, Connection, connect, start_thread
from tests.benchmarks.sizes import Sizes

SUBSCRIBERS = 5


@dataclass
class Audience:
    """One thread and those who follow it. ``seconds``: from the request for its turn to its end at the last of them."""

    thread_id: str
    members: list[Connection]
    seconds: float = 0.0

    async def listen(self, deltas: int) -> None:
        """One turn to its end."""
        ends = [member.expect("turn/completed") for member in self.members]
        begun = time.perf_counter()
        asked = [{"type": "text", "text": f"deltas:{deltas}:{SIZE}:0"}]
        await self.members[0].call("turn/start", threadId=self.thread_id, input=asked)
        self.seconds = max(await asyncio.wait_for(asyncio.gather(*ends), PATIENCE)) - begun


async def threads(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """All threads begin a turn at the same moment."""
    async with running(contestant, model_url) as server:
        author = await connect(server.url)
        audiences = []
        for _ in range(sizes.streaming_threads):
            thread_id = await start_thread(author)
            await author.call("thread/unsubscribe", threadId=thread_id)
            audiences.append(Audience(thread_id, await join(Connection, server.url, thread_id, SUBSCRIBERS)))
        before, begun = cpu_seconds(server.pid), time.perf_counter()
        await asyncio.gather(*(audience.listen(sizes.deltas_of_each) for audience in audiences))
        wall, spent = time.perf_counter() - begun, cpu_seconds(server.pid) - before
        for audience in audiences:
            for member in audience.members:
                member.close()
        author.close()
    return _values(contestant, audiences, sizes.deltas_of_each, wall, spent)


def _values(contestant: Contestant, audiences: list[Audience], deltas: int, wall: float, spent: float) -> Values:
    got = [member.filler // SIZE for audience in audiences for member in audience.members]
    if contestant.judged and set(got) != {deltas}:
        raise DeliveryError(f"between {min(got)} and {max(got)} of {deltas} deltas arrived at each")
    times = [audience.seconds for audience in audiences]
    return {
        "a thread's stream: fastest (ms)": min(times) * 1000,
        "a thread's stream, median (ms)": statistics.median(times) * 1000,
        "a thread's stream, p99 (ms)": p99(times) * 1000,
        "slowest / fastest": max(times) / min(times),
        "Jain's index of the times (1 = all alike)": sum(times) ** 2 / (len(times) * sum(each**2 for each in times)),
        "deliveries per second": sum(got) / wall,
        "CPU per delivery (µs)": spent * 1e6 / max(sum(got), 1),
        "deltas delivered (%)": sum(got) * 100 / (len(got) * deltas),
    }
