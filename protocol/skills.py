"""Skills, as clients list them: params and result of skills/list."""

from __future__ import annotations

from typing import Literal

from protocol.wire import UNSET, UnsetType, Wire


class ExtraRoots(Wire):
    """More folders with skills of the user, for one working directory."""

    cwd: str
    extra_user_roots: list[str]


class SkillsListParams(Wire):
    """Skills for these working directories (none named: for the server's own). ``force_reload`` reads every file."""

    cwds: list[str] = []
    force_reload: bool = False
    per_cwd_extra_user_roots: list[ExtraRoots] | None = None


class SkillInterface(Wire):
    """How to show a skill; icons are absolute paths, or addresses, the colour is ``#rrggbb``."""

    display_name: str | None = None
    short_description: str | None = None
    icon_small: str | None = None
    icon_large: str | None = None
    icon_small_url: str | None = None
    icon_large_url: str | None = None
    brand_color: str | None = None
    default_prompt: str | None = None


class SkillToolDependency(Wire):
    """A tool that a skill needs, such as an MCP server."""

    type: str
    value: str
    description: str | UnsetType = UNSET
    transport: str | UnsetType = UNSET
    command: str | UnsetType = UNSET
    url: str | UnsetType = UNSET


class SkillDependencies(Wire):
    """All that a skill needs."""

    tools: list[SkillToolDependency]


class SkillMetadata(Wire):
    """A skill; ``path`` is its SKILL.md."""

    name: str
    description: str
    short_description: str | UnsetType = UNSET
    interface: SkillInterface | UnsetType = UNSET
    dependencies: SkillDependencies | UnsetType = UNSET
    path: str
    scope: Literal["user", "repo", "system", "admin"]
    enabled: bool
    plugin_id: str | None = None


class SkillError(Wire):
    """A skill file that cannot be used."""

    path: str
    message: str


class SkillsListEntry(Wire):
    """Skills of one directory, and the skill files that could not be read."""

    cwd: str
    skills: list[SkillMetadata]
    errors: list[SkillError]


class SkillsListResponse(Wire):
    """One entry per asked directory."""

    data: list[SkillsListEntry]
