"""The doors for WebSocket, on an address or on a socket in the file system: HTTP, origins, credentials, frames.

The only file that knows the websockets library; knows no method and no thread. What an outbox needs of a socket is
given here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from protocol.errors import Disconnect
from rollout.paths import Home
from server.auth import Authenticator, OpenDoor, Unauthorized, open_authenticator
from server.config import Config
from server.listen import TcpAddress, UnixAddress
from server.metrics import CONTENT_TYPE, Metrics
from server.reception import Reception
from server.unix_socket import UnixSocket

MAX_MESSAGE = 64 << 20
"""Bytes of one incoming message, fragments together; the peer's limit."""

CLOSE_TIMEOUT = 5.0

RETRY_AFTER = "5"
"""Seconds after which a client that could not come in may try again."""

LAST_WORDS = 60.0
"""Seconds that a client which was too slow has to read why it was left. Little more waits for it than sockets hold."""

_TEXT = "text/plain; charset=utf-8"
_RESERVED_BITS = 0x70
"""Of the first byte of a frame; none is set without an extension. Every letter has one of them."""

_log = structlog.get_logger(__name__)


class WebSocketDoor:
    """Accepts connections at one address. Whoever may open the file of a socket needs no other credentials."""

    def __init__(
        self, address: TcpAddress | UnixAddress, config: Config, reception: Reception, metrics: Metrics
    ) -> None:
        self._address = address
        self._config = config
        self._reception = reception
        self._metrics = metrics
        # Read at once: a server that cannot check who comes in is not to start.
        self._authenticator: Authenticator = open_authenticator(config.auth)
        if isinstance(address, UnixAddress):
            self._authenticator = OpenDoor()
        self._server: Server | None = None
        self._file: UnixSocket | None = None
        self._leaving: set[ServerConnection] = set()

    @property
    def url(self) -> str:
        """The address in use, with the port that the system chose when 0 was asked for."""
        return self.bound.url

    @property
    def bound(self) -> TcpAddress | UnixAddress:
        """The same in its parts."""
        if isinstance(self._address, UnixAddress):
            return self._address
        assert self._server is not None, "not started"
        port = int(next(iter(self._server.sockets)).getsockname()[1])
        return TcpAddress(host=self._address.host, port=port)

    async def open(self) -> None:
        """Bind and listen. Raises OSError."""
        options: dict[str, Any] = {
            "process_request": self._greet,
            "compression": None,
            "max_size": MAX_MESSAGE,
            "ping_interval": self._config.ping_interval or None,
            "ping_timeout": self._config.ping_interval or None,
            "close_timeout": CLOSE_TIMEOUT,
            "server_header": "threadcast",
        }
        if isinstance(self._address, TcpAddress):
            self._server = await serve(self._talk, self._address.host, self._address.port, **options)
        else:
            self._file = UnixSocket(self._address.path)
            bound = self._file.bind()
            self._server = await unix_serve(self._talk, sock=bound, create_connection=_PlainOrUpgraded, **options)

    async def close(self, code: int, reason: str) -> None:
        """Stop accepting; close every connection with this code and reason."""
        if self._file is not None:
            self._file.remove()  # first, so that the next server may take its place at once
        for socket in list(self._leaving):
            socket.transport.abort()
        if self._server is not None:
            self._server.close(code=code, reason=reason)
            await self._server.wait_closed()

    # -- HTTP --------------------------------------------------------------------------------------------------------

    async def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP, refuse what may not upgrade; None lets the upgrade go on."""
        if "Origin" in request.headers:
            return _reply(HTTPStatus.FORBIDDEN)
        path = request.path.partition("?")[0]
        if path in ("/healthz", "/readyz"):
            return self._health(request.method, ready=path == "/readyz")
        if request.method != "GET":
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, "Request method must be `GET`\n", allow="GET")
        if path != "/metrics" and not _wants_upgrade(request.headers):
            return _reply(HTTPStatus.BAD_REQUEST, "This address speaks WebSocket; the request asked for no upgrade.\n")
        try:
            self._authenticator.check(request.headers.get("Authorization"))
        except Unauthorized as error:
            _log.info("unauthorized", reason=error.reason, peer=str(socket.remote_address))
            return _reply(HTTPStatus.UNAUTHORIZED, error.reason)
        if path == "/metrics":
            return _reply(HTTPStatus.OK, await self._metrics.exposition(), kind=CONTENT_TYPE)
        if (refusal := self._reception.refusal()) is not None:
            return _reply(HTTPStatus.SERVICE_UNAVAILABLE, f"{refusal.reason}\n", retry_after=RETRY_AFTER)
        return None

    def _health(self, method: str, *, ready: bool) -> Response:
        if method not in ("GET", "HEAD"):
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET,HEAD")
        sessions = Home(self._config.codex_home).sessions
        reason = ""
        if ready and self._reception.draining:
            reason = "the server is shutting down\n"
        elif ready and not _usable(sessions):
            reason = "the sessions folder cannot be read and written\n"
        if not reason:
            return _reply(HTTPStatus.OK)
        return _reply(HTTPStatus.SERVICE_UNAVAILABLE, "" if method == "HEAD" else reason)

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    async def _talk(self, socket: ServerConnection) -> None:
        await self._reception.serve(_Visitor(socket, self._leaving))


class _Visitor:
    """A client that speaks WebSocket."""

    def __init__(self, socket: ServerConnection, leaving: set[ServerConnection]) -> None:
        self._connection = socket
        self._leaving = leaving
        self.socket = _Socket(socket)
        self.peer = str(socket.remote_address or "unix")

    @property
    def code(self) -> int | None:
        return self._connection.close_code

    async def read(self, take: Callable[[str | bytes], Awaitable[None]]) -> None:
        try:
            async for message in self._connection:
                await take(message)
        except ConnectionClosed as closed:
            _log.info("connection_lost", peer=self.peer, reason=str(closed))

    async def disconnect(self, order: Disconnect) -> None:
        transport = self._connection.transport
        if transport.get_write_buffer_size():
            # The close frame waits behind what the client does not read. It may come back: then it shall know why.
            self._connection.close_timeout = LAST_WORDS
            asyncio.get_running_loop().call_later(LAST_WORDS, transport.abort)
        self._leaving.add(self._connection)
        try:
            await self._connection.close(order.code, order.reason)
        finally:
            self._leaving.discard(self._connection)


class _Socket:
    """A websockets connection as an outbox sees it. Writes whole frames to the transport, past the library's ``send``.

    That is sound because the library itself only ever writes whole frames, at once, from this same event loop.
    """

    __slots__ = ("_socket", "_transport", "write", "write_parts")

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._transport = socket.transport
        self.write = socket.transport.write
        self.write_parts = socket.transport.writelines

    def is_open(self) -> bool:
        return self._socket.protocol.state is State.OPEN and not self._transport.is_closing()

    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def is_full(self) -> bool:
        return self._socket.paused

    async def drain(self) -> None:
        await self._socket.drain()


class _PlainOrUpgraded(ServerConnection):
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
        self.request_rcvd.set_result(None)

    async def handshake(self, *arguments: Any, **options: Any) -> None:
        """Answer the upgrade, if one is asked for."""
        await asyncio.wait([self.request_rcvd, self.connection_lost_waiter], return_when=asyncio.FIRST_COMPLETED)
        if not self._plain:
            await super().handshake(*arguments, **options)


def _wants_upgrade(headers: Headers) -> bool:
    return any("websocket" in value.lower() for value in headers.get_all("Upgrade"))


def _usable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _reply(status: HTTPStatus, text: str | bytes = "", kind: str = _TEXT, **headers: str) -> Response:
    body = text.encode() if isinstance(text, str) else text
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = Headers({"Content-Length": str(len(body)), "Connection": "close", **named})
    if body:
        fields["Content-Type"] = kind
    return Response(status.value, status.phrase, fields, body)
