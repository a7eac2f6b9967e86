"""What a work tree has that no remote knows, as git says. Changes nothing in it; knows no client."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TIMEOUT = 30.0
"""Seconds that one question to git may take."""

LONGEST = 32 << 20
"""Bytes of a diff at most."""

_ALONE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=true")
"""A repository's own settings do not have git start programs, but for the filters through which its files go."""

_PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")


class GitError(Exception):
    """There is no such difference; the text says why."""


async def diff_to_remote(cwd: str) -> tuple[str, str]:
    """The newest commit under the current one that a remote has, and the diff from it to the work tree.

    Raises :class:`GitError`: no work tree, no commit that a remote has, a diff that is too long or takes too long.
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
    process = None
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", "-C", cwd, *_ALONE, *question),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(env or {})},
        )
        assert process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            said = await _within(process.stdout)
            code = await process.wait()
    except TimeoutError as error:
        raise GitError("git takes too long") from error
    except (OSError, ValueError) as error:
        raise GitError(f"git cannot be asked: {error}") from error
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise GitError(f"git {question[0]} failed")
    return said


async def _within(stream: asyncio.StreamReader) -> bytes:
    said = bytearray()
    while more := await stream.read(1 << 16):
        said += more
        if len(said) > LONGEST:
            raise GitError(f"the difference has more than {LONGEST >> 20} MiB")
    return bytes(said)
