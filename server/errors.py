"""How a turn fails and how a set-up fails. Owns the two exception types and the stored spelling of error kinds.

Must not know: who raises them, providers, threads, connections.
"""

from __future__ import annotations

import re
from typing import Any, cast

from protocol.turn import CodexErrorInfo
from rollout.events import RateLimits

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ConfigError(Exception):
    """A setting that cannot be honoured. Its text suits standard error as well as
    ``failed to load configuration: <text>`` (spec, transport 6.0); it never holds a secret."""


class UnknownProvider(ConfigError):
    """A model provider that is not configured."""

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Model provider `{provider_id}` not found")
        self.provider_id = provider_id


class TurnError(Exception):
    """Why a turn cannot go on.

    Raised by providers and the engine; recorded, and sent as ``error`` plus a failed turn.

    ``codex_error_info`` is the camelCase wire form (a name, or an object of one name). ``retryable``: the engine may
    ask again, after ``retry_after`` seconds when the provider named a pause. ``http_status`` of the response that
    failed. ``context_full``: the usage of the thread must be shown as full. ``bad_image``: without some image the model
    may answer. ``rate_limits``: limits told with the failure.
    """

    def __init__(
        self,
        message: str,
        codex_error_info: CodexErrorInfo = "other",
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        http_status: int | None = None,
        context_full: bool = False,
        bad_image: bool = False,
        rate_limits: RateLimits | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.codex_error_info = codex_error_info
        self.retryable = retryable
        self.retry_after = retry_after
        self.http_status = http_status
        self.context_full = context_full
        self.bad_image = bad_image
        self.rate_limits = rate_limits

    def stored_info(self) -> CodexErrorInfo:
        """The snake_case form for the rollout, e.g. ``{"response_stream_disconnected": {"http_status_code": 502}}``."""
        return stored_error_info(self.codex_error_info)


def stored_error_info(info: CodexErrorInfo) -> CodexErrorInfo:
    """Turn the wire form of an error kind into the one that rollouts use."""
    return _snake(info) if isinstance(info, str) else _snake_keys(info)


def _snake(name: str) -> str:
    return _HUMP.sub("_", name).lower()


def _snake_keys(members: dict[str, Any]) -> dict[str, Any]:
    # Only names change: a value such as the turn kind "review" is spelled alike in both forms.
    return {
        _snake(key): _snake_keys(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for key, value in members.items()
    }
