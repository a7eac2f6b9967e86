"""What git knows of a folder: where its work tree begins, and answers to questions. Knows no thread and no setting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

_TIMEOUT = 5.0
"""Seconds that git may take for an answer."""


LONGEST = 32 << 20
"""Bytes of an answer at most."""


class GitError(Exception):
    """Git gives no answer; the text says why."""


def work_tree(folder: Path) -> Path | None:
    """The nearest folder, this one or one above it, that holds ``.git``; None if there is none or none may be seen."""
    return next((each for each in (folder, *folder.parents) if _holds_git(each)), None)


def _holds_git(folder: Path) -> bool:
    try:
        return (folder / ".git").exists()
    except (OSError, ValueError):  # a name too long or with a NUL in it, or a folder that may not be searched
        return False


async def ask_git(folder: str, *question: str) -> str | None:
    """What git says to these arguments in a folder; None if it says nothing, fails, takes too long or is not there."""
    try:
        answer = await git(folder, *question)
    except GitError:
        return None
    return answer.decode(errors="replace").strip() or None


async def git(folder: str, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = _TIMEOUT) -> bytes:
    """What git prints to these arguments in a folder, with these variables beside the server's own.

    Raises :class:`GitError`: no git, no such folder, a failure, too long an answer, or so many seconds without one.
    """
    process = None
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", "-C", folder, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=None if env is None else {**os.environ, **env},
        )
        assert process.stdout is not None
        async with asyncio.timeout(seconds):
            said = await _within(process.stdout)
            code = await process.wait()
    except TimeoutError as error:
        raise GitError("git takes too long") from error
    except (OSError, ValueError) as error:  # no git here, or no folder that it could be asked about
        raise GitError(f"git cannot be asked: {error}") from error
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:  # what it prints then is no answer: in a repository without a commit, "HEAD"
        raise GitError("git failed")
    return said


async def _within(stream: asyncio.StreamReader) -> bytes:
    said = bytearray()
    while more := await stream.read(1 << 16):
        said += more
        if len(said) > LONGEST:
            raise GitError(f"the answer of git has more than {LONGEST >> 20} MiB")
    return bytes(said)
