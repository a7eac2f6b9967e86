"""The benchmark with tools: turns of many calls that take no time themselves, each in a request of its own."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from tests.benchmarks.contest import Contestant, Values, cpu_seconds, running
from tests.benchmarks.load import connect, run_turn, start_thread
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.tool_parts import parts

CALLED = ("update_plan", "exec_command")


async def tools(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Each tool on a server and in a thread of its own, after a turn that is not counted."""
    values: Values = {}
    for tool in CALLED:
        async with running(contestant, model_url) as server:
            connection = await connect(server.url)
            thread_id = await start_thread(connection)
            own, children, walls = [], [], []
            prompt = f"tool:{tool}:{sizes.tool_calls}"
            await run_turn(connection, thread_id, prompt)
            for _ in range(sizes.tool_turns):
                before, below, begun = cpu_seconds(server.pid), of_children(server.pid), time.perf_counter()
                await run_turn(connection, thread_id, prompt)
                walls.append(time.perf_counter() - begun)
                own.append(cpu_seconds(server.pid) - before)
                children.append(of_children(server.pid) - below)
            connection.close()
        values[f"{tool}: CPU of the server per turn (ms)"] = statistics.mean(own) * 1000
        values[f"{tool}: CPU of its children per turn (ms)"] = statistics.mean(children) * 1000
        values[f"{tool}: wall per turn, median (ms)"] = statistics.median(walls) * 1000
    return values | (await parts(sizes.tool_calls * sizes.tool_turns) if contestant.judged else {})


def of_children(pid: int) -> float:
    """CPU seconds of those that it began and that have ended, with all below them, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
