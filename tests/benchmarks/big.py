"""The benchmark with big rollouts: to read, resume and fork them, and what others notice of that meanwhile."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import re
import tempfile
import time
from pathlib import Path

import picows

from tests.benchmarks import stored
from tests.benchmarks.contest import Contestant, Values, new_home, resident_mb
from tests.benchmarks.load import PATIENCE, Connection, connect_as
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer, serving

PACE_MS = 10
"""Milliseconds between two deltas of the stream that others follow meanwhile."""

ENOUGH = 20_000
"""Deltas of that stream; nobody waits for its end."""

HEAD = 64
LONG = 1 << 16
"""Bytes of a message that are looked at, and from which length on: to decode all would stall the client itself."""

_REPLY = re.compile(rb'\{"id":(\d+),"result"')


class Listener(Connection):
    """A client that decodes no long message. ``gap``: the longest time without a delta, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.gap = 0.0
        self.heard_at = 0.0
        self._heard = asyncio.Event()

    async def next_delta(self) -> None:
        """Wait for it."""
        self._heard.clear()
        await asyncio.wait_for(self._heard.wait(), PATIENCE)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        now = time.perf_counter()
        payload = frame.get_payload_as_memoryview()
        head = bytes(payload[:HEAD])
        if b'"item/agentMessage/delta"' in head:
            if self.heard_at:
                self.gap = max(self.gap, now - self.heard_at)
            self.heard_at = now
            self._heard.set()
        elif len(payload) < LONG:
            super().on_ws_frame(transport, frame)
        elif reply := _REPLY.match(head):
            self.hear(now, {"id": int(reply[1]), "result": {}})


async def big(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """Each size alone, then the biggest beside a stream."""
    values: Values = {}
    with new_home(model_url) as home:
        threads = {title: _link(home, number, size) for number, (title, size) in enumerate(sizes.bigs.items())}
        for title, thread_id in threads.items():
            async with serving(contestant.command, home) as server:
                values |= {f"{title}: {label}": value for label, value in (await _alone(server, thread_id)).items()}
        title, thread_id = list(threads.items())[-1]
        async with serving(contestant.command, home) as server:
            beside = await _beside_a_stream(server, thread_id)
    return values | {f"{title}: {label}": value for label, value in beside.items()}


async def _alone(server: AppServer, thread_id: str) -> Values:
    await _until_settled(server)
    before = resident_mb(server.pid)
    cold = await _until_usage(server, "thread/resume", thread_id)
    grown = resident_mb(server.pid) - before
    again = await _until_usage(server, "thread/resume", thread_id)
    forked = await _until_usage(server, "thread/fork", thread_id)
    return {
        "cold resume, to the usage (ms)": cold,
        "memory growth of that (MB)": grown,
        "second resume, to the usage (ms)": again,
        "fork, to the usage (ms)": forked,
        "memory growth of all (MB)": resident_mb(server.pid) - before,
    }


async def _beside_a_stream(server: AppServer, thread_id: str) -> Values:
    """How long a client that follows another thread hears nothing, while this one is read, resumed and forked."""
    await _until_settled(server)
    listener = await connect_as(Listener, server.url)
    other = (await listener.call("thread/start", cwd="/"))["thread"]["id"]
    content = [{"type": "text", "text": f"deltas:{ENOUGH}:20:{PACE_MS}"}]
    await listener.call("turn/start", threadId=other, input=content)
    await listener.next_delta()
    gaps = {}
    for method in ("thread/read", "thread/resume", "thread/resume again", "thread/fork"):
        client = await connect_as(Listener, server.url)
        listener.gap = 0.0
        name = method.split()[0]
        await client.call(name, threadId=thread_id, **({"includeTurns": True} if name == "thread/read" else {}))
        await listener.next_delta()
        gaps[f"longest silence of a 10 ms stream beside {method} (ms)"] = listener.gap * 1000
        client.close()
    await _stop_stream(listener, other)
    return gaps


async def _stop_stream(listener: Listener, thread_id: str) -> None:
    read = await listener.call("thread/read", threadId=thread_id, includeTurns=True)
    await listener.call("turn/interrupt", threadId=thread_id, turnId=read["thread"]["turns"][-1]["id"])
    listener.close()


async def _until_usage(server: AppServer, method: str, thread_id: str) -> float:
    client = await connect_as(Listener, server.url)
    usage = client.expect("thread/tokenUsage/updated")
    begun = time.perf_counter()
    await client.call(method, threadId=thread_id)
    told = await asyncio.wait_for(usage, 10)
    client.close()
    return (told - begun) * 1000


async def _until_settled(server: AppServer) -> None:
    """What a server does with its threads when it starts is not measured: one question, then nothing for a moment."""
    client = await connect_as(Listener, server.url)
    await client.call("thread/list")
    client.close()
    await asyncio.sleep(1)


@functools.cache
def _store() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="bench-rollouts-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def _written(number: int, size: tuple[int, int, int]) -> tuple[str, Path]:
    """A rollout that all contestants read; nobody appends to it."""
    home = _store() / str(number)
    thread_id = stored.write_thread(home, number, *size)
    return thread_id, next(home.rglob("rollout-*.jsonl"))


def _link(home: Path, number: int, size: tuple[int, int, int]) -> str:
    thread_id, path = _written(number, size)
    link = home / "sessions" / stored.FOLDER / path.name
    link.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, link)
    return thread_id
