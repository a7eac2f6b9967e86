"""Where the time of a delivery goes: the whole server at the pace of a model, then its parts alone in this process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT
from typing import cast

from protocol import frames, notices
from protocol.frames import Message
from protocol.item_notices import AgentMessageDeltaNotification
from server.outbox import Outbox, Round
from server.providers.responses_stream import Answer
from tests.benchmarks.contest import Contestant, Values, cpu_seconds, running
from tests.benchmarks.delays import PACE_MS, audience
from tests.benchmarks.fanout import turn_for_all
from tests.benchmarks.load import PATIENCE
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import ROOT

_WRITES = ("write", "writev", "sendto", "sendmsg", "sendmmsg")

_NAME = "0190d7a0-0000-7000-8000-000000000000"
_DELTA = AgentMessageDeltaNotification(thread_id=_NAME, turn_id=_NAME, item_id="msg_1", delta="a word or two ")
_EVENT = json.dumps({"type": "response.output_text.delta", "item_id": "msg_1", "delta": "a word or two "})
_CHUNK = f"event: response.output_text.delta\ndata: {_EVENT}\n\n".encode()


async def profile(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """The parts hold for the largest audience."""
    values: Values = {}
    for count in sizes.profiled:
        spent = await _whole(contestant, model_url, count, sizes.profiled_chunks)
        values[f"to {count}: CPU per delivery (µs)"] = spent
        if shutil.which("strace"):
            values |= await _system_calls(contestant, model_url, count, sizes.profiled_chunks)
    return values | await _parts(max(sizes.profiled), sizes.profiled_chunks)


async def _whole(contestant: Contestant, model_url: str, count: int, chunks: int) -> float:
    async with running(contestant, model_url) as server, audience(server, count) as (thread_id, readers):
        before = cpu_seconds(server.pid)
        await turn_for_all(readers, thread_id, f"stamps:{chunks}:{PACE_MS}")
        return (cpu_seconds(server.pid) - before) * 1e6 / (count * chunks)


async def _system_calls(contestant: Contestant, model_url: str, count: int, chunks: int) -> Values:
    async with running(contestant, model_url) as server, audience(server, count) as (thread_id, readers):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            said = Path(folder) / "calls"
            tracing = await asyncio.create_subprocess_exec(
                *("strace", "-c", "-f", "-o", str(said), "-p", str(server.pid)), stderr=asyncio.subprocess.PIPE
            )
            assert tracing.stderr is not None
            attached = await asyncio.wait_for(tracing.stderr.readline(), PATIENCE)
            if b"attached" not in attached:  # tracing is not allowed everywhere
                await tracing.wait()
                return {}
            await turn_for_all(readers, thread_id, f"stamps:{chunks}:{PACE_MS}")
            tracing.send_signal(SIGINT)
            await tracing.communicate()
            calls = _counted(said.read_text())
    writes = sum(calls.get(name, 0) for name in _WRITES)
    return {
        f"to {count}: writes per delivery": writes / (count * chunks),
        f"to {count}: all system calls per delivery": sum(calls.values()) / (count * chunks),
    }


def _counted(table: str) -> dict[str, int]:
    """How often each call was made, from what strace says."""
    rows = [line.split() for line in table.splitlines()]
    return {row[-1]: int(row[3]) for row in rows if len(row) in (5, 6) and row[3].isdecimal() and row[-1] != "total"}


async def _parts(count: int, rounds: int) -> Values:
    values: Values = {}
    async with _sinks(count) as transports:
        sockets = [transport.get_extra_info("socket").fileno() for transport in transports]
        frame = frames.notification(notices.AGENT_MESSAGE_DELTA, _DELTA)
        assert isinstance(frame, frames.Frame)
        data = frame.data
        writes = [transport.write for transport in transports]
        values["per client: one write system call"] = await _paced(
            lambda: [os.write(number, data) for number in sockets], rounds, count
        )
        values["per client: the same by uvloop"] = await _paced(lambda: _all(writes, data), rounds, count)
    together = Round()
    boxes = [
        Outbox(_Nowhere(), limit=1 << 20, deadline=1, on_stuck=lambda _: None, together=together) for _ in range(count)
    ]
    values["per client: our way from the frame to the write"] = await _at_once(boxes, frame, rounds)
    values["per chunk: read the model's event"] = _quickest(lambda: list(Answer().feed(_CHUNK)), rounds)
    values["per chunk: make and encode the notification"] = _quickest(_encode, rounds)
    return {f"{label} (µs)": value for label, value in values.items()}


def _all(writes: Sequence[Callable[[bytes], object]], data: bytes) -> None:
    for write in writes:
        write(data)


def _encode() -> Message:
    return frames.notification(notices.AGENT_MESSAGE_DELTA, _DELTA)


async def _paced(work: Callable[[], object], rounds: int, count: int) -> float:
    """The median time of this for one client, in µs, when those who read wait for it at the pace of a model."""
    took = []
    for _ in range(rounds):
        await asyncio.sleep(PACE_MS / 1000)
        begun = time.perf_counter()
        work()
        await asyncio.sleep(0)
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e6 / count


async def _at_once(boxes: Sequence[Outbox], frame: frames.Frame, rounds: int) -> float:
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for box in boxes:
            box.put(frame)
        await asyncio.sleep(0)
        took.append(time.perf_counter() - begun)
    return min(took) * 1e6 / len(boxes)


def _quickest(work: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took) * 1e6


class _Nowhere:
    """A socket that takes everything and sends nothing."""

    def is_open(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        pass

    def write_parts(self, parts: list[bytes]) -> None:
        pass

    def unsent(self) -> int:
        return 0

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None:
        pass


@asynccontextmanager
async def _sinks(count: int) -> AsyncIterator[list[asyncio.Transport]]:
    """Our ends of so many connections to a process that only reads."""
    transports: list[asyncio.Transport] = []
    complete = asyncio.Event()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(cast("asyncio.Transport", transport))  # uvloop's are no instances of it
            if len(transports) == count:
                complete.set()

    server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.drain", str(port), str(count)), cwd=ROOT
    )
    try:
        await asyncio.wait_for(complete.wait(), PATIENCE)
        yield transports
    finally:
        server.close()
        for transport in transports:
            transport.close()
        await asyncio.wait_for(reader.wait(), PATIENCE)
