"""Which skills a piece of user input means: chosen ones, ``$name``, and links ``[$name](path)``. Pure but for links on
disk."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable

from protocol.item import SkillInput, TextInput, UserInput
from server.skills.skill import Skill
from server.skills.store import SkillSet

_LINK = re.compile(r"\[\$[^\]\n]+\]\(([^)\n]+)\)")
_NAME = re.compile(r"(?<![\w$\\])\$([\w:-]+)", re.ASCII)


def may_mention(content: Iterable[UserInput]) -> bool:
    """Whether the input could mean a skill at all."""
    return any(isinstance(part, SkillInput) or (isinstance(part, TextInput) and "$" in part.text) for part in content)


def meant(skills: SkillSet, content: Iterable[UserInput]) -> tuple[list[Skill], list[SkillInput]]:
    """The enabled skills that are meant, in the order of the set, and the chosen ones that there are not.

    A name that two skills have means neither of them: only a path tells which.
    """
    enabled = skills.enabled
    counts = Counter(skill.name for skill in enabled)
    paths, names, lost = set[str](), set[str](), list[SkillInput]()
    for part in content:
        if isinstance(part, TextInput):
            paths |= {_real(path) for path in _LINK.findall(part.text)}
            names |= set(_NAME.findall(_LINK.sub("", part.text)))
        elif isinstance(part, SkillInput):
            chosen = _real(part.path)
            if all(chosen != skill.path for skill in skills.skills):
                lost.append(part)
            paths.add(chosen)
    return [s for s in enabled if s.path in paths or (s.name in names and counts[s.name] == 1)], lost


def _real(path: str) -> str:
    try:
        return os.path.realpath(path.removeprefix("skill://"))
    except ValueError:  # a NUL in it
        return path
