"""The benchmark with a paced stream: from the moment the model says something until the last subscriber has read it.

The model writes the time into each delta; all processes of one machine read the same monotonic clock.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

import picows

from tests.benchmarks.contest import Contestant, DeliveryError, Values, cpu_seconds, median_and_p99, running
from tests.benchmarks.fanout import join, turn_for_all
from tests.benchmarks.load import PATIENCE, Connection, connect, start_thread
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import ROOT, AppServer

PACE_MS = 20
"""Milliseconds between two chunks: 50 a second."""

_DELTA = b'{"method":"item/agentMessage/delta"'

_STAMP = re.compile(rb'"delta":"(\d+) "')


class Reader(Connection):
    """Notes when each delta came, and looks into them afterwards: readers shall not keep each other waiting."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived: list[tuple[int, bytes]] = []

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if payload.startswith(_DELTA):
            self._arrived.append((time.monotonic_ns(), payload))
        elif frame.msg_type == picows.WSMsgType.TEXT and b'"item/' not in payload[:40]:
            super().on_ws_frame(transport, frame)

    @cached_property
    def stamps(self) -> list[tuple[int, int]]:
        """When the model wrote each delta and when it came, in nanoseconds of one clock, as they came."""
        found = ((_STAMP.search(payload), at) for at, payload in self._arrived)
        return [(int(stamp[1]), at) for stamp, at in found if stamp]

    @cached_property
    def read(self) -> dict[int, int]:
        """The same by when it was written."""
        return dict(self.stamps)


async def delays(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """For each number of subscribers, the delay until the last of them has read a chunk."""
    values: Values = {}
    for count in sizes.delayed_subscribers:
        async with running(contestant, model_url) as server, audience(server, count) as (thread_id, readers):
            before = cpu_seconds(server.pid)
            await turn_for_all(readers, thread_id, f"stamps:{sizes.stamps}:{PACE_MS}")
            spent = cpu_seconds(server.pid) - before
        values |= median_and_p99(
            f"to the last of {count} (ms)", list(last_read(contestant, readers, sizes.stamps).values())
        )
        values[f"to {count}: CPU per delivery (µs)"] = spent * 1e6 / (count * sizes.stamps)
        if contestant.judged:
            values |= await _floor(contestant, model_url, count, sizes.stamps)
    return values


async def _floor(contestant: Contestant, model_url: str, count: int, stamps: int) -> Values:
    """The same chunks from a program that does nothing else, to the same clients."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.floor", model_url, str(count), f"stamps:{stamps}:{PACE_MS}"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip()
        before = cpu_seconds(process.pid)
        readers = [await _follow(url) for _ in range(count)]
        await asyncio.wait_for(asyncio.gather(*(reader.expect("turn/completed") for reader in readers)), PATIENCE)
        spent = cpu_seconds(process.pid) - before
    finally:
        process.kill()
        await process.wait()
    last = list(last_read(contestant, readers, stamps).values())
    values = median_and_p99(f"floor: to the last of {count} (ms)", last)
    return values | {f"floor: to {count}: CPU per delivery (µs)": spent * 1e6 / (count * stamps)}


async def _follow(url: str) -> Reader:
    _, reader = await picows.ws_connect(Reader, url)
    assert isinstance(reader, Reader)
    return reader


@asynccontextmanager
async def audience(server: AppServer, count: int) -> AsyncIterator[tuple[str, list[Reader]]]:
    """A thread that has had turns, and so many who follow it."""
    author = await connect(server.url)
    thread_id = await start_thread(author)
    await author.call("thread/unsubscribe", threadId=thread_id)
    readers = await join(Reader, server.url, thread_id, count)
    await turn_for_all(readers, thread_id, "hello")
    yield thread_id, readers
    for connection in (author, *readers):
        connection.close()


def last_read(contestant: Contestant, joined: list[Reader], count: int) -> dict[int, float]:
    """For each chunk that all have read, by when it was written: how long that took, in ms."""
    everywhere = set.intersection(*(set(reader.read) for reader in joined))
    doubled = sum(len(reader.stamps) - len(reader.read) for reader in joined)
    ordered = all(list(reader.read) == sorted(reader.read) for reader in joined)
    if contestant.judged and (len(everywhere) != count or doubled or not ordered):
        raise DeliveryError(f"{len(everywhere)} of {count} chunks read by all, {doubled} twice, in order: {ordered}")
    return {stamp: (max(reader.read[stamp] for reader in joined) - stamp) / 1e6 for stamp in everywhere}
