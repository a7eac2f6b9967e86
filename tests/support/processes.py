"""Processes that commands begin, as a test sees them: which there are, and whether they still live."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PATIENCE = 10.0
ROOT = Path(__file__).parents[2]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody tells us: files and processes."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """It runs, and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def pids_in(path: Path, count: int = 1) -> list[int]:
    """The ids that so many processes wrote into a file."""
    await until(lambda: len(_pids(path)) >= count)
    return _pids(path)


def _pids(path: Path) -> list[int]:
    return (
        [int(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if path.exists()
        else []
    )


def python(program: str) -> subprocess.Popen[bytes]:
    """A Python process of its own that knows this project."""
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)


def end(process: subprocess.Popen[bytes]) -> None:
    """As the system does when memory is short."""
    process.kill()
    process.wait()
