"""The door: HTTP and WebSocket on one address. Checks origin and credentials, reads frames off sockets.

Knows the websockets library; knows no method and no thread. What an outbox needs of a socket is given here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from protocol.errors import Disconnect
from rollout.paths import Home
from server.auth import Unauthorized, open_authenticator
from server.config import Config
from server.connection import Connection
from server.load import Load
from server.outbox import Outbox, Round

MAX_MESSAGE = 64 << 20
"""Bytes of one incoming message, fragments together; the peer's limit."""

CLOSE_TIMEOUT = 5.0

LAST_WORDS = 60.0
"""Seconds that a client which was too slow has to read why it was left. Little more waits for it than sockets hold."""

_log = structlog.get_logger(__name__)


class Receiver(Protocol):
    """Who takes the messages: the dispatcher."""

    def receive(self, connection: Connection, text: str | bytes) -> None:
        """Take one message."""
        ...


class Listener:
    """Accepts connections, and gives each message to the receiver in the order in which it came."""

    def __init__(self, config: Config, receiver: Receiver, on_left: Callable[[Connection], None]) -> None:
        self._config = config
        self._receiver = receiver
        self._on_left = on_left
        self._authenticator = open_authenticator(config.auth)
        self._numbers = count(1)
        self._round = Round()
        self._left: set[ServerConnection] = set()
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port in use; the system's choice when 0 was asked for."""
        assert self._server is not None, "not started"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Bind and listen. Raises OSError."""
        listen = self._config.listen
        self._server = await serve(
            self._talk,
            listen.host,
            listen.port,
            process_request=self._greet,
            compression=None,
            max_size=MAX_MESSAGE,
            ping_interval=self._config.ping_interval or None,
            ping_timeout=self._config.ping_interval or None,
            close_timeout=CLOSE_TIMEOUT,
            server_header="threadcast",
        )

    async def stop(self, code: int, reason: str) -> None:
        """Stop accepting; close every connection with this code and reason."""
        for socket in list(self._left):
            socket.transport.abort()
        if self._server is not None:
            self._server.close(code=code, reason=reason)
            await self._server.wait_closed()

    # -- HTTP --------------------------------------------------------------------------------------------------------

    def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP, refuse what may not upgrade; None lets the upgrade go on."""
        if "Origin" in request.headers:
            return _reply(HTTPStatus.FORBIDDEN)
        path = request.path.partition("?")[0]
        if path in ("/healthz", "/readyz"):
            return self._health(request.method, ready=path == "/readyz")
        if request.method != "GET":
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, "Request method must be `GET`\n", allow="GET")
        if not _wants_upgrade(request.headers):
            return _reply(HTTPStatus.BAD_REQUEST, "This address speaks WebSocket; the request asked for no upgrade.\n")
        try:
            self._authenticator.check(request.headers.get("Authorization"))
        except Unauthorized as error:
            _log.info("unauthorized", reason=error.reason, peer=str(socket.remote_address))
            return _reply(HTTPStatus.UNAUTHORIZED, error.reason)
        return None

    def _health(self, method: str, *, ready: bool) -> Response:
        if method not in ("GET", "HEAD"):
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET,HEAD")
        sessions = Home(self._config.codex_home).sessions
        if ready and not _usable(sessions):
            text = "" if method == "HEAD" else "the sessions folder cannot be read and written\n"
            return _reply(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return _reply(HTTPStatus.OK)

    # -- WebSocket ---------------------------------------------------------------------------------------------------

    async def _talk(self, socket: ServerConnection) -> None:
        ordered: asyncio.Future[Disconnect] = asyncio.get_running_loop().create_future()

        def disconnect(order: Disconnect) -> None:
            if not ordered.done():
                ordered.set_result(order)

        limit, deadline = self._config.outbox_limit, self._config.write_deadline
        outbox = Outbox(_Socket(socket), limit=limit, deadline=deadline, on_stuck=disconnect, together=self._round)
        connection = Connection(next(self._numbers), outbox, Load(64, 16 << 20), disconnect)
        _log.info("connected", connection=connection.number, peer=str(socket.remote_address))
        reading = asyncio.get_running_loop().create_task(self._read(socket, connection))
        try:
            waited: set[asyncio.Future[Any]] = {reading, ordered}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if ordered.done():
                await self._disconnect(socket, connection, ordered.result())
        finally:
            reading.cancel()
            self._on_left(connection)
            connection.close()
            _log.info("disconnected", connection=connection.number, code=socket.close_code)

    async def _read(self, socket: ServerConnection, connection: Connection) -> None:
        try:
            async for message in socket:
                self._receiver.receive(connection, message)
        except ConnectionClosed as closed:
            _log.info("connection_lost", connection=connection.number, reason=str(closed))

    async def _disconnect(self, socket: ServerConnection, connection: Connection, order: Disconnect) -> None:
        _log.warning("disconnecting", connection=connection.number, code=order.code, reason=order.reason)
        if socket.transport.get_write_buffer_size():
            # The close frame waits behind what the client does not read. It may come back: then it shall know why.
            socket.close_timeout = LAST_WORDS
            asyncio.get_running_loop().call_later(LAST_WORDS, socket.transport.abort)
        self._left.add(socket)
        try:
            await socket.close(order.code, order.reason)
        finally:
            self._left.discard(socket)


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


def _wants_upgrade(headers: Headers) -> bool:
    return any("websocket" in value.lower() for value in headers.get_all("Upgrade"))


def _usable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _reply(status: HTTPStatus, text: str = "", **headers: str) -> Response:
    body = text.encode()
    fields = Headers({"Content-Length": str(len(body)), "Connection": "close", **headers})
    if body:
        fields["Content-Type"] = "text/plain; charset=utf-8"
    return Response(status.value, status.phrase, fields, body)
