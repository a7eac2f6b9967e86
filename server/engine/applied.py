"""The settings that a newer codex wrote into a rollout, as overrides of a resume or fork. Pure; knows no configuration.

They are restored with all that they say; the turn_context lines that every version writes only bring back the model.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from protocol.permissions import ApprovalPolicy, SandboxMode
from protocol.thread import SessionOverrides
from protocol.turn import CollaborationMode
from rollout.model_items import as_list, as_object


def restored(overrides: SessionOverrides, applied: dict[str, Any]) -> SessionOverrides:
    """The overrides with what the rollout says where they say nothing. What we do not understand is left out."""
    changes: dict[str, Any] = {}
    if overrides.cwd is None and isinstance(applied.get("cwd"), str):
        changes["cwd"] = applied["cwd"]
    if overrides.approval_policy is None:
        changes["approval_policy"] = _policy(applied.get("approval_policy"))
    if overrides.sandbox is None and overrides.permission_profile is None and overrides.permissions is None:
        changes["sandbox"] = _sandbox(as_object(applied.get("permission_profile")))
    return replace(overrides, **{name: value for name, value in changes.items() if value is not None})


def mode_of(applied: dict[str, Any]) -> CollaborationMode | None:
    """The mode of working, None for the usual one."""
    try:
        mode = msgspec.convert(applied.get("collaboration_mode"), CollaborationMode)
    except msgspec.ValidationError:
        return None
    return None if mode.mode == "default" else mode


def _policy(said: object) -> ApprovalPolicy | None:
    try:
        policy: ApprovalPolicy = msgspec.convert(said, ApprovalPolicy)
    except msgspec.ValidationError:
        return None
    return policy


def _sandbox(profile: dict[str, Any]) -> SandboxMode | None:
    """The tightest mode that allows what the profile allows; None for profiles that are no mode of ours."""
    match profile:
        case {"type": "disabled"}:
            return "danger-full-access"
        case {"type": "managed", "file_system": {"type": "restricted", "entries": entries}}:
            writes = any(as_object(entry).get("access") == "write" for entry in as_list(entries))
            return "workspace-write" if writes else "read-only"
        case _:
            return None
