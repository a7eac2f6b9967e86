"""What a failed answer means: HTTP statuses, ``response.failed`` and broken streams as TurnError.

Observed: spec, turns 1.6. Must not know: how often something was tried, threads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from server.errors import TurnError
from server.providers.rate_limits import read_rate_limits
from server.providers.untrusted import members, text

_OVERLOADED = frozenset({"server_is_overloaded", "slow_down"})
_BODY_SHOWN = 1000
_PAUSE = re.compile(r"try again in\s+(\d+(?:\.\d+)?)\s*(ms|s|seconds?)\b", re.IGNORECASE)
_AT_CAPACITY = "The chosen model has no capacity left at the moment. Try again later, or choose another model."
_NOT_INCLUDED = "The plan of this account does not include the use of this model."
_CONTEXT_FULL = (
    "The conversation no longer fits into the model's context window. "
    "Start a new thread, or take earlier messages back, and try again."
)


def disconnected(why: str, http_status: int | None = None) -> TurnError:
    """The stream ended too early; asking again may help."""
    return TurnError(f"stream disconnected before completion: {why}", retryable=True, http_status=http_status)


def status_error(status: int, headers: Mapping[str, str], body: bytes, url: str) -> TurnError:
    """The final meaning of a status that is not 200. ``headers`` with lower-case names; ``body`` may be cut."""
    error = _error_member(body)
    if status == HTTPStatus.BAD_REQUEST:
        return _bad_request(error, body)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(error, headers)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return TurnError(
            "The model service failed, perhaps because it is very busy.",
            "internalServerError",
            retryable=True,
            http_status=status,
        )
    if status == HTTPStatus.SERVICE_UNAVAILABLE and error.get("code") in _OVERLOADED:
        return TurnError(_AT_CAPACITY, "serverOverloaded", http_status=status)
    said = text(error.get("message")) or body[:_BODY_SHOWN].decode(errors="replace").strip() or "no explanation"
    return TurnError(
        f"unexpected status {_named(status)}: {said}, url: {url}{_trace(headers)}",
        {"httpConnectionFailed": {"httpStatusCode": status}},
        retryable=True,
        http_status=status,
    )


def _bad_request(error: Mapping[str, Any], body: bytes) -> TurnError:
    message = text(error.get("message"))
    code = text(error.get("code"))
    if code == "cyber_policy":
        return TurnError(message or "The request was refused by policy.", "cyberPolicy", http_status=400)
    if "image" in code or "valid image" in message:
        return TurnError(
            "An image of the last message is not valid. Remove it and try again.",
            "badRequest",
            http_status=400,
            bad_image=True,
        )
    return TurnError(body.decode(errors="replace") or "bad request", http_status=400)


def _too_many(error: Mapping[str, Any], headers: Mapping[str, str]) -> TurnError:
    match error.get("type"):
        case "usage_limit_reached":
            return TurnError(
                f"The usage limit of this account is reached.{_until(error.get('resets_at'))}",
                "usageLimitExceeded",
                http_status=429,
                rate_limits=read_rate_limits(headers)[0],
            )
        case "usage_not_included":
            return TurnError(_NOT_INCLUDED, "usageLimitExceeded", http_status=429)
        case _:
            return TurnError(
                f"exceeded retry limit, last status: {_named(429)}{_trace(headers)}",
                {"responseTooManyFailedAttempts": {"httpStatusCode": 429}},
                http_status=429,
            )


def failed_error(error: Any) -> TurnError:
    """The meaning of the ``error`` member of ``response.failed``, or of an ``error`` event."""
    found = members(error)
    message = text(found.get("message"))
    match found.get("code"):
        case "context_length_exceeded":
            return TurnError(_CONTEXT_FULL, "contextWindowExceeded", context_full=True)
        case "insufficient_quota":
            return TurnError("The quota of this account is used up. Check its plan and billing.", "usageLimitExceeded")
        case "usage_not_included":
            return TurnError(_NOT_INCLUDED, "usageLimitExceeded")
        case "cyber_policy":
            return TurnError(message or "The request was refused by policy.", "cyberPolicy")
        case "invalid_prompt":
            return TurnError(message or "Invalid request.")
        case "server_is_overloaded" | "slow_down":
            return TurnError(_AT_CAPACITY, "serverOverloaded")
        case code:
            failure = disconnected(message or "the model service reported a failure without explanation")
            failure.retry_after = _pause(message) if code == "rate_limit_exceeded" else None
            return failure


def incomplete_error(response: Any) -> TurnError:
    """The meaning of ``response.incomplete``."""
    reason = text(members(members(response).get("incomplete_details")).get("reason")) or "unknown"
    return disconnected(f"Incomplete response returned, reason: {reason}")


def _error_member(body: bytes) -> dict[str, Any]:
    try:
        return members(members(msgspec.json.decode(body)).get("error"))
    except msgspec.DecodeError:
        return {}


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _trace(headers: Mapping[str, str]) -> str:
    ray, request_id = headers.get("cf-ray"), headers.get("x-request-id")
    return (f", cf-ray: {ray}" if ray else "") + (f", request id: {request_id}" if request_id else "")


def _pause(message: str) -> float | None:
    found = _PAUSE.search(message)
    return float(found[1]) / (1000 if found[2].lower() == "ms" else 1) if found else None


def _until(resets_at: Any) -> str:
    if not isinstance(resets_at, int):
        return " Try again later."
    return f" Try again at {datetime.fromtimestamp(resets_at).astimezone():%Y-%m-%d %H:%M %Z}."
