"""All skills below one folder, and how to see that they are still the same. Knows no setting.

A scan remembers the state of every folder and file it looked at. As long as these states are the same nothing was
added, removed or changed: a ``stat`` of each tells that, without reading anything.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from server.skills.roots import Root
from server.skills.skill import DETAILS, FILE, Problem, Skill, SkillError, read_skill

MAX_DEPTH = 6
"""Folders below the root."""

MAX_FOLDERS = 2_000

State = tuple[int, int, int, int] | None


class Scan:
    """The skills below ``root`` as they are now. A root that does not exist has none."""

    def __init__(self, root: Root) -> None:
        self.skills: list[Skill] = []
        self.problems: list[Problem] = []
        self._root = root
        self._states: dict[Path, State] = {}
        for folder in self._folders():
            self._look(folder / FILE)

    def is_current(self) -> bool:
        """Whether nothing has changed since."""
        return all(_state(path) == state for path, state in self._states.items())

    def _folders(self) -> Iterator[Path]:
        """The root and what is below it, hidden folders left out. Links are followed; no folder comes twice."""
        waiting, seen = deque([(self._root.folder, 0)]), set[str]()
        while waiting:
            folder, depth = waiting.popleft()
            real = os.path.realpath(folder)
            if real in seen:
                continue
            if len(seen) == MAX_FOLDERS:
                message = f"has more than {MAX_FOLDERS} folders; the rest was not searched"
                self.problems.append(Problem(path=str(self._root.folder), message=message))
                return
            seen.add(real)
            self._states[folder] = _state(folder)  # before it is read: what changes meanwhile is seen next time
            yield folder
            if depth < MAX_DEPTH:
                waiting += [(each, depth + 1) for each in self._below(folder)]

    def _below(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                return sorted(Path(each.path) for each in entries if each.name[0] != "." and each.is_dir())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            self.problems.append(Problem(path=str(folder), message=f"cannot be searched: {error.strerror}"))
            return []

    def _look(self, file: Path) -> None:
        state = _state(file)
        if state is None and not os.path.lexists(file):
            return
        self._states |= {each: _state(each) for each in (file, file.parent / DETAILS)}
        try:
            skill, problems = read_skill(file, self._root.scope)
        except SkillError as error:
            self.problems.append(Problem(path=str(file), message=str(error)))
        else:
            self.skills.append(skill)
            self.problems += problems


def _state(path: Path) -> State:
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
