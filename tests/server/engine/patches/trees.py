"""Folders of files for tests of patches: made, read, and patched."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from server.engine.patches.apply import apply
from server.engine.patches.grammar import parse
from server.engine.patches.plan import Plan
from server.engine.patches.verify import verify

Tree = dict[str, bytes | str | None]
"""By path relative to the folder: the bytes of a file, where a link leads, None for an empty folder."""


def patch(*lines: str) -> str:
    """A patch of these lines."""
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


def make(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def tree(folder: Path) -> Tree:
    found: Tree = {}
    for above, folders, files in os.walk(folder):
        names = {name: Path(above, name) for name in [*folders, *files]}
        for path in names.values():
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                found[name] = path.read_bytes()
            elif path.is_dir() and not any(path.iterdir()):
                found[name] = None
    return found


def modes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in files}


def planned(folder: Path, *lines: str) -> Plan:
    return verify(parse(patch(*lines)), str(folder))


def patched(folder: Path, *lines: str, may_write: Callable[[str], bool] | None = None) -> str:
    """Apply a patch of these lines and return the report."""
    return apply(planned(folder, *lines), may_write)
