"""A long time under mixed load: ``python -m tests.stress.soak``. Fails when memory is not flat.

The server runs in this process, so that what it holds can be looked at; clients and model in another one.
``THREADCAST_SOAK_SECONDS`` says how long (half an hour), ``THREADCAST_SOAK_SEED`` what happens.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop

from server.app import App
from tests.support import codex
from tests.support.app_server import ROOT
from tests.support.harness import settings_for

SECONDS = float(os.environ.get("THREADCAST_SOAK_SECONDS", "1800"))
SAMPLES = 60
"""How often is looked."""

SHARE, MARGIN_MB = 1.1, 8.0
"""What the end may have more than the middle."""

_ROW = "{:>8} {:>8} {:>9} {:>8} {:>8} {:>10}"


@dataclass(frozen=True)
class Sample:
    """What the server held at one time. ``waiting``: bytes in all outboxes and transports."""

    seconds: float
    resident_mb: float
    objects: int
    connections: int
    threads: int
    waiting: int

    def row(self) -> str:
        """A line of the table."""
        return _ROW.format(
            f"{self.seconds:.0f}", f"{self.resident_mb:.1f}", self.objects, self.connections, self.threads,
            self.waiting,
        )  # fmt: skip


def take_sample(app: App, begun: float) -> Sample:
    """Look at it now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    outboxes = [connection._outbox for connection in app.subscriptions.everybody()]
    return Sample(
        seconds=time.monotonic() - begun,
        resident_mb=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        objects=len(gc.get_objects()),
        connections=len(outboxes),
        threads=len(app.loaded.ids()),
        waiting=sum(sum(map(len, box._waiting)) + box._socket.unsent() for box in outboxes),
    )


def growth(samples: list[Sample]) -> tuple[float, float]:
    """Resident memory in the middle and at the end, in MB: the medians of a fifth of all samples each."""
    fifth = max(1, len(samples) // 5)
    middle, end = samples[2 * fifth : 3 * fifth], samples[-fifth:]
    return (
        statistics.median(sample.resident_mb for sample in middle),
        statistics.median(sample.resident_mb for sample in end),
    )


async def soak(home: Path, seconds: float, samples: int = SAMPLES) -> list[Sample]:
    """Let the load come for so long; what was seen. Raises RuntimeError if the load saw something wrong."""
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.stress.soak_load", stdin=PIPE, stdout=PIPE, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert load.stdout is not None
    codex.write_config(home, (await load.stdout.readline()).decode().strip())
    flags: dict[str, str | None] = {"idle-unload-seconds": "1"}
    app = App(settings_for(home, flags, config=(home / "config.toml").read_text()))
    await app.start()
    try:
        return await _watch(app, load, seconds, samples)
    finally:
        if load.returncode is None:
            load.kill()
            await load.wait()
        await app.stop()


async def _watch(app: App, load: Process, seconds: float, samples: int) -> list[Sample]:
    assert load.stdin is not None
    load.stdin.write(f"{app.listener.urls[0]} {seconds}\n".encode())
    await load.stdin.drain()
    begun, taken = time.monotonic(), list[Sample]()
    sys.stdout.write(_ROW.format("seconds", "MB", "objects", "clients", "threads", "waiting") + "\n")
    ended = asyncio.create_task(load.wait())
    while not ended.done():
        await asyncio.wait([ended], timeout=seconds / samples)
        taken.append(take_sample(app, begun))
        sys.stdout.write(taken[-1].row() + "\n")
        sys.stdout.flush()
    assert load.stdout is not None
    sys.stdout.write((await load.stdout.read()).decode())
    if load.returncode:
        raise RuntimeError("the load saw something wrong")
    return taken[:-1]


def main() -> int:
    """Soak, and judge."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as home:
        samples = uvloop.run(soak(Path(home), SECONDS))
    middle, end = growth(samples)
    flat = end <= middle * SHARE + MARGIN_MB
    sys.stdout.write(f"middle {middle:.1f} MB, end {end:.1f} MB: {'flat' if flat else 'NOT FLAT'}\n")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
