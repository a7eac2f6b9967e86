"""Frame: one message, encoded once, ready for any number of sockets. The only encoder; knows no connection.

A frame holds the bytes of the whole WebSocket text frame, header included (RFC 6455 section 5.2). That is possible
because a server does not mask and we negotiate no compression: the same bytes fit every connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.dialects.shape import Unsayable, is_known, shaped, varies
from protocol.dialects.versions import Version
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


class Variants:
    """One notification that not all versions hear alike: encoded when the first client of a version needs it."""

    __slots__ = ("_frames", "_notice", "_params", "method")

    def __init__(self, notice: Notice[Any], params: Wire) -> None:
        self._notice = notice
        self._params = params
        self._frames: dict[Version, Frame | None] = {}
        self.method = notice.name

    def spoken_in(self, version: Version) -> Frame | None:
        """What clients of this version get; None if they hear nothing of it."""
        try:
            return self._frames[version]
        except KeyError:
            frame = self._frames[version] = self._make(version)
            return frame

    def _make(self, version: Version) -> Frame | None:
        if not is_known(self._notice, version):
            return None
        try:
            return Frame(self._notice.prefix + encode(shaped(self._params, version)) + b"}", self.method)
        except Unsayable:
            return None


Message = Frame | Variants
"""What can be sent to any connection."""


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


def notification(notice: Notice[Any], params: Wire) -> Message:
    """``{method, params}``."""
    if varies(notice):
        return Variants(notice, params)
    return Frame(notice.prefix + encode(params) + b"}", notice.name)


def response(request_id: RequestId, result: Any) -> Frame:
    """``{id, result}``."""
    return _frame(b'{"id":' + encode(request_id) + b',"result":', result)


def error(request_id: RequestId | None, body: ErrorBody) -> Frame:
    """``{id, error}``; the id is null when the message was too broken to have one."""
    return Frame(b'{"id":' + encode(request_id) + b',"error":' + encode(body) + b"}")
