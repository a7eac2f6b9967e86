"""The skills of a working directory, found when somebody asks and remembered until the disk says otherwise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from protocol.wire import Record
from server.config import Config
from server.config_keys import SkillsKeys
from server.skills.roots import Root, roots
from server.skills.scan import Scan
from server.skills.skill import Problem, Skill

_MANY = 256
"""Scans that are remembered."""

_ORDER = ("repo", "user", "system", "admin")


class SkillSet(Record):
    """The skills of one working directory, in the order in which they are shown; ``off`` are paths of disabled ones.

    ``told``: models are told of them.
    """

    skills: list[Skill] = []
    problems: list[Problem] = []
    off: frozenset[str] = frozenset()
    told: bool = True

    @property
    def enabled(self) -> list[Skill]:
        """Those that may be used."""
        return [skill for skill in self.skills if skill.path not in self.off]


class Skills:
    """All skills of this machine that a server may use. The configuration is read anew each time.

    ``on_change`` is called when somebody looks and finds other skills below a folder than the last time.
    """

    def __init__(self, config: Config, on_change: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._on_change = on_change
        self._changed = False
        self._scans: dict[Root, Scan] = {}
        self._lock = Lock()

    async def at(self, cwd: str, *, extra: Sequence[str] = (), reload: bool = False) -> SkillSet:
        """What there is for ``cwd``, read away from the event loop. ``reload`` reads every file again."""
        found = await asyncio.to_thread(self._at, cwd, extra, reload)
        if self._changed:
            self._changed = False
            self._on_change()
        return found

    def _at(self, cwd: str, extra: Sequence[str], reload: bool) -> SkillSet:
        config = self._config.reread()
        keys = config.keys.skills
        with self._lock:
            scans = [
                self._scan(root, reload) for root in dict.fromkeys(roots(config, Path(os.path.abspath(cwd)), extra))
            ]
        found = {skill.path: skill for scan in reversed(scans) for skill in reversed(scan.skills)}
        skills = sorted(found.values(), key=lambda skill: (_ORDER.index(skill.scope), skill.name, skill.path))
        return SkillSet(
            skills=skills,
            problems=sorted((each for scan in scans for each in scan.problems), key=lambda each: each.path),
            off=frozenset(skill.path for skill in skills if not _enabled(skill, keys)),
            told=keys.include_instructions,
        )

    def _scan(self, root: Root, reload: bool) -> Scan:
        known = self._scans.pop(root, None)
        if known is None or reload or not known.is_current():
            before, known = known, Scan(root)
            self._changed |= before is not None and before.skills != known.skills
        self._scans[root] = known  # the newest at the end
        if len(self._scans) > _MANY:
            del self._scans[next(iter(self._scans))]
        return known


def _enabled(skill: Skill, keys: SkillsKeys) -> bool:
    """What the last rule that names the skill says; without one it is enabled."""
    rules = (rule for rule in reversed(keys.config) if _names(rule.path, rule.name, skill))
    return next((rule.enabled for rule in rules), True)


def _names(path: str | None, name: str | None, skill: Skill) -> bool:
    if path is not None:
        return skill.path == os.path.realpath(os.path.expanduser(path))
    return name == skill.name
