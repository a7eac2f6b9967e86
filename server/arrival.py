"""A WebSocket connection before its upgrade: bounds on what it may say, and clients that begin without one.

Knows the websockets library, and more of its inside than ``websocket.py`` has to.
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.protocol import State

from server.grant import Grant

MAX_HEAD = 64 << 10
"""Bytes of the head of an HTTP request."""

MAX_ARRIVING = 2048
"""Connections of an address that have not said yet what they want; of more, those that came first have to go."""

_RESERVED_BITS = 0x70
"""Of the first byte of a frame; none is set without an extension. Every letter has one of them."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Arrival(ServerConnection):
    """A connection from its first byte on. What it may say, and for how long, before it said what it wants is bounded:
    a head too large is refused, and of too many that say nothing those who came first go."""

    grant: Grant
    """What the client may do; there once it was let in."""
    _head = 0

    def __init__(self, *arguments: Any, arriving: dict[Arrival, None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arriving = arriving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._arriving[self] = None
        self.request_rcvd.add_done_callback(lambda _request: self.arrived())
        if len(self._arriving) > MAX_ARRIVING:
            oldest = next(iter(self._arriving))
            oldest.arrived()
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.arrived()
        super().connection_lost(exc)

    def arrived(self) -> None:
        """It said what it wants, or never will."""
        self._arriving.pop(self, None)

    def data_received(self, data: bytes) -> None:
        """Look at the size, then go on as always."""
        if self.request is None:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.arrived()
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)


class PlainOrUpgraded(Arrival):
    """A connection that may begin with frames at once, as some clients of a socket in the file system do.

    The first byte tells: it is a letter of an HTTP method, or the first byte of a frame.
    """

    _first = True
    _plain = False

    def data_received(self, data: bytes) -> None:
        """Look at the first byte, then go on as always."""
        if self._first:
            self._first = False
            self._plain = not data[0] & _RESERVED_BITS
            if self._plain:
                self._skip_upgrade()
        super().data_received(data)

    def _skip_upgrade(self) -> None:
        """Bring the library to where it is after an upgrade."""
        self.protocol.state = State.OPEN
        self.protocol.parser = self.protocol.parse()  # the one that was begun expects a request
        next(self.protocol.parser)
        self.request = Request("/", Headers())
        self.grant = Grant()
        self.arrived()
        self.request_rcvd.set_result(None)

    async def handshake(self, *arguments: Any, **options: Any) -> None:
        """Answer the upgrade, if one is asked for."""
        await asyncio.wait([self.request_rcvd, self.connection_lost_waiter], return_when=asyncio.FIRST_COMPLETED)
        if not self._plain:
            await super().handshake(*arguments, **options)
