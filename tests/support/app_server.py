"""An app-server in a process of its own, ours or a released one: start, address, end. Knows no method."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import codex

PATIENCE = 30.0
"""Seconds that a server may take to start, and to stop."""

GRACE = 2.0
"""Seconds until it is told to stop for the second time. After a failed turn, 0.125.0 waits for its end for ever."""

ROOT = Path(__file__).resolve().parents[2]

_ADDRESS = re.compile(r"listening on:?\s+(ws://\S+)")


@dataclass
class AppServer:
    """A running server. ``ready_ms``: from its start to the first healthy answer. ``said``: its standard error.

    ``speaks``: the version of a released one; None for ours, which speaks as its client does.
    """

    url: str
    process: asyncio.subprocess.Process
    home: Path
    ready_ms: float
    speaks: str | None
    said: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid


def ours() -> list[str]:
    """The command of this project's server."""
    return [sys.executable, "-m", "server", "serve", "--listen", "ws://127.0.0.1:0"]


def released(version: str) -> list[str]:
    """The command of the released app-server of this version."""
    return [codex.binary(version), "app-server", "--listen", "ws://127.0.0.1:0"]


@asynccontextmanager
async def serving(command: Sequence[str], home: Path) -> AsyncIterator[AppServer]:
    """This server on this CODEX_HOME, until the end of the block."""
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env=os.environ | {"CODEX_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    said: list[str] = []
    listening = asyncio.Queue[str | None]()
    reading = asyncio.create_task(_read(process, said, listening))
    try:
        async with asyncio.timeout(PATIENCE):
            url = await listening.get()
            if url is None:
                raise RuntimeError(f"{command[0]} did not start:\n" + "".join(said))
            await _ready(url)
        yield AppServer(url, process, home, (time.perf_counter() - begun) * 1000, _version_of(command[0]), said)
    finally:
        await _stop(process)
        await reading


def _version_of(program: str) -> str | None:
    installed = codex.folder(codex.REFERENCE).parent
    path = Path(program)
    return path.relative_to(installed).parts[0] if path.is_relative_to(installed) else None


async def _read(process: asyncio.subprocess.Process, said: list[str], listening: asyncio.Queue[str | None]) -> None:
    assert process.stderr is not None
    async for raw in process.stderr:
        line = raw.decode(errors="replace")
        said.append(line)
        if found := _ADDRESS.search(line):
            listening.put_nowait(found[1])
    listening.put_nowait(None)


async def _ready(url: str) -> None:
    host, port = url.removeprefix("ws://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /readyz HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    if b" 200 " not in status:
        raise RuntimeError(f"{url} is not ready: {status!r}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    for end, patience in ((process.terminate, GRACE), (process.terminate, PATIENCE), (process.kill, PATIENCE)):
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), patience)
            return
