"""Configuration, as clients read it."""

from __future__ import annotations

from typing import Any, Literal

from protocol.wire import AS_IS, Json, Wire


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


MergeStrategy = Literal["replace", "upsert"]


class ConfigEdit(Wire):
    """One change: ``key_path`` is dotted, its parts may stand in quotes; null removes. ``upsert`` merges tables."""

    key_path: str
    value: Json
    merge_strategy: MergeStrategy


class ConfigTarget(Wire, kw_only=True):
    """Which file is meant, and as which ``version`` the caller has seen it; null for the user's, and for any."""

    file_path: str | None = None
    expected_version: str | None = None


class ConfigValueWriteParams(ConfigTarget, kw_only=True):
    """Change one key: a ConfigEdit beside its target."""

    key_path: str
    value: Json
    merge_strategy: MergeStrategy


class ConfigBatchWriteParams(ConfigTarget, kw_only=True):
    """Change several keys at once, or none if one of them cannot be. ``reload_user_config``: see docs/PROTOCOL.md."""

    edits: list[ConfigEdit]
    reload_user_config: bool = False


class ConfigLayerMetadata(Wire):
    """A layer of the configuration, as ``config/read`` names it."""

    name: dict[str, str]
    version: str


class OverriddenMetadata(Wire):
    """A layer above the file says otherwise, so that the change shows no effect."""

    message: str
    overriding_layer: ConfigLayerMetadata
    effective_value: Json


class ConfigWriteResponse(Wire):
    """The file is written; ``version`` is that of its new content."""

    status: Literal["ok", "okOverridden"]
    version: str
    file_path: str
    overridden_metadata: OverriddenMetadata | None = None


class ConfigWriteRefusal(Wire, rename=AS_IS):
    """``data`` of a refused change; nothing was written."""

    config_write_error_code: Literal["configVersionConflict", "configValidationError", "configLayerReadonly"]
