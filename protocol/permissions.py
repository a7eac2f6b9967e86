"""What a turn may do: approval policy, sandbox policy, permission profile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from protocol.wire import AS_IS, UNSET, UnsetType, Wire

SandboxMode = Literal["read-only", "workspace-write", "danger-full-access"]
ApprovalsReviewer = Literal["user", "auto_review", "guardian_subagent"]


_ABSOLUTE = re.compile(r"/|\\\\|[A-Za-z]:[\\/]")
"""How a path from a root begins, on whatever system: rollouts travel."""


def _require_absolute(paths: Iterable[str]) -> None:
    for path in paths:
        if not _ABSOLUTE.match(path):
            raise ValueError(f"path `{path}` is not absolute")


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

    def __post_init__(self) -> None:
        _require_absolute(self.readable_roots)


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

    def __post_init__(self) -> None:
        _require_absolute(self.writable_roots)


SandboxPolicy = DangerFullAccess | ReadOnly | ExternalSandbox | WorkspaceWrite


class NetworkPermission(Wire):
    """Whether the network may be used."""

    enabled: bool


class FilePath(Wire, tag="path"):
    """This file or folder."""

    path: str

    def __post_init__(self) -> None:
        _require_absolute([self.path])


class GlobPattern(Wire, tag="glob_pattern"):
    """All that match."""

    pattern: str


class SpecialPath(Wire):
    """What ``kind`` stands for: ``root``, ``minimal``, ``current_working_directory``, ``tmpdir`` and others."""

    kind: str
    path: str | UnsetType = UNSET
    subpath: str | UnsetType | None = UNSET


class Special(Wire, tag="special"):
    """A place that every machine has."""

    value: SpecialPath


class FileSystemEntry(Wire):
    """A place, and what may be done there."""

    path: FilePath | GlobPattern | Special
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
