"""What a work tree has that no remote knows, as git says. Changes nothing in it; knows no client."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from server.repository import GitError, git

TIMEOUT = 30.0
"""Seconds that one question to git may take."""

_ALONE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=true")
"""A repository's own settings do not have git start programs, but for the filters through which its files go."""

_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")


async def diff_to_remote(cwd: str) -> tuple[str, str]:
    """The newest commit under the current one that a remote has, and the diff from it to the work tree.

    Raises :class:`~server.repository.GitError`: no work tree, no commit that a remote has, a diff that is too long or
    takes too long.
    """
    top = (await _git(cwd, "rev-parse", "--show-toplevel")).decode(errors="surrogateescape").rstrip("\n")
    sha = await _known_to_a_remote(top)
    index = (await _git(top, "rev-parse", "--git-path", "index")).decode(errors="surrogateescape").rstrip("\n")
    with tempfile.TemporaryDirectory(prefix="threadcast-") as folder:
        copy = Path(folder) / "index"
        with suppress(FileNotFoundError):  # a repository in which nothing was ever added has none
            await asyncio.to_thread(shutil.copyfile, os.path.join(top, index), copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        await _git(top, "add", "--intent-to-add", "--", ".", env=env)
        found = await _git(top, "diff", *_PLAIN, sha, "--", env=env)
    return sha, found.decode(errors="replace")


async def _known_to_a_remote(top: str) -> str:
    unknown = (await _git(top, "rev-list", "--boundary", "HEAD", "--not", "--remotes")).decode().split()
    if not unknown:  # all of it is there, unless nothing is
        return (await _git(top, "rev-parse", "--verify", "HEAD")).decode().strip()
    boundary = next((each.removeprefix("-") for each in unknown if each.startswith("-")), None)
    if boundary is None:
        raise GitError("no remote has any of its commits")
    return boundary


async def _git(cwd: str, *question: str, env: Mapping[str, str] | None = None) -> bytes:
    settings = {"GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return await git(cwd, *_ALONE, *question, env=settings, seconds=TIMEOUT)
