"""Where the git work tree around a folder begins. Runs nothing; knows no thread and no setting."""

from __future__ import annotations

from pathlib import Path


def work_tree(folder: Path) -> Path | None:
    """The nearest folder, this one or one above it, that holds ``.git``; None if there is none or none may be seen."""
    return next((each for each in (folder, *folder.parents) if _holds_git(each)), None)


def _holds_git(folder: Path) -> bool:
    try:
        return (folder / ".git").exists()
    except (OSError, ValueError):  # a name too long or with a NUL in it, or a folder that may not be searched
        return False
