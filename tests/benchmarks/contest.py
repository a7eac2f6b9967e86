"""Who is measured, against which model, and what a process costs. Knows no benchmark."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support import codex
from tests.support.app_server import PATIENCE, ROOT, AppServer, ours, released, serving

LOOK = 0.02
"""Seconds between two looks at the memory of a process."""

Values = dict[str, float]
"""What one server did: label -> number, in the order of the table."""


@dataclass(frozen=True)
class Contestant:
    """A server program. ``judged``: a missing delivery is an error of this run. ``newest``: of its kind."""

    name: str
    command: tuple[str, ...]
    judged: bool = False
    newest: bool = True


class DeliveryError(Exception):
    """Something did not arrive that had to."""


def contestants(*, alone: bool) -> list[Contestant]:
    """Ours first, then the released servers, unless ``alone``. Raises FileNotFoundError if one is not installed."""
    versions = () if alone else (codex.REFERENCE, codex.NEWEST)
    rivals = [
        Contestant(f"codex {version}", tuple(released(version)), newest=version == codex.NEWEST) for version in versions
    ]
    return [Contestant("threadcast", tuple(ours()), judged=True), *rivals]


def raise_file_limit(wanted: int) -> int:
    """Let this process and those it starts have so many open files, or as many as the machine allows: how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((max(wanted, soft), max(wanted, hard)), (hard, hard)):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@asynccontextmanager
async def model() -> AsyncIterator[str]:
    """The model server in a process of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.model"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        yield line.decode().strip()
    finally:
        process.kill()
        await process.wait()


@contextmanager
def new_home(model_url: str) -> Iterator[Path]:
    """A CODEX_HOME that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        codex.write_config(home, model_url)
        yield home


@asynccontextmanager
async def running(contestant: Contestant, model_url: str) -> AsyncIterator[AppServer]:
    """A fresh server on an empty CODEX_HOME."""
    with new_home(model_url) as home:
        async with serving(contestant.command, home) as server:
            yield server


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far: what ``/proc/PID/stat`` holds, to the nanosecond instead of 10 ms.

    Linux makes the id of a process's CPU clock out of the complement of its number and the kind of clock, 2.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


class Peak:
    """The most memory that a process holds while this is open; over ``limit`` MB it is ended, and ``over`` is set."""

    def __init__(self, pid: int, limit: float) -> None:
        self._pid = pid
        self._limit = limit
        self.begun = self.mb = resident_mb(pid)
        self.over = False

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        self._look()

    @property
    def growth(self) -> float:
        """In MB, since this was made."""
        return self.mb - self.begun

    def _look(self) -> None:
        with suppress(OSError, StopIteration):  # it has ended
            self.mb = max(self.mb, resident_mb(self._pid))

    async def _watch(self) -> None:
        while not self.over:
            self._look()
            if self.mb > self._limit:
                self.over = True
                os.kill(self._pid, signal.SIGKILL)
            await asyncio.sleep(LOOK)


def p99(samples: Sequence[float]) -> float:
    """The 99th percentile; of less than a hundred samples, the largest."""
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * 0.99))]


def median_and_p99(label: str, samples: Sequence[float]) -> Values:
    """Two rows of a table."""
    return {f"{label}, median": statistics.median(samples), f"{label}, p99": p99(samples)}
