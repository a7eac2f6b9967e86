"""Configuration, as clients read it."""

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
