"""Where skills may be: the folders whose trees are searched, for one working directory. Reads no skill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from server.config import Config
from server.skills.skill import Scope

ADMIN = Path("/etc/codex/skills")


class Root(NamedTuple):
    """A folder that may hold skills, and whose they are."""

    folder: Path
    scope: Scope


def roots(config: Config, cwd: Path, extra: Sequence[str] = ()) -> Iterator[Root]:
    """All of them, those that count first at first; they need not exist. ``extra`` are more folders of the user."""
    for folder in _project(cwd, config.keys.project_root_markers) if "\0" not in str(cwd) else ():
        yield Root(folder / ".codex/skills", "repo")
        yield Root(folder / ".agents/skills", "repo")
    yield Root(config.codex_home / "skills", "user")
    if home := config.environ.get("HOME"):
        yield Root(Path(home) / ".agents/skills", "user")
    yield from (Root(Path(each), "user") for each in extra if "\0" not in each)
    if config.keys.skills.bundled.enabled:
        yield Root(config.codex_home / "skills/.system", "system")
    yield Root(ADMIN, "admin")


def _project(cwd: Path, markers: Sequence[str]) -> list[Path]:
    """The folders from the project's root down to the working directory; without a root only that directory."""
    for folder in (cwd, *cwd.parents):
        if any(_has(folder, marker) for marker in markers):
            return [*reversed([above for above in cwd.parents if above.is_relative_to(folder)]), cwd]
    return [cwd]


def _has(folder: Path, marker: str) -> bool:
    try:
        return (folder / marker).exists()
    except (OSError, ValueError):  # a name too long or with a NUL in it, or a folder that may not be searched
        return False
