"""Frame: one message, encoded once, ready for any number of sockets. The only encoder; knows no connection.

A frame holds the bytes of the whole WebSocket text frame, header included (RFC 6455 section 5.2). That is possible
because a server does not mask and we negotiate no compression: the same bytes fit every connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from protocol.dialects.shape import Unsayable, is_known, shaped, varies
from protocol.dialects.versions import Version
from protocol.errors import ErrorBody
from protocol.jsonrpc import RequestId
from protocol.method import Ask, Notice
from protocol.sequence import Number
from protocol.wire import UNSET, Wire, encode, encode_parts

_FIN_TEXT = 0x81

_LONG = 1 << 16
"""Bytes from which on params are not copied to stand between what begins a notification and what ends it."""


class Frame:
    """Encoded bytes of one message.

    ``data`` begins it; what follows that in ``rest``, parts that were encoded before, would be too long to copy.
    ``size``: bytes on the wire. A notification keeps its ``notice`` and ``params``, from which those for a slow client
    can be put together, and its ``tail``, what ends it after the params. ``method`` is what an opt-out matches.
    """

    __slots__ = ("data", "method", "notice", "params", "payload_at", "rest", "size", "tail")

    def __init__(self, payload: bytes, rest: Sequence[bytes] = ()) -> None:
        length = len(payload) + sum(map(len, rest)) if rest else len(payload)
        header = _header(length)
        self.data = header + payload
        self.rest = rest
        self.size = len(header) + length
        self.payload_at = len(header)
        self.method: str | None = None
        self.notice: Notice[Any] | None = None
        self.params: Any = None
        self.tail = b"}"

    @property
    def payload(self) -> bytes:
        """The JSON text inside, as UTF-8."""
        return b"".join((self.data[self.payload_at :], *self.rest))

    def __len__(self) -> int:
        return self.size


class Variants:
    """One notification that not all clients hear alike: encoded when the first client of its kind needs it.

    What is heard depends on the version a client speaks, and on whether it wants the ``number`` that the notification
    has in its thread.
    """

    __slots__ = ("_frames", "_notice", "_number", "_params", "method")

    def __init__(self, notice: Notice[Any], params: Wire, number: Number | None = None) -> None:
        self._notice = notice
        self._params = params
        self._number = number
        self._frames: dict[tuple[Version, bool], Frame | None] = {}
        self.method = notice.name

    def heard_by(self, version: Version, *, numbered: bool) -> Frame | None:
        """What clients of this version get; None if they hear nothing of it."""
        key = (version, numbered and self._number is not None)
        try:
            return self._frames[key]
        except KeyError:
            frame = self._frames[key] = self._make(*key)
            return frame

    def _make(self, version: Version, numbered: bool) -> Frame | None:
        if not is_known(self._notice, version):
            return None
        tail = b',"sequence":' + encode(self._number) + b"}" if numbered else b"}"
        try:
            return told(self._notice, shaped(self._params, version), tail)
        except Unsayable:
            return None

    def in_thread(self, number: Number) -> Variants:
        """The same with the number that it has in its thread."""
        return Variants(self._notice, self._params, number)

    def again(self) -> Variants:
        """The same for one who missed it."""
        assert self._number is not None
        return self.in_thread(replace(self._number, replay=True))


Message = Frame | Variants
"""What can be told to any connection."""


class Question:
    """A request to clients, encoded when the first of its kind needs it.

    Clients that did not ask for experimental members get ``params`` without them.
    """

    __slots__ = ("_ask", "_frames", "_params", "id", "method")

    def __init__(self, ask: Ask[Any, Any], request_id: int, params: Wire) -> None:
        self._ask = ask
        self._params = params
        self._frames: dict[tuple[Version, bool], Frame] = {}
        self.id = request_id
        self.method = None
        """A client cannot opt out of questions."""

    def heard_by(self, version: Version, *, experimental: bool) -> Frame:
        """What clients of this version get."""
        key = (version, experimental)
        try:
            return self._frames[key]
        except KeyError:
            left_out = {} if experimental else dict.fromkeys(self._ask.gated, UNSET)
            params = shaped(replace(self._params, **left_out), version)
            frame = self._frames[key] = Frame(
                self._ask.prefix + encode(self.id) + b',"params":' + encode(params) + b"}"
            )
            return frame


Sendable = Message | Question


def told(notice: Notice[Any], params: Wire, tail: bytes = b"}") -> Frame:
    """The frame of a notification in just these words."""
    encoded = encode(params)
    long = len(encoded) >= _LONG
    frame = Frame(notice.prefix, (encoded, tail)) if long else Frame(notice.prefix + encoded + tail)
    frame.method, frame.notice, frame.params, frame.tail = notice.name, notice, params, tail
    return frame


def numbered(message: Message, number: Number) -> Variants:
    """A notification with the number that it has in its thread, for those who want it."""
    if isinstance(message, Variants):
        return message.in_thread(number)
    assert message.notice is not None
    return Variants(message.notice, message.params, number)


def _header(size: int) -> bytes:
    if size < 126:
        return bytes((_FIN_TEXT, size))
    if size < 1 << 16:
        return bytes((_FIN_TEXT, 126)) + size.to_bytes(2)
    return bytes((_FIN_TEXT, 127)) + size.to_bytes(8)


def notification(notice: Notice[Any], params: Wire) -> Message:
    """``{method, params}``."""
    return Variants(notice, params) if varies(notice) else told(notice, params)


def response(request_id: RequestId, result: Any) -> Frame:
    """``{id, result}``; the result may hold what was encoded before."""
    head, *rest = encode_parts(result)
    beginning = b'{"id":' + encode(request_id) + b',"result":' + head
    return Frame(beginning, (*rest, b"}")) if rest else Frame(beginning + b"}")


def error(request_id: RequestId | None, body: ErrorBody) -> Frame:
    """``{id, error}``; the id is null when the message was too broken to have one."""
    return Frame(b'{"id":' + encode(request_id) + b',"error":' + encode(body) + b"}")
