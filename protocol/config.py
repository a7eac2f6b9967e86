"""Configuration and skills, as clients read them."""

from __future__ import annotations

from typing import Any

from protocol.wire import Wire


class ConfigReadParams(Wire):
    """Which configuration holds at ``cwd``."""

    include_layers: bool = False
    cwd: str | None = None


class ConfigReadResponse(Wire):
    """The effective keys as in ``config.toml`` (snake_case), and which file each comes from."""

    config: dict[str, Any]
    origins: dict[str, Any]
    layers: list[dict[str, Any]] | None


class ConfigRequirementsReadResponse(Wire):
    """What an administrator demands; null when nothing."""

    requirements: dict[str, Any] | None
    supports_independent_speed_modes: bool | None = None


class SkillsListParams(Wire):
    """Skills visible from these working directories."""

    cwds: list[str] = []
    force_reload: bool = False
    per_cwd_extra_user_roots: list[Any] | None = None


class SkillsListEntry(Wire):
    """Skills of one directory, and the skill files that could not be read."""

    cwd: str
    skills: list[dict[str, Any]]
    errors: list[dict[str, Any]]


class SkillsListResponse(Wire):
    """One entry per asked directory."""

    data: list[SkillsListEntry]
