"""The benchmark with other work: what those who follow a stream notice when the server searches, reads and lists.

Each work is done for one other client, again and again while the stream lasts, and cold each time.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tests.benchmarks import stored
from tests.benchmarks.big import Listener
from tests.benchmarks.contest import Contestant, Values, median_and_p99, new_home
from tests.benchmarks.delays import PACE_MS, audience, last_read
from tests.benchmarks.fanout import turn_for_all
from tests.benchmarks.load import Connection, connect_as
from tests.benchmarks.sizes import Sizes
from tests.support.app_server import AppServer, serving

FILES_IN_FOLDER = 50

PAUSE = 0.1
"""Seconds between two of them."""

T = TypeVar("T")

Span = tuple[float, float]

Work = Callable[[Connection], Awaitable[object]]
"""Done once; what cannot be done once more raises :class:`Done`."""


class Done(Exception):
    """There is no more of this work."""


async def busy(contestant: Contestant, model_url: str, sizes: Sizes) -> Values:
    """The same stream beside nothing and beside each work, each on a server of its own."""
    values: Values = {}
    with new_home(model_url) as home:
        threads = [stored.write_thread(home, number, *sizes.busy_thread) for number in range(1, sizes.busy_threads + 1)]
        works: dict[str, Work | None] = {
            "nothing else": None,
            "file searches": _search(_tree(sizes.busy_files)),
            "cold resumes": _resume(threads),
            "new threads listed": _list(home, _stage(home, sizes.busy_listed)),
        }
        for title, work in works.items():
            async with serving(contestant.command, home) as server:
                samples = await _beside(contestant, server, work, sizes)
            if samples:
                values |= median_and_p99(f"beside {title} (ms)", samples)
                values[f"beside {title}: longest (ms)"] = max(samples)
    return values


async def _beside(contestant: Contestant, server: AppServer, work: Work | None, sizes: Sizes) -> list[float]:
    """How long each chunk took to the last reader, in ms, of those that were under way while the work was done."""
    other = await connect_as(Listener, server.url)
    async with audience(server, sizes.busy_subscribers) as (thread_id, readers):
        prompt = f"stamps:{sizes.busy_stamps}:{PACE_MS}"
        stream = asyncio.create_task(turn_for_all(readers, thread_id, prompt))
        worked = [(0.0, math.inf)] if work is None else await _do(work, other, stream)
        await stream
        delays = last_read(contestant, readers, sizes.busy_stamps)
    other.close()
    return [delay for stamp, delay in delays.items() if _touches(stamp, stamp + delay * 1e6, worked)]


async def _do(work: Work, other: Connection, stream: asyncio.Task[None]) -> list[Span]:
    """Work as long as the stream lasts, with pauses; when it was done, in nanoseconds."""
    worked: list[Span] = []
    with suppress(Done):
        await asyncio.sleep(PAUSE)
        while not stream.done():
            begun = time.monotonic_ns()
            await work(other)
            worked.append((begun, time.monotonic_ns()))
            await asyncio.sleep(PAUSE)
    return worked


def _touches(begun: float, ended: float, worked: list[Span]) -> bool:
    return any(begun < end and start < ended for start, end in worked)


def _search(tree: Path) -> Work:
    async def work(client: Connection) -> object:
        return await client.call("fuzzyFileSearch", query="mod42", roots=[str(tree)], cancellationToken=None)

    return work


def _resume(threads: list[str]) -> Work:
    left = iter(threads)

    async def work(client: Connection) -> object:
        return await client.call("thread/resume", threadId=_next(left))

    return work


def _list(home: Path, staged: list[Path]) -> Work:
    """Threads that another program has just stored, as many again each time."""
    left = iter(staged)

    async def work(client: Connection) -> object:
        folder = _next(left)
        folder.rename(home / "sessions" / "2026" / "01" / folder.name)
        return await client.call("thread/list", limit=25, searchTerm="nobody said this")

    return work


def _stage(home: Path, count: int) -> list[Path]:
    """Folders with so many threads each, not yet among the sessions."""
    folders = []
    for day in range(10, 20):
        for number in range(count):
            stored.write_thread(home / "staged", day * 100_000 + number, 1, 0)
        folders.append((home / "staged" / "sessions" / stored.FOLDER).rename(home / "staged" / str(day)))
    return folders


def _next(left: Iterator[T]) -> T:
    try:
        return next(left)
    except StopIteration:
        raise Done from None


@functools.cache
def _tree(files: int) -> Path:
    """Folders with so many files together, until this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    for number in range(files // FILES_IN_FOLDER):
        inside = Path(folder.name) / f"package{number % 40}" / f"module{number}"
        inside.mkdir(parents=True)
        for each in range(FILES_IN_FOLDER):
            (inside / f"source_{each}_of_{number}.py").touch()
    return Path(folder.name)
