"""The benchmark with many threads: pages of the list with each filter, all pages, and the start on a full home."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import stored
from tests.benchmarks.contest import Contestant, DeliveryError, Values, cpu_seconds, new_home, running
from tests.benchmarks.load import Connection, connect
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer, serving

PAGES: dict[str, dict[str, Any]] = {
    "newest": {},
    "oldest": {"sortDirection": "asc"},
    "by updated_at": {"sortKey": "updated_at"},
    "by recency_at": {"sortKey": "recency_at"},
    "cwd": {"cwd": "/"},
    "cwd without a match": {"cwd": "/nowhere"},
    "search": {"searchTerm": "parser reads"},
    "search without a match": {"searchTerm": "nobody said this"},
    "any provider": {"modelProviders": []},
}
"""Title -> params of one page of 25."""

REPEATS = 10
SETTLED = 120.0
"""Seconds that a server gets until it has looked at all files."""


async def lists(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """A home with so many threads: start, pages, and all of it."""
    async with running(contestant, model_url) as server:
        empty = server.ready_ms
    with new_home(model_url) as home:
        _fill(home, sizes.listed)
        async with serving(contestant.command, home) as server:
            values = {"start to ready: empty home (ms)": empty, "start to ready: full home (ms)": server.ready_ms}
            client = await connect(server.url)
            begun = time.perf_counter()
            await client.call("thread/list", limit=25)
            values["first page after that (ms)"] = (time.perf_counter() - begun) * 1000
            await _settle(server, client)
            for title, params in PAGES.items():
                values |= await _page(server, client, title, params)
            values |= await _everything(contestant, server, client, sizes.listed)
            client.close()
    return values


def _fill(home: Path, count: int) -> None:
    for number in range(count):
        stored.write_thread(home, number, 1, 0)


async def _settle(server: AppServer, client: Connection) -> None:
    """List until an answer costs what the one before it cost: by then the server has read what it wants to read."""
    deadline = time.perf_counter() + SETTLED
    before = float("inf")
    while time.perf_counter() < deadline:
        begun = cpu_seconds(server.pid)
        await client.call("thread/list", limit=100, searchTerm="nobody said this")
        cost = cpu_seconds(server.pid) - begun
        if cost > 0.8 * before:
            return
        before = cost


async def _page(server: AppServer, client: Connection, title: str, params: dict[str, Any]) -> Values:
    walls, begun = [], cpu_seconds(server.pid)
    for _ in range(REPEATS):
        asked = time.perf_counter()
        await client.call("thread/list", limit=25, **params)
        walls.append((time.perf_counter() - asked) * 1000)
    cpu = (cpu_seconds(server.pid) - begun) / REPEATS * 1000
    return {f"page of 25, {title}: wall (ms), median": statistics.median(walls), f"page of 25, {title}: CPU (ms)": cpu}


async def _everything(contestant: Contestant, server: AppServer, client: Connection, count: int) -> Values:
    seen: list[str] = []
    cursor, begun, used = None, time.perf_counter(), cpu_seconds(server.pid)
    while True:
        page = await client.call("thread/list", limit=100, cursor=cursor)
        seen += [thread["id"] for thread in page["data"]]
        cursor = page["nextCursor"]
        if cursor is None or len(seen) > 2 * count:
            break
    if contestant.judged and (len(seen) != count or len(set(seen)) != count):
        raise DeliveryError(f"{len(seen)} threads listed, {len(set(seen))} of them once, of {count}")
    return {
        "all pages: wall (ms)": (time.perf_counter() - begun) * 1000,
        "all pages: CPU (ms)": (cpu_seconds(server.pid) - used) * 1000,
        "all pages: threads listed once (%)": len(set(seen)) / count * 100,
    }
