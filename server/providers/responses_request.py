"""A request in the words of the Responses API: body members and headers, in the order the peer sends them.

Observed: spec, turns 1.1. Must not know: sockets, retries, what is answered.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from protocol.wire import encode
from server.errors import ConfigError, TurnError
from server.providers.provider import ModelRequest
from server.providers.settings import OPENAI, ProviderConfig

TURN_STATE = "x-codex-turn-state"

_TIERS = {"fast": "priority"}
_NOT_PLAIN = re.compile(r"[^\x21-\x7e]+")
_PLATFORM = f"{platform.system()} {platform.release()}; {platform.machine()}"


def endpoint(config: ProviderConfig) -> str:
    """``{base_url}/responses`` with the query parameters appended as they are. Raises ConfigError if it is not HTTP."""
    if not config.base_url.lower().startswith(("http://", "https://")):
        raise ConfigError(f"model provider `{config.id}` needs a base_url that starts with http:// or https://")
    query = "&".join(f"{name}={value}" for name, value in config.query_params.items())
    return config.base_url.rstrip("/") + "/responses" + (f"?{query}" if query else "")


def body(request: ModelRequest, installation_id: str) -> bytes:
    """The JSON body. Slow where the input is long, but for no other thread: items are encoded one by one."""
    items = [encode(item) for item in request.input] if request.encoded_input is None else request.encoded_input
    members: dict[str, Any] = {
        "model": request.model,
        "instructions": request.instructions,
        "input": Raw(b"[" + b",".join(items) + b"]"),
        "tools": request.tools,
        "tool_choice": "auto",
        "parallel_tool_calls": request.parallel_tool_calls,
        "reasoning": _reasoning(request),
        "store": False,
        "stream": True,
        "include": [] if request.reasoning is None else ["reasoning.encrypted_content"],
        "service_tier": _TIERS.get(request.service_tier or "", request.service_tier),
        "prompt_cache_key": request.thread_id,
        "text": _text(request),
        "client_metadata": {"x-codex-installation-id": installation_id},
    }
    for optional in ("instructions", "service_tier", "text"):
        if not members[optional]:
            del members[optional]
    return encode(members)


def _reasoning(request: ModelRequest) -> dict[str, Any] | None:
    asked = request.reasoning
    if asked is None:
        return None
    return {"effort": asked.effort} | ({"summary": asked.summary} if asked.summary not in (None, "none") else {})


def _text(request: ModelRequest) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if request.output_schema is not None:
        text["format"] = {
            "type": "json_schema",
            "strict": True,
            "schema": request.output_schema,
            "name": "codex_output_schema",
        }
    return text


def headers(request: ModelRequest, config: ProviderConfig, environ: Mapping[str, str], version: str) -> dict[str, str]:
    """The headers; the provider's own override ours. Raises TurnError when the key's variable is not set."""
    client = _plain(request.client_name)
    found = {
        "accept": "text/event-stream",
        "content-type": "application/json",
        "session_id": request.thread_id,
        "x-client-request-id": request.thread_id,
        "x-codex-window-id": f"{request.thread_id}:{request.window}",
        "x-codex-turn-metadata": _turn_metadata(request),
        "originator": client,
        "user-agent": f"{client}/{version} ({_PLATFORM}) threadcast ({client}; {_plain(request.client_version)})",
    }
    if request.subagent:
        found["x-openai-subagent"] = _plain(request.subagent)
    if request.turn_state.value is not None:
        found[TURN_STATE] = request.turn_state.value
    if config.id == OPENAI:
        found["version"] = version
    return found | _provider_headers(config, environ) | _authorization(config, environ)


def _turn_metadata(request: ModelRequest) -> str:
    ours = {
        "session_id": request.thread_id,
        "thread_source": "user",
        "turn_id": request.turn_id,
        "sandbox": request.sandbox,
    }
    # ASCII only: header values cannot carry anything else.
    return json.dumps(ours | {key: value for key, value in request.metadata.items() if key not in ours})


def _provider_headers(config: ProviderConfig, environ: Mapping[str, str]) -> dict[str, str]:
    from_environ = {
        name.lower(): value
        for name, variable in config.env_http_headers.items()
        if (value := environ.get(variable, "").strip())
    }
    return {name.lower(): value for name, value in config.http_headers.items()} | from_environ


def _authorization(config: ProviderConfig, environ: Mapping[str, str]) -> dict[str, str]:
    token = config.experimental_bearer_token
    if config.env_key:
        token = environ.get(config.env_key, "").strip()
        if not token:
            hint = f" {config.env_key_instructions}" if config.env_key_instructions else ""
            raise TurnError(f"Missing environment variable: `{config.env_key}`.{hint}")
    return {"authorization": f"Bearer {token}"} if token else {}


def _plain(text: str) -> str:
    return _NOT_PLAIN.sub("_", text) or "unknown"
