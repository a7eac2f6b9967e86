"""Which repository a working directory belongs to, as git says. Knows no thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol.wire import UNSET, UnsetType
from rollout.lines import GitState
from server.repository import ask_git, work_tree


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
    return await ask_git(cwd, *question) or UNSET
