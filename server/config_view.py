"""What ``config/read`` shows: the keys in force, where each comes from, and the layers. Secrets are masked.

Shapes: ConfigReadResponse of the peer's schema (0.125.0). Must not know: requests, connections.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

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


class Layer(NamedTuple):
    """A ConfigLayerSource, and the table of keys it holds. ``disabled``: why it does not count; null if it does."""

    name: dict[str, str]
    table: dict[str, Any]
    disabled: str | None = None


def describe(merged: Mapping[str, Any], layers: Sequence[Layer], *, with_layers: bool) -> ConfigReadResponse:
    """The keys in force, every key of the schema among them, null when unset.

    ``layers`` go from the lowest to the highest and come out in the opposite order, without those that say nothing.
    """
    unset: dict[str, Any] = {key: {} if key == "profiles" else None for key in _SCHEMA_KEYS}
    speaking = [(layer, layer_version(layer.table)) for layer in layers if layer.table]
    origins = {
        key: {"name": layer.name, "version": version}
        for layer, version in speaking
        if layer.disabled is None
        for key in _leaves(layer.table)
    }
    shown = [_shown(layer, version) for layer, version in reversed(speaking)]
    return ConfigReadResponse(config=unset | mask(merged), origins=origins, layers=shown if with_layers else None)


def _shown(layer: Layer, version: str) -> dict[str, Any]:
    said = {"name": layer.name, "version": version, "config": mask(layer.table)}
    return said if layer.disabled is None else said | {"disabledReason": layer.disabled}


def layer_version(table: Mapping[str, Any]) -> str:
    """What tells one content of a layer from another; layout and comments do not count."""
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
