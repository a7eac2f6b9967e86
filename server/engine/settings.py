"""What a thread runs with: model, place, permissions. Immutable values; a turn's overrides make a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from protocol.permissions import (
    ActivePermissionProfile,
    ApprovalPolicy,
    ApprovalsReviewer,
    DangerFullAccess,
    DisabledProfile,
    ExternalProfile,
    ExternalSandbox,
    FilePath,
    FileSystemEntry,
    ManagedProfile,
    NetworkPermission,
    PermissionProfile,
    ReadOnly,
    RestrictedFileSystem,
    SandboxPolicy,
    Special,
    SpecialPath,
    WorkspaceWrite,
)
from protocol.thread import SessionOverrides
from protocol.turn import (
    CollaborationMode,
    ModeSettings,
    Personality,
    ReasoningEffort,
    ReasoningSummary,
    ServiceTier,
    TurnOverrides,
)
from protocol.wire import UNSET, Record
from rollout.latest import Latest
from server.config import Config, Overrides, SessionSettings
from server.config_keys import CodexKeys
from server.engine.project_docs import DocRules
from server.models import ModelMetadata, metadata
from server.providers.settings import ProviderConfig

DEFAULT_INSTRUCTIONS = Path(__file__).parent / "instructions.md"


LOCAL = "local"
"""The id of the one environment that there is: this machine."""

COMPACT_PERCENT = 90
"""Share of a model's window that may be used before the history is summed up."""

PROFILES: dict[str, SandboxPolicy] = {
    ":read-only": ReadOnly(),
    ":workspace": WorkspaceWrite(),
    ":danger-full-access": DangerFullAccess(),
}
"""The built-in permission profiles by id."""


class Settings(Record):
    """The settings of one thread. ``sandbox`` decides; the permission profile is the same said the newer way."""

    model: str
    provider: ProviderConfig
    cwd: str
    approval_policy: ApprovalPolicy
    approvals_reviewer: ApprovalsReviewer
    sandbox: SandboxPolicy
    permission_profile: PermissionProfile
    active_profile: ActivePermissionProfile | None
    """The named profile, where one was chosen by its name."""
    workspace_roots: tuple[str, ...]
    effort: ReasoningEffort | None
    summary: ReasoningSummary | None
    verbosity: str | None
    service_tier: ServiceTier | None
    personality: Personality | None
    base_instructions: str
    developer_instructions: str | None
    mode: CollaborationMode | None
    known: ModelMetadata
    """What the engine must know of the model."""
    docs: DocRules
    """Where AGENTS.md files are looked for."""
    keys: CodexKeys
    """The configuration as it was when the thread was loaded."""

    @property
    def context_limit(self) -> int:
        """Tokens that the model history may hold before it is summed up."""
        own = self.known.context_window * COMPACT_PERCENT // 100
        limit = self.keys.model_auto_compact_token_limit
        return min(own, limit) if limit and limit > 0 else own

    @property
    def collaboration(self) -> CollaborationMode:
        """The mode in force; ``default`` when none was ever chosen."""
        return self.mode or CollaborationMode(
            mode="default", settings=ModeSettings(model=self.model, reasoning_effort=self.effort)
        )


def session_settings(
    config: Config,
    overrides: SessionOverrides,
    *,
    cwd: str,
    last: Latest | None = None,
    instructions: str | None = None,
) -> Settings:
    """Settings of a thread that starts, resumes or forks with these overrides in ``cwd``.

    ``last`` (model and effort of the last turn) and ``instructions`` are what the rollout remembers; overrides go
    before them. Raises :class:`~server.errors.ConfigError`.
    """
    overrides = _restored(overrides, last)
    session = config.effective(overrides.config or {}, _typed(overrides), Path(cwd))
    sandbox = _chosen_sandbox(overrides) or policy_of(session)
    return Settings(
        model=session.model,
        provider=session.provider,
        cwd=cwd,
        approval_policy=session.approval_policy,
        approvals_reviewer=session.approvals_reviewer,
        sandbox=sandbox,
        permission_profile=overrides.permission_profile or profile_of(sandbox),
        active_profile=_active(overrides.permissions),
        workspace_roots=tuple(overrides.runtime_workspace_roots or (cwd,)),
        effort=session.keys.model_reasoning_effort,
        summary=session.keys.model_reasoning_summary,
        verbosity=session.keys.model_verbosity,
        service_tier=session.keys.service_tier,
        personality=overrides.personality or session.keys.personality,
        base_instructions=session.base_instructions or instructions or DEFAULT_INSTRUCTIONS.read_text(),
        developer_instructions=session.keys.developer_instructions,
        mode=None,
        known=_known(session),
        docs=_doc_rules(config, session.keys),
        keys=_keys(session, overrides),
    )


def _keys(session: SessionSettings, overrides: SessionOverrides) -> CodexKeys:
    """The configuration, in which an empty table of MCP servers means none: clients open helper threads that way."""
    none = (overrides.config or {}).get("mcp_servers") == {}
    return msgspec.structs.replace(session.keys, mcp_servers={}) if none else session.keys


def _known(session: SessionSettings) -> ModelMetadata:
    keys = session.keys
    return metadata(session.model, keys.model_context_window, keys.model_supports_reasoning_summaries)


def _doc_rules(config: Config, keys: CodexKeys) -> DocRules:
    return DocRules(
        home=str(config.codex_home),
        max_bytes=keys.project_doc_max_bytes,
        fallbacks=tuple(keys.project_doc_fallback_filenames),
        markers=tuple(keys.project_root_markers),
    )


def _chosen_sandbox(overrides: SessionOverrides) -> SandboxPolicy | None:
    if overrides.permission_profile is not None:
        return sandbox_of(overrides.permission_profile)
    return None if overrides.permissions is None else PROFILES[overrides.permissions]


def _restored(overrides: SessionOverrides, last: Latest | None) -> SessionOverrides:
    """The overrides, with the model and effort of the last turn unless they say anything of either, or a provider."""
    config = overrides.config or {}
    chosen = overrides.model or overrides.model_provider or config.keys() & {"model", "model_reasoning_effort"}
    if last is None or last.model is None or chosen:
        return overrides
    if last.effort:
        config = config | {"model_reasoning_effort": last.effort}
    return msgspec.structs.replace(overrides, model=last.model, config=config)


def turn_settings(settings: Settings, params: TurnOverrides) -> Settings:
    """The settings after a turn's overrides; they stick for later turns."""
    cwd = None if params.cwd is None else str(Path(settings.cwd) / params.cwd)
    roots = params.runtime_workspace_roots or (cwd and [cwd])
    changes: dict[str, Any] = {
        "cwd": cwd,
        "workspace_roots": tuple(roots) if roots else None,
        "approval_policy": params.approval_policy,
        "approvals_reviewer": params.approvals_reviewer,
        "model": params.model,
        "effort": params.effort,
        "summary": params.summary,
        "personality": params.personality,
    }
    changed = {name: value for name, value in changes.items() if value is not None}
    if params.service_tier is not UNSET:
        changed["service_tier"] = params.service_tier
    changed |= _permitted(params)
    if params.collaboration_mode is not None:
        mode = params.collaboration_mode.settings
        changed |= {"mode": params.collaboration_mode, "model": mode.model, "effort": mode.reasoning_effort}
    elif settings.mode is not None and changed.keys() & {"model", "effort"}:
        changed["mode"] = _with(settings.mode, changed.get("model"), changed.get("effort"))
    if changed.get("model", settings.model) != settings.model:
        changed["known"] = metadata(changed["model"])
    return msgspec.structs.replace(settings, **changed)


def _permitted(params: TurnOverrides) -> dict[str, Any]:
    """What the params change of what may be done."""
    profile = params.permission_profile
    if profile is not None:
        return {"sandbox": sandbox_of(profile), "permission_profile": profile, "active_profile": None}
    named = params.permissions
    sandbox = params.sandbox_policy if named is None else PROFILES[named]
    if sandbox is None:
        return {}
    return {"sandbox": sandbox, "permission_profile": profile_of(sandbox), "active_profile": _active(named)}


def _active(named: str | None) -> ActivePermissionProfile | None:
    return None if named is None else ActivePermissionProfile(id=named)


def _with(mode: CollaborationMode, model: str | None, effort: ReasoningEffort | None) -> CollaborationMode:
    """The mode with another model or effort; it stays the same mode."""
    of = mode.settings
    settings = msgspec.structs.replace(of, model=model or of.model, reasoning_effort=effort or of.reasoning_effort)
    return msgspec.structs.replace(mode, settings=settings)


def profile_of(policy: SandboxPolicy) -> PermissionProfile:
    """The permission profile that says what this sandbox policy says."""
    match policy:
        case DangerFullAccess():
            return DisabledProfile()
        case ExternalSandbox(network_access=network):
            return ExternalProfile(network=NetworkPermission(enabled=network == "enabled"))
        case ReadOnly(network_access=network):
            return _managed(network, [_special("root", "read")])
        case WorkspaceWrite():
            return _managed(policy.network_access, _workspace_entries(policy))


def _workspace_entries(policy: WorkspaceWrite) -> list[FileSystemEntry]:
    entries = [_special("root", "read"), _special("current_working_directory", "write")]
    if not policy.exclude_slash_tmp:
        entries.append(_special("slash_tmp", "write"))
    if not policy.exclude_tmpdir_env_var:
        entries.append(_special("tmpdir", "write"))
    roots = [FileSystemEntry(path=FilePath(path=root), access="write") for root in policy.writable_roots]
    return entries + roots


def _special(kind: str, access: Literal["read", "write"]) -> FileSystemEntry:
    return FileSystemEntry(path=Special(value=SpecialPath(kind=kind)), access=access)


def _managed(network: bool, entries: list[FileSystemEntry]) -> ManagedProfile:
    return ManagedProfile(network=NetworkPermission(enabled=network), file_system=RestrictedFileSystem(entries=entries))


def sandbox_of(profile: PermissionProfile) -> SandboxPolicy:
    """The tightest sandbox policy that allows what the profile allows and that we can express."""
    match profile:
        case ExternalProfile(network=network):
            return ExternalSandbox(network_access="enabled" if network.enabled else "restricted")
        case ManagedProfile(file_system=RestrictedFileSystem(entries=entries), network=network):
            writable = [entry.path for entry in entries if entry.access == "write"]
            if not writable:
                return ReadOnly(network_access=network.enabled)
            kinds = {path.value.kind for path in writable if isinstance(path, Special)}
            return WorkspaceWrite(
                writable_roots=[path.path for path in writable if isinstance(path, FilePath)],
                network_access=network.enabled,
                exclude_slash_tmp="slash_tmp" not in kinds,
                exclude_tmpdir_env_var="tmpdir" not in kinds,
            )
        case ManagedProfile() | DisabledProfile():
            return DangerFullAccess()


def _typed(overrides: SessionOverrides) -> Overrides:
    return Overrides(
        model=overrides.model,
        model_provider=overrides.model_provider,
        service_tier=overrides.service_tier,
        approval_policy=overrides.approval_policy,
        approvals_reviewer=overrides.approvals_reviewer,
        sandbox_mode=overrides.sandbox,
        base_instructions=overrides.base_instructions,
        developer_instructions=overrides.developer_instructions,
        personality=overrides.personality,
    )


def policy_of(session: SessionSettings) -> SandboxPolicy:
    """The sandbox policy of the configuration."""
    match session.sandbox_mode:
        case "danger-full-access":
            return DangerFullAccess()
        case "read-only":
            return ReadOnly()
        case "workspace-write":
            write = session.keys.sandbox_workspace_write
            return WorkspaceWrite(
                writable_roots=list(write.writable_roots),
                network_access=write.network_access,
                exclude_tmpdir_env_var=write.exclude_tmpdir_env_var,
                exclude_slash_tmp=write.exclude_slash_tmp,
            )
