"""skills/list."""

from __future__ import annotations

import os
from collections import defaultdict

import msgspec

from protocol import methods
from protocol.errors import invalid_request
from protocol.skills import (
    SkillDependencies,
    SkillError,
    SkillInterface,
    SkillMetadata,
    SkillsListEntry,
    SkillsListParams,
    SkillsListResponse,
    SkillToolDependency,
)
from protocol.wire import UNSET
from server.dispatch import Call, handles
from server.skills.skill import Skill
from server.skills.store import SkillSet


@handles(methods.SKILLS_LIST)
async def list_skills(call: Call, params: SkillsListParams) -> SkillsListResponse:
    """One entry per asked directory, disabled skills and unusable files included."""
    cwds = params.cwds or [os.getcwd()]
    extra: defaultdict[str, list[str]] = defaultdict(list)
    for more in params.per_cwd_extra_user_roots or []:
        if more.cwd in cwds:  # those of others are not looked at
            extra[more.cwd] += _absolute(more.extra_user_roots)
    entries: list[SkillsListEntry] = []
    for cwd in cwds:
        found = await call.app.skills.at(cwd, extra=extra[cwd], reload=params.force_reload)
        entries.append(_entry(cwd, found))
    return SkillsListResponse(data=entries)


def _absolute(roots: list[str]) -> list[str]:
    for root in roots:
        if not os.path.isabs(root):
            raise invalid_request(f"skills/list perCwdExtraUserRoots extraUserRoots must be absolute: {root}")
    return roots


def _entry(cwd: str, found: SkillSet) -> SkillsListEntry:
    return SkillsListEntry(
        cwd=cwd,
        skills=[_metadata(skill, enabled=skill.path not in found.off) for skill in found.skills],
        errors=[SkillError(path=each.path, message=each.message) for each in found.problems],
    )


def _metadata(skill: Skill, *, enabled: bool) -> SkillMetadata:
    tools = [msgspec.convert(tool, SkillToolDependency) for tool in skill.tools]
    return SkillMetadata(
        name=skill.name,
        description=skill.description,
        short_description=skill.short_description or UNSET,
        interface=SkillInterface(**skill.interface) if skill.interface else UNSET,
        dependencies=SkillDependencies(tools=tools) if tools else UNSET,
        path=skill.path,
        scope=skill.scope,
        enabled=enabled,
    )
