"""AGENTS.md: what the user and the project want every model to know. Finds and reads the files; knows no turn.

The user's own come first, then those of each folder from the project's root down to the working directory. Files are
read away from the event loop, and only when they have changed.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from protocol.wire import Record

OVERRIDE = "AGENTS.override.md"
USUAL = "AGENTS.md"

INSTEAD = "The instructions below hold from here on, in place of all that earlier AGENTS.md files said.\n\n"
NO_MORE = "No AGENTS.md file applies any more; what earlier ones said no longer holds."

_BETWEEN = "\n\n--- project-doc ---\n\n"
_MANY = 512
"""Files that are remembered, and working directories."""
_MOST = 1 << 20
"""Bytes that are read of the user's own file."""


class DocRules(Record):
    """Where to look. ``max_bytes``: of all files of a project together. ``markers``: what a project's root holds.

    ``fallbacks``: names that count where a folder has none of the usual ones.
    """

    home: str
    max_bytes: int = 32_768
    fallbacks: tuple[str, ...] = ()
    markers: tuple[str, ...] = (".git",)


class Docs(Record):
    """What the files say, null if nothing, and their absolute paths, in order."""

    text: str | None = None
    sources: tuple[str, ...] = ()


async def find(rules: DocRules, cwd: str) -> Docs:
    """What counts in this working directory, now. Files that cannot be read are passed over."""
    found = _FOUND[rules, cwd] = await asyncio.to_thread(_find, rules, cwd)
    _FOUND.move_to_end((rules, cwd))
    if len(_FOUND) > _MANY:
        _FOUND.popitem(last=False)
    return found


async def last_found(rules: DocRules, cwd: str) -> Docs:
    """What counted here when somebody looked last, as each turn does: for who only wants to know what was read."""
    return _FOUND.get((rules, cwd)) or await find(rules, cwd)


def told_as(docs: Docs, told: str | None) -> str | None:
    """What a model must hear that was told ``told`` last; None if it knows all."""
    if docs.text is None:
        return None if told in (None, NO_MORE) else NO_MORE
    if told in (docs.text, INSTEAD + docs.text):
        return None
    return docs.text if told is None else INSTEAD + docs.text


def _find(rules: DocRules, cwd: str) -> Docs:
    sources: list[str] = []
    own = _own(Path(rules.home), sources)
    project = _project(rules, cwd, sources)
    parts = [part for part in (own, project) if part]
    return Docs(text=_BETWEEN.join(parts) or None, sources=tuple(sources))


def _own(home: Path, sources: list[str]) -> str:
    for name in (OVERRIDE, USUAL):
        text = _FILES.read(str(home / name), _MOST).decode(errors="replace").strip()
        if text:
            sources.append(str(home / name))
            return text
    return ""


def _project(rules: DocRules, cwd: str, sources: list[str]) -> str:
    left, parts = rules.max_bytes, list[str]()
    for path in _candidates(rules, Path(cwd)):
        if left <= 0:
            break
        content = _FILES.read(path, left)
        text = content.decode(errors="replace")
        if text.strip():
            parts.append(text)
            sources.append(path)
            left -= len(content)
    return "\n\n".join(parts)


def _candidates(rules: DocRules, cwd: Path) -> Iterator[str]:
    """One file of each folder at most, from the root of the project down."""
    names = (OVERRIDE, USUAL, *rules.fallbacks)
    for folder in _folders(cwd, rules.markers):
        found = (str(folder / name) for name in names if name and _is_file(folder / name))
        yield from (path for path, _ in zip(found, range(1), strict=False))


def _folders(cwd: Path, markers: tuple[str, ...]) -> list[Path]:
    for folder in (cwd, *cwd.parents):
        if any(_exists(folder / marker) for marker in markers):
            return [*reversed([above for above in cwd.parents if above.is_relative_to(folder)]), cwd]
    return [cwd]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long or with a NUL in it, or a folder that may not be searched
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


class _Files:
    """The beginnings of files, read again when they have changed. Used by several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], tuple[tuple[int, int, int], bytes]] = OrderedDict()
        self._lock = Lock()

    def read(self, path: str, limit: int) -> bytes:
        """The first ``limit`` bytes; none if it cannot be read, or is no file."""
        try:
            now = os.stat(path)
            if not stat.S_ISREG(now.st_mode):
                return b""
            state = (now.st_mtime_ns, now.st_size, now.st_ino)
            with self._lock:
                known = self._known.get((path, limit))
            if known is None or known[0] != state:
                with open(path, "rb") as file:
                    known = state, file.read(limit)
        except (OSError, ValueError):
            return b""
        with self._lock:
            self._known[path, limit] = known
            self._known.move_to_end((path, limit))
            if len(self._known) > _MANY:
                self._known.popitem(last=False)
        return known[1]


_FILES = _Files()
_FOUND: OrderedDict[tuple[DocRules, str], Docs] = OrderedDict()
