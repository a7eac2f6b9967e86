"""Frame: one message, encoded once, ready for any number of sockets. The only encoder; knows no connection.

A frame holds the bytes of the whole WebSocket text frame, header included (RFC 6455 section 5.2). That is possible
because a server does not mask and we negotiate no compression: the same bytes fit every connection.
"""

from __future__ import annotations

from typing import Any

from protocol.errors import ErrorBody
from protocol.jsonrpc import RequestId
from protocol.methods import Notice
from protocol.wire import Wire, encode

_FIN_TEXT = 0x81


class Frame:
    """Encoded bytes of one message. ``method`` is set for notifications only: it is what an opt-out matches."""

    __slots__ = ("data", "method", "payload_at")

    def __init__(self, payload: bytes, method: str | None = None) -> None:
        header = _header(len(payload))
        self.data = header + payload
        self.method = method
        self.payload_at = len(header)

    @property
    def payload(self) -> bytes:
        """The JSON text inside, as UTF-8."""
        return self.data[self.payload_at :]

    def __len__(self) -> int:
        """Bytes on the wire."""
        return len(self.data)


def _header(size: int) -> bytes:
    if size < 126:
        return bytes((_FIN_TEXT, size))
    if size < 1 << 16:
        return bytes((_FIN_TEXT, 126)) + size.to_bytes(2)
    return bytes((_FIN_TEXT, 127)) + size.to_bytes(8)


def notification(notice: Notice[Any], params: Wire) -> Frame:
    """``{method, params}``."""
    return Frame(notice.prefix + encode(params) + b"}", notice.name)


def response(request_id: RequestId, result: Any) -> Frame:
    """``{id, result}``."""
    return Frame(b'{"id":' + encode(request_id) + b',"result":' + encode(result) + b"}")


def error(request_id: RequestId | None, body: ErrorBody) -> Frame:
    """``{id, error}``; the id is null when the message was too broken to have one."""
    return Frame(b'{"id":' + encode(request_id) + b',"error":' + encode(body) + b"}")
