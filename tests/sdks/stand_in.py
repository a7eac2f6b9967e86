"""This server under the name ``codex``, and programs of its clients run against it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.sdks import environments

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 60.0
"""Seconds that a whole program may take."""


def make(folder: Path) -> Path:
    """Write the program. Clients that are told no path find it by ``PATH``."""
    folder.mkdir()
    path = folder / "codex"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m server "$@"\n')
    path.chmod(0o755)
    return path


async def run(client: str, program: str, home: Path, *arguments: str, path: Path | None = None) -> str:
    """Run a program of this client on this CODEX_HOME; its standard output. Fails with all it said."""
    home.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs in this loop
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("THREADCAST_", "OPENAI_", "PY"))}
    environment = kept | {"CODEX_HOME": str(home), "PATH": f"{path.parent}:{kept['PATH']}" if path else kept["PATH"]}
    process = await asyncio.create_subprocess_exec(
        *_command(client, program),
        *arguments,
        cwd=environments.folder(client),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, f"{program} ended with {process.returncode}:\n{said.decode()}\n{complaint.decode()}"
    return said.decode()


async def report(client: str, program: str, home: Path, target: Path | str) -> dict[str, Any]:
    """What a program of ours says it saw, on a line of its own; clients may log on others."""
    said = await run(client, program, home, str(target))
    (line,) = (line for line in said.splitlines() if line.startswith("{"))
    seen: dict[str, Any] = json.loads(line)
    return seen


def _command(client: str, program: str) -> list[str]:
    if client != environments.NODE:
        where = [str(PROGRAMS / program)] if program.endswith(".py") else ["-m", program]
        return [str(environments.python(client)), *where]
    # Node looks for packages beside the program, so it is read from where they are.
    text = (PROGRAMS / program).read_text()
    return ["node", "--input-type=module", "--eval", text, "--"]
