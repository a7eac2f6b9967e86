"""What a turn may do: approval policy, sandbox policy, permission profile."""

from __future__ import annotations

from typing import Any, Literal

from protocol.wire import AS_IS, UNSET, UnsetType, Wire

SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
ApprovalsReviewer = Literal["user", "auto_review", "guardian_subagent"]


class GranularRules(Wire, rename=AS_IS):
    """Which questions may be asked at all; the others are answered with no."""

    sandbox_approval: bool
    rules: bool
    mcp_elicitations: bool
    skill_approval: bool = False
    request_permissions: bool = False


class Granular(Wire, rename=AS_IS):
    """The approval policy that decides by kind of question."""

    granular: GranularRules


ApprovalPolicy = Literal["untrusted", "on-failure", "on-request", "never"] | Granular


class FullAccess(Wire, tag="fullAccess"):
    """Everything may be read."""


class RestrictedAccess(Wire, tag="restricted"):
    """Only these roots may be read."""

    include_platform_defaults: bool = True
    readable_roots: list[str] = []


ReadOnlyAccess = FullAccess | RestrictedAccess


class DangerFullAccess(Wire, tag="dangerFullAccess"):
    """No sandbox."""


class ReadOnly(Wire, tag="readOnly"):
    """Nothing may be written."""

    access: ReadOnlyAccess = FullAccess()
    network_access: bool = False


class ExternalSandbox(Wire, tag="externalSandbox"):
    """Somebody else confines the server; we add nothing."""

    network_access: Literal["restricted", "enabled"] = "restricted"


class WorkspaceWrite(Wire, tag="workspaceWrite"):
    """The working directory, the temporary folders and these roots may be written."""

    writable_roots: list[str] = []
    read_only_access: ReadOnlyAccess = FullAccess()
    network_access: bool = False
    exclude_tmpdir_env_var: bool = False
    exclude_slash_tmp: bool = False


SandboxPolicy = DangerFullAccess | ReadOnly | ExternalSandbox | WorkspaceWrite


class NetworkPermission(Wire):
    """Whether the network may be used."""

    enabled: bool


class FileSystemEntry(Wire):
    """One path (``path``, ``glob_pattern`` or ``special``) and what may be done there."""

    path: dict[str, Any]
    access: Literal["read", "write", "none", "deny"]


class RestrictedFileSystem(Wire, tag="restricted"):
    """Only what the entries name."""

    entries: list[FileSystemEntry]
    glob_scan_max_depth: int | UnsetType | None = UNSET


class UnrestrictedFileSystem(Wire, tag="unrestricted"):
    """Every file."""


class ManagedProfile(Wire, tag="managed"):
    """We enforce these."""

    network: NetworkPermission
    file_system: RestrictedFileSystem | UnrestrictedFileSystem


class DisabledProfile(Wire, tag="disabled"):
    """Nothing is enforced."""


class ExternalProfile(Wire, tag="external"):
    """Somebody else enforces them."""

    network: NetworkPermission


PermissionProfile = ManagedProfile | DisabledProfile | ExternalProfile


class ActivePermissionProfile(Wire):
    """The named profile in force, and the one it builds upon."""

    id: str
    extends: str | None = None
