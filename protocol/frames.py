"""Frame: one message, encoded once, ready for any number of sockets. The only encoder; knows no connection.

A frame holds the bytes of the whole WebSocket text frame, header included (RFC 6455 section 5.2). That is possible
because a server does not mask and we negotiate no compression: the same bytes fit every connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.errors import ErrorBody
from protocol.jsonrpc import RequestId
from protocol.methods import Notice
from protocol.wire import Wire, encode, encode_parts

_FIN_TEXT = 0x81


class Frame:
    """Encoded bytes of one message. ``method`` is set for notifications only: it is what an opt-out matches.

    ``data`` begins it; what follows that in ``rest``, parts that were encoded before, would be too long to copy.
    """

    __slots__ = ("data", "method", "payload_at", "rest")

    def __init__(self, payload: bytes, method: str | None = None, rest: Sequence[bytes] = ()) -> None:
        header = _header(len(payload) + sum(map(len, rest)) if rest else len(payload))
        self.data = header + payload
        self.rest = rest
        self.method = method
        self.payload_at = len(header)

    @property
    def payload(self) -> bytes:
        """The JSON text inside, as UTF-8."""
        return b"".join((self.data[self.payload_at :], *self.rest))

    def __len__(self) -> int:
        """Bytes on the wire."""
        return len(self.data) + sum(map(len, self.rest))


def _header(size: int) -> bytes:
    if size < 126:
        return bytes((_FIN_TEXT, size))
    if size < 1 << 16:
        return bytes((_FIN_TEXT, 126)) + size.to_bytes(2)
    return bytes((_FIN_TEXT, 127)) + size.to_bytes(8)


def _frame(prefix: bytes, value: Any, method: str | None = None) -> Frame:
    head, *rest = encode_parts(value)
    if not rest:
        return Frame(prefix + head + b"}", method)
    return Frame(prefix + head, method, (*rest, b"}"))


def notification(notice: Notice[Any], params: Wire) -> Frame:
    """``{method, params}``."""
    return Frame(notice.prefix + encode(params) + b"}", notice.name)


def notification_in_parts(notice: Notice[Any], params: Wire) -> Frame:
    """The same where ``params`` may hold what was encoded before; looking for that costs more than a delta may."""
    return _frame(notice.prefix, params, notice.name)


def response(request_id: RequestId, result: Any) -> Frame:
    """``{id, result}``."""
    return _frame(b'{"id":' + encode(request_id) + b',"result":', result)


def error(request_id: RequestId | None, body: ErrorBody) -> Frame:
    """``{id, error}``; the id is null when the message was too broken to have one."""
    return Frame(b'{"id":' + encode(request_id) + b',"error":' + encode(body) + b"}")
