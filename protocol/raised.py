"""Which members of a request need a scope of their own, beyond that of its method. Knows no method."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.scope import Scope

_LOOSENING: Mapping[str, Scope] = {
    "approval_policy": "admin",
    "approvals_reviewer": "admin",
    "permission_profile": "admin",
    "permissions": "admin",
    "runtime_workspace_roots": "admin",
}
"""What says how far a turn may go and whether it has to ask: with it, turns could do all that an admin may."""

AT_START: Mapping[str, Scope] = {**_LOOSENING, "sandbox": "admin", "config": "admin", "environments": "admin"}
AT_FORK: Mapping[str, Scope] = {**_LOOSENING, "sandbox": "admin", "config": "admin", "cwd": "admin", "path": "admin"}
AT_RESUME: Mapping[str, Scope] = {
    **AT_FORK,
    "history": "admin",
    "model": "write",
    "model_provider": "write",
    "service_tier": "write",
    "base_instructions": "write",
    "developer_instructions": "write",
    "personality": "write",
}
IN_TURNS: Mapping[str, Scope] = {**_LOOSENING, "sandbox_policy": "admin", "cwd": "admin", "environments": "admin"}
