"""How a request fails and why a connection ends: error codes, close codes. Owns no texts of single methods."""

from __future__ import annotations

from typing import Any

from protocol.scope import MissingScope, Scope, ordered
from protocol.wire import UNSET, UnsetType, Wire

INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
OVERLOADED = -32001
FORBIDDEN = -32003

# Close codes. After the first group a client should come back; after the second it would only fail again.
GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
RETRY_CODES = frozenset({GOING_AWAY, TRY_AGAIN_LATER})


class ErrorBody(Wire):
    """The ``error`` member of a JSON-RPC error reply."""

    code: int
    message: str
    data: Any | UnsetType = UNSET


class ProviderNotConfigured(Wire):
    """``data`` of the refusal of a thread whose model provider is in no configuration (any more)."""

    model_provider: str
    type: str = "modelProviderNotConfigured"


class RpcError(Exception):
    """A request that fails with an answer. Raised by handlers and dispatch, written to the wire by dispatch alone."""

    def __init__(self, code: int, message: str, data: Any = UNSET) -> None:
        super().__init__(message)
        self.body = ErrorBody(code=code, message=message, data=data)


class Disconnect(Exception):
    """The connection must end with this close code and reason; ``code in RETRY_CODES`` means: come back."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def invalid_request(message: str, data: Any = UNSET) -> RpcError:
    """The caller's fault: bad params, unknown method, unknown thread, wrong moment."""
    return RpcError(INVALID_REQUEST, message, data)


def forbidden(what: str, required: Scope, scopes: frozenset[Scope]) -> RpcError:
    """The caller may not do this: its credential lacks a scope."""
    message = f"{what} needs the scope `{required}`, which this connection does not have"
    return RpcError(FORBIDDEN, message, MissingScope(required_scope=required, scopes=ordered(scopes)))


def internal_error(message: str) -> RpcError:
    """Our fault, or the machine's."""
    return RpcError(INTERNAL_ERROR, message)
