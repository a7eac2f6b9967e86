"""What ``config/read`` shows: the keys in force, where each comes from, and the layers. Secrets are masked.

Shapes: ConfigReadResponse of the peer's schema (0.125.0). Must not know: requests, connections.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from protocol.config import ConfigReadResponse
from server.config_keys import is_table

_SCHEMA_KEYS = (
    "model",
    "review_model",
    "model_context_window",
    "model_auto_compact_token_limit",
    "model_provider",
    "approval_policy",
    "approvals_reviewer",
    "sandbox_mode",
    "sandbox_workspace_write",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "web_search",
    "tools",
    "profile",
    "profiles",
    "instructions",
    "developer_instructions",
    "compact_prompt",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "service_tier",
    "analytics",
    "apps",
)

_MASK = "(hidden)"
# Keys whose value, or whose members' values, may open something. Clients need not see them to show the settings.
_SECRET_KEYS = frozenset({"experimental_bearer_token", "bearer_token", "http_headers", "query_params", "env", "set"})


Layer = tuple[dict[str, str], dict[str, Any]]
"""A ConfigLayerSource, and the table of keys it holds."""


def describe(merged: Mapping[str, Any], layers: Sequence[Layer], *, with_layers: bool) -> ConfigReadResponse:
    """The keys in force, every key of the schema among them, null when unset.

    ``layers`` go from the lowest to the highest and come out in the opposite order, without those that say nothing.
    """
    unset: dict[str, Any] = {key: {} if key == "profiles" else None for key in _SCHEMA_KEYS}
    speaking = [(name, _version(table), table) for name, table in layers if table]
    origins = {key: {"name": name, "version": version} for name, version, table in speaking for key in _leaves(table)}
    shown = [{"name": name, "version": version, "config": mask(table)} for name, version, table in reversed(speaking)]
    return ConfigReadResponse(config=unset | mask(merged), origins=origins, layers=shown if with_layers else None)


def _version(table: Mapping[str, Any]) -> str:
    written = msgspec.json.encode(table, order="deterministic")
    return "sha256:" + hashlib.sha256(written).hexdigest()


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if is_table(value) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def mask(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same table with the values hidden that may be secret, at any depth."""
    return {key: _hidden(value) if key in _SECRET_KEYS else _masked(value) for key, value in table.items()}


def _masked(value: Any) -> Any:
    return mask(value) if is_table(value) else value


def _hidden(value: Any) -> Any:
    return dict.fromkeys(value, _MASK) if is_table(value) else _MASK
