"""The doors for WebSocket, on an address or on a socket in the file system: HTTP, origins, credentials, frames.

Knows the websockets library, as only ``arrival.py`` does beside it; knows no method and no thread. What an outbox
needs of a socket is given here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from protocol.errors import Disconnect
from rollout.paths import Home
from server.arrival import Arrival, PlainOrUpgraded
from server.auth import OpenDoor, Unauthorized
from server.config import Config
from server.dashboard import Asset
from server.listen import TcpAddress, UnixAddress
from server.metrics import CONTENT_TYPE, Metrics
from server.origins import Origins
from server.reception import Reception
from server.sign_in import SignIn, TooMany
from server.unix_socket import UnixSocket
from server.web import SUBPROTOCOL, TEXT, Answer, Asked, Web

MAX_MESSAGE = 64 << 20
"""Bytes of one incoming message, fragments together; the peer's limit."""

CLOSE_TIMEOUT = 5.0

RETRY_AFTER = "5"
"""Seconds after which a client that could not come in may try again."""

LAST_WORDS = 60.0
"""Seconds that a client which was too slow has to read why it was left. Little more waits for it than sockets hold."""

HEAD_SECONDS = 10.0
"""Seconds for the head of a request and the reply to it."""

_log = structlog.get_logger(__name__)


class WebSocketDoor:
    """Accepts connections at one address. Whoever may open the file of a socket needs no other credentials."""

    def __init__(
        self,
        address: TcpAddress | UnixAddress,
        config: Config,
        reception: Reception,
        metrics: Metrics,
        sign_in: SignIn,
        assets: Mapping[str, Asset],
    ) -> None:
        self._address = address
        self._config = config
        self._reception = reception
        self._metrics = metrics
        if isinstance(address, UnixAddress):
            self._web = Web(None, SignIn(OpenDoor()), {})
        else:
            self._web = Web(Origins(address.host, config.allow_origin, config.allow_host), sign_in, assets)
        self._arriving: dict[Arrival, None] = {}
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
            "open_timeout": HEAD_SECONDS,
            "server_header": "threadcast",
            "select_subprotocol": _select,
            "create_connection": partial(
                PlainOrUpgraded if isinstance(self._address, UnixAddress) else Arrival, arriving=self._arriving
            ),
        }
        if isinstance(self._address, TcpAddress):
            self._server = await serve(self._talk, self._address.host, self._address.port, **options)
        else:
            self._file = UnixSocket(self._address.path)
            bound = self._file.bind()
            self._server = await unix_serve(self._talk, sock=bound, **options)

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
        try:
            asked = _asked(socket, request)
        except ValueError as error:
            return _reply(HTTPStatus.BAD_REQUEST, f"{error}\n")
        if asked.path in ("/healthz", "/readyz") and not self._web.foreign(asked):
            return self._health(request.method, ready=asked.path == "/readyz")
        answer = self._web.refusal(asked) or self._web.answer(asked)
        if answer is not None:
            return _response(answer)
        if asked.method != "GET":
            return _reply(HTTPStatus.METHOD_NOT_ALLOWED, "Request method must be `GET`\n", allow="GET")
        if asked.path != "/metrics" and not asked.upgrade:
            return _reply(HTTPStatus.BAD_REQUEST, "This address speaks WebSocket; the request asked for no upgrade.\n")
        try:
            grant = self._web.admit(asked)
        except Unauthorized as error:
            _log.info("unauthorized", reason=error.reason, peer=asked.peer)
            return _reply(HTTPStatus.UNAUTHORIZED, error.reason)
        except TooMany as error:
            return _reply(HTTPStatus.TOO_MANY_REQUESTS, f"{error}\n", retry_after=RETRY_AFTER)
        if asked.path == "/metrics":
            return _reply(HTTPStatus.OK, await self._metrics.exposition(), kind=CONTENT_TYPE)
        if (refusal := self._reception.refusal()) is not None:
            return _reply(HTTPStatus.SERVICE_UNAVAILABLE, f"{refusal.reason}\n", retry_after=RETRY_AFTER)
        assert isinstance(socket, Arrival)
        socket.grant = grant
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
        assert isinstance(socket, Arrival)
        await self._reception.serve(_Visitor(socket, self._leaving))


class _Visitor:
    """A client that speaks WebSocket."""

    def __init__(self, socket: Arrival, leaving: set[ServerConnection]) -> None:
        self._connection = socket
        self._leaving = leaving
        self.grant = socket.grant
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


def _asked(socket: ServerConnection, request: Request) -> Asked:
    """What a request says. Raises ValueError for a header that may stand once and stands twice."""
    path, _, query = request.path.partition("?")
    fields = request.headers

    def single(name: str) -> str | None:
        values = fields.get_all(name)
        if len(values) > 1:
            raise ValueError(f"The header `{name}` may stand only once")
        return values[0] if values else None

    protocols = ",".join(fields.get_all("Sec-WebSocket-Protocol")).split(",")
    return Asked(
        method=request.method,
        path=path,
        query=query,
        peer=_peer(socket),
        host=single("Host"),
        origin=single("Origin"),
        authorization=single("Authorization"),
        cookie="; ".join(fields.get_all("Cookie")) or None,
        fetch_site=single("Sec-Fetch-Site"),
        if_none_match=", ".join(fields.get_all("If-None-Match")) or None,
        protocols=[name.strip() for name in protocols if name.strip()],
        upgrade=any("websocket" in value.lower() for value in fields.get_all("Upgrade")),
    )


def _select(_protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours if it is offered, else none: other clients may offer what they like. Never what carries a ticket."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


def _peer(socket: ServerConnection) -> str:
    address: Any = socket.remote_address
    return "unix" if isinstance(address, str | None) else str(address[0])


def _usable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _response(answer: Answer) -> Response:
    fields = Headers({"Connection": "close", **answer.headers})
    length = len(answer.body) if answer.length is None else answer.length
    if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        fields["Content-Length"] = str(length)
    if length and answer.status is not HTTPStatus.NOT_MODIFIED:
        fields["Content-Type"] = answer.kind
    return Response(answer.status.value, answer.status.phrase, fields, answer.body)


def _reply(status: HTTPStatus, text: str | bytes = "", kind: str = TEXT, **headers: str) -> Response:
    body = text.encode() if isinstance(text, str) else text
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _response(Answer(status=status, body=body, kind=kind, headers=named))
