"""The keys of Codex' ``config.toml`` that we honour: their types, defaults, and what to do with wrong ones.

Owns: CodexKeys, ConfigWarning, dotted keys, the reading and checking of the file. Must not know: flags, environment,
threads.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeGuard

import msgspec

from protocol.permissions import ApprovalPolicy, ApprovalsReviewer, SandboxMode
from protocol.turn import Personality, ReasoningEffort, ReasoningSummary, ServiceTier
from protocol.wire import Record
from server.errors import ConfigError
from server.providers.settings import RETRIES_CAP, ProviderConfig

Verbosity = Literal["low", "medium", "high"]
WebSearchMode = Literal["disabled", "cached", "live"]


class ConfigWarning(Record):
    """A setting that was ignored, as ``configWarning`` tells it: one line, more if there is more, the file's path."""

    summary: str
    details: str | None = None
    path: str | None = None


class SandboxWorkspaceWrite(Record):
    """Details of ``sandbox_mode = "workspace-write"``; roots are absolute paths."""

    writable_roots: list[str] = []
    network_access: bool = False
    exclude_tmpdir_env_var: bool = False
    exclude_slash_tmp: bool = False


class ShellEnvironmentPolicy(Record):
    """Which variables commands see.

    Order: inherit, default excludes (key, secret, token), exclude, set, include_only.
    """

    inherit: Literal["all", "core", "none"] = "all"
    ignore_default_excludes: bool = True
    exclude: list[str] = []
    set: dict[str, str] = {}
    include_only: list[str] = []


class SkillRule(Record):
    """Whether the skill with this SKILL.md, else those with this name, may be used."""

    path: str | None = None
    name: str | None = None
    enabled: bool


class BundledSkills(Record):
    """Those that a Codex put into its CODEX_HOME."""

    enabled: bool = True


class SkillsKeys(Record):
    """Skills: which may be used (the last rule counts), and whether models are told of them."""

    config: list[SkillRule] = []
    include_instructions: bool = True
    bundled: BundledSkills = BundledSkills()


class CodexKeys(Record):
    """The honoured keys with their Codex names (spec, turns 6.2). Null: not set. Sizes in bytes, windows in tokens,
    ``background_terminal_max_timeout`` in milliseconds."""

    model: str | None = None
    model_provider: str | None = None
    openai_base_url: str | None = None
    approval_policy: ApprovalPolicy | None = None
    approvals_reviewer: ApprovalsReviewer | None = None
    sandbox_mode: SandboxMode | None = None
    sandbox_workspace_write: SandboxWorkspaceWrite = SandboxWorkspaceWrite()
    model_reasoning_effort: ReasoningEffort | None = None
    model_reasoning_summary: ReasoningSummary | None = None
    model_supports_reasoning_summaries: bool | None = None
    model_verbosity: Verbosity | None = None
    model_context_window: int | None = None
    model_auto_compact_token_limit: int | None = None
    tool_output_token_limit: int | None = None
    compact_prompt: str | None = None
    review_model: str | None = None
    service_tier: ServiceTier | None = None
    personality: Personality | None = None
    developer_instructions: str | None = None
    model_instructions_file: str | None = None
    project_doc_max_bytes: int = 32_768
    project_doc_fallback_filenames: list[str] = []
    project_root_markers: list[str] = msgspec.field(default_factory=lambda: [".git"])
    shell_environment_policy: ShellEnvironmentPolicy = ShellEnvironmentPolicy()
    allow_login_shell: bool = True
    background_terminal_max_timeout: int = 300_000
    include_permissions_instructions: bool = True
    include_environment_context: bool = True
    web_search: WebSearchMode | None = None
    features: dict[str, Any] = {}
    tools: dict[str, Any] = {}
    mcp_servers: dict[str, dict[str, Any]] = {}
    projects: dict[str, dict[str, Any]] = {}
    skills: SkillsKeys = SkillsKeys()


_FIELD_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(CodexKeys)}
_OTHER_TYPES: dict[str, Any] = {
    "profile": str,
    "profiles": dict[str, dict[str, Any]],
    "model_providers": dict[str, dict[str, Any]],
}


def is_table(value: object) -> TypeGuard[dict[str, Any]]:
    """A TOML table; its keys are always text."""
    return isinstance(value, dict)


def read_toml(path: Path) -> tuple[dict[str, Any], list[ConfigWarning]]:
    """Read the file as a table; a missing file is empty, an unreadable one is empty with a warning."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), []
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError) as error:  # not there to be read, no UTF-8, no TOML, or no path at all
        return {}, [ConfigWarning(summary="The configuration file was ignored.", details=str(error), path=str(path))]


def keep_valid(table: Mapping[str, Any], path: Path, prefix: str = "") -> tuple[dict[str, Any], list[ConfigWarning]]:
    """Leave out what has the wrong type, with one warning each; unknown keys stay. Profiles are checked key by key."""
    kept: dict[str, Any] = {}
    warnings: list[ConfigWarning] = []
    for key, value in table.items():
        if key == "profiles" and is_table(value):
            kept[key] = {}
            for name, profile in value.items():
                if not is_table(profile):
                    warnings.append(_ignored(f"profiles.{name}", "Expected a table", path))
                    continue
                kept[key][name], found = keep_valid(profile, path, f"profiles.{name}.")
                warnings += found
        elif (problem := _problem(key, value)) is None:
            kept[key] = value
        else:
            warnings.append(_ignored(prefix + key, problem, path))
    return kept, warnings


def _ignored(key: str, problem: str, path: Path) -> ConfigWarning:
    return ConfigWarning(summary=f"The configuration key `{key}` was ignored.", details=problem, path=str(path))


def _problem(key: str, value: Any) -> str | None:
    expected = _FIELD_TYPES.get(key) or _OTHER_TYPES.get(key)
    if expected is None:
        return None
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def read_keys(table: Mapping[str, Any]) -> CodexKeys:
    """The typed keys of a table. Raises ConfigError that names the key with the wrong type."""
    for key in _FIELD_TYPES:
        if key in table and (problem := _problem(key, table[key])) is not None:
            raise ConfigError(f"`{key}`: {problem}")
    return msgspec.convert({key: table[key] for key in _FIELD_TYPES if key in table}, CodexKeys)


def check_tables(table: Mapping[str, Any]) -> None:
    """Raise ConfigError when a key that chooses among tables, or holds them, has the wrong type."""
    for key in _OTHER_TYPES:
        if key in table and (problem := _problem(key, table[key])) is not None:
            raise ConfigError(f"`{key}`: {problem}")


def read_provider(provider_id: str, row: Mapping[str, Any]) -> ProviderConfig:
    """One entry of ``model_providers``. Raises ConfigError that says what is wrong with it."""
    if row.get("wire_api", "responses") != "responses":
        raise ConfigError(
            f"model provider `{provider_id}` asks for a wire_api that is not supported; only `responses` is"
        )
    try:
        parsed = msgspec.convert({"name": provider_id, **row, "id": provider_id}, ProviderConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"model provider `{provider_id}` cannot be used: {error}") from error
    return msgspec.structs.replace(
        parsed,
        name=parsed.name or provider_id,
        request_max_retries=_capped(parsed.request_max_retries),
        stream_max_retries=_capped(parsed.stream_max_retries),
    )


def _capped(retries: int) -> int:
    return max(0, min(retries, RETRIES_CAP))


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two tables into a new one: sub-tables member by member, anything else replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = overlay(under, value) if is_table(under) and is_table(value) else value
    return merged


def undot(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"features.unified_exec": false}`` into nested tables; later keys win.

    Raises ConfigError on an empty part.
    """
    table: dict[str, Any] = {}
    for key, value in dotted.items():
        parts = key.split(".")
        if not all(parts):
            raise ConfigError(f"`{key}` is not a configuration key")
        nested: Any = value
        for part in reversed(parts):
            nested = {part: nested}
        table = overlay(table, nested)
    return table


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``key=value`` of ``-c``: the value is TOML, or the bare text when it is not.

    Raises ConfigError without ``=``.
    """
    key, found, value = text.partition("=")
    if not found or not key.strip():
        raise ConfigError(f"`-c {text}` needs the form key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip().strip("\"'")
