"""What git knows of a folder: where its work tree begins, and answers to questions. Knows no thread and no setting."""

from __future__ import annotations

import asyncio
from pathlib import Path

_TIMEOUT = 5.0
"""Seconds that git may take for an answer."""


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
        process = await asyncio.create_subprocess_exec(
            "git",
            "-C",
            folder,
            *question,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except (OSError, ValueError):  # no git here, or no folder that it could be asked about
        return None
    try:
        async with asyncio.timeout(_TIMEOUT):
            answer, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:  # what it prints then is no answer: in a repository without a commit, "HEAD"
        return None
    return answer.decode(errors="replace").strip() or None
