"""One text frame -> Request, Notification, Response or Error. Knows the JSON-RPC dialect, not the methods.

The dialect (as the peer 0.125.0 speaks it): one object per frame, no ``jsonrpc`` member, ids are strings or
signed 64-bit integers, unknown members are ignored, ``trace`` rides along on requests.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from protocol.errors import ErrorBody, RpcError, invalid_request
from protocol.wire import Wire

RequestId = int | str

_INT64 = range(-(2**63), 2**63)


class Trace(Wire):
    """W3C trace context that a request may carry."""

    traceparent: str | None = None
    tracestate: str | None = None


class Request(Wire):
    """``{id, method, params?}``: wants a reply. ``params`` is undecoded JSON, empty when absent."""

    id: RequestId
    method: str
    params: Raw = Raw(b"")


class Notification(Wire):
    """``{method, params?}``: wants none."""

    method: str
    params: Raw = Raw(b"")


class Response(Wire):
    """``{id, result}``: the answer to a request of ours."""

    id: RequestId
    result: Raw


class Error(Wire):
    """``{id, error}``: the refusal of a request of ours."""

    id: RequestId
    error: ErrorBody


Message = Request | Notification | Response | Error


class _Envelope(Wire):
    id: Any = UNSET
    method: Any = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    trace: Trace | UnsetType | None = UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_error_body = msgspec.json.Decoder(ErrorBody)


def parse(text: str | bytes) -> Message:
    """Read one message.

    Raises :class:`~protocol.errors.RpcError` (-32600) that says what was wrong: not JSON, not an object, a bad id,
    a member of the wrong type, or an object that is no message at all.
    """
    try:
        envelope = _envelope.decode(text)
    except msgspec.ValidationError as error:
        raise invalid_request(f"Invalid request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid_request(f"Invalid request: not JSON: {error}") from None
    except RecursionError:
        raise invalid_request("Invalid request: nested too deeply") from None
    if envelope.method is not UNSET:
        return _call(envelope)
    if isinstance(envelope.result, Raw):
        return Response(id=_checked_id(envelope.id), result=envelope.result)
    if isinstance(envelope.error, Raw):
        return Error(id=_checked_id(envelope.id), error=_refusal(envelope.error))
    raise invalid_request("Invalid request: a message has `method`, `result` or `error`")


def _call(envelope: _Envelope) -> Request | Notification:
    if not isinstance(envelope.method, str):
        raise invalid_request("Invalid request: `method` must be a string")
    params = envelope.params if isinstance(envelope.params, Raw) else Raw(b"")
    if envelope.id is UNSET:
        return Notification(method=envelope.method, params=params)
    return Request(id=_checked_id(envelope.id), method=envelope.method, params=params)


def _checked_id(value: Any) -> RequestId:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value in _INT64):
        return value
    raise invalid_request("Invalid request: `id` must be a string or a 64-bit integer")


def _refusal(raw: Raw) -> ErrorBody:
    try:
        return _error_body.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid_request(f"Invalid request: `error`: {error}") from None


__all__ = ["Error", "Message", "Notification", "Request", "RequestId", "Response", "RpcError", "Trace", "parse"]
