"""Which repository a working directory belongs to, as git says. Knows no thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol.wire import UNSET, UnsetType
from rollout.lines import GitState
from server.repository import work_tree

_TIMEOUT = 5.0


async def git_state(cwd: str) -> GitState | None:
    """Commit, branch and origin of the repository around ``cwd``; None if there is none, or no git."""
    if work_tree(Path(cwd)) is None:
        return None
    commit, branch, origin = await asyncio.gather(
        _ask(cwd, "rev-parse", "HEAD"),
        _ask(cwd, "symbolic-ref", "--short", "HEAD"),
        _ask(cwd, "remote", "get-url", "origin"),
    )
    return GitState(commit_hash=commit, branch=branch, repository_url=origin)


async def _ask(cwd: str, *question: str) -> str | UnsetType:
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            "-C",
            cwd,
            *question,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError):  # no git here, or no folder that it could be asked about
        return UNSET
    try:
        async with asyncio.timeout(_TIMEOUT):
            answer, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return UNSET
    if process.returncode != 0:  # what it prints then is no answer: in a repository without a commit, "HEAD"
        return UNSET
    return answer.decode(errors="replace").strip() or UNSET
