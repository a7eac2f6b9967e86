"""Request -> handler -> reply. The one place where an exception becomes a wire error; knows no single method."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from protocol import frames
from protocol.dialects.shape import Unsayable, meant, shaped
from protocol.dialects.versions import Version
from protocol.errors import OVERLOADED, Disconnect, ErrorBody, RpcError, forbidden, internal_error, invalid_request
from protocol.jsonrpc import Error, Notification, Request, RequestId, Response, parse
from protocol.method import OF_CLIENT, Method
from protocol.methods import INITIALIZE
from protocol.wire import UNSET
from server.connection import Connection
from server.order import Lanes

if TYPE_CHECKING:
    from server.app import App

P = TypeVar("P")
R = TypeVar("R")

_log = structlog.get_logger(__name__)

_TOO_MANY = RpcError(OVERLOADED, "too many requests of this connection are open; wait for replies and try again")


@dataclass
class Call:
    """One request being served: who asks, and the server it asks."""

    app: App
    connection: Connection
    after_reply: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def then(self, action: Callable[[], None]) -> None:
        """Run ``action`` right after the reply went into the outbox, with nothing in between. Not run on failure."""
        self.after_reply.append(action)


Handler = Callable[[Call, P], Awaitable[R]]


@dataclass(frozen=True)
class Route(Generic[P, R]):
    """A method and the function that serves it."""

    method: Method[P, R]
    serve: Handler[P, R]


def handles(method: Method[P, R]) -> Callable[[Handler[P, R]], Route[P, R]]:
    """Tag a handler with its method. It is served only once it stands in ``ROUTES``."""

    def tag(serve: Handler[P, R]) -> Route[P, R]:
        return Route(method, serve)

    return tag


class Dispatcher:
    """Takes messages off connections, runs handlers in their lanes, sends replies."""

    def __init__(self, app: App, routes: Iterable[Route[Any, Any]]) -> None:
        self._app = app
        self._routes = {route.method.name: route for route in routes}
        self._lanes = Lanes()
        self._running: set[asyncio.Task[None]] = set()

    def receive(self, connection: Connection, text: str | bytes) -> None:
        """Take one message. Requests are answered later, on this connection; notifications are ignored."""
        try:
            if isinstance(text, bytes):
                raise invalid_request("Invalid request: binary frames are not supported")
            message = parse(text)
        except RpcError as error:
            _log.warning("message_refused", connection=connection.number, error=str(error))
            connection.send(frames.error(None, error.body))
            return
        if isinstance(message, Request):
            self._begin(connection, message, len(text))
        elif not isinstance(message, Notification):
            self._answer(connection, message)

    def _answer(self, connection: Connection, message: Response | Error) -> None:
        try:
            self._app.questions.answer(connection, message)
        except RpcError as error:  # an answer has no reply, so this has no id
            connection.send(frames.error(None, error.body))

    async def drain(self) -> None:
        """Wait for the requests being served."""
        while self._running:
            await asyncio.wait(self._running)

    def _begin(self, connection: Connection, request: Request, size: int) -> None:
        number = connection.load.begin(size)
        if number is None:
            self._app.metrics.refused_requests += 1
            refusal = frames.error(request.id, _TOO_MANY.body)
            connection.load.refuse(lambda: connection.send(refusal))
            return
        try:
            route, params = self._decode(connection, request)
        except RpcError as error:
            connection.send(frames.error(request.id, error.body))
            connection.load.end(number)
            return
        task = asyncio.get_running_loop().create_task(self._serve(connection, request.id, route, params))
        self._running.add(task)
        task.add_done_callback(partial(self._end, connection, number))

    def _end(self, connection: Connection, number: int, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        connection.load.end(number)

    def _decode(self, connection: Connection, request: Request) -> tuple[Route[Any, Any], Any]:
        route = self._routes.get(request.method)
        if route is None:
            self._app.metrics.count_unknown(request.method)
            known = ", ".join(f"`{name}`" for name in self._routes)
            raise invalid_request(f"Invalid request: unknown variant `{request.method}`, expected one of {known}")
        if route.method.scope not in connection.scopes:  # who may not ask this need not know what is wrong with it
            raise forbidden(f"`{request.method}`", route.method.scope, connection.scopes)
        params = _decode(route.method, request)
        if (missing := route.method.missing(params, connection.scopes)) is not None:
            raise forbidden(f"`{missing[0]}`", missing[1], connection.scopes)
        return route, params

    async def _serve(self, connection: Connection, request_id: RequestId, route: Route[Any, Any], params: Any) -> None:
        call = Call(self._app, connection)
        try:
            # Not before the task runs: a pipelined request must find the handshake done that was sent ahead of it.
            _admit(connection, route.method, params)
            async with self._lanes.turn(_lane(connection, route.method, params)):
                result = await route.serve(call, meant(params, connection.version))
                # No await from the handler's last step to the last replay: an attach stays in one breath.
                connection.send(frames.response(request_id, shaped(result, connection.version)))
                for action in call.after_reply:
                    action()
                call.after_reply.clear()  # they know the call: whoever asked is not to stay for their sake
        except RpcError as error:
            connection.send(frames.error(request_id, _said(error.body, connection.version)))
        except Disconnect as order:
            connection.disconnect(order)
        except Exception:
            _log.exception("handler_failed", connection=connection.number, method=route.method.name)
            connection.send(frames.error(request_id, internal_error("Internal error").body))


def _lane(connection: Connection, method: Method[P, Any], params: P) -> str | None:
    key = method.order(params)
    return f"{OF_CLIENT} {connection.number}" if key == OF_CLIENT else key


def _said(refusal: ErrorBody, version: Version) -> ErrorBody:
    """The refusal, without details that this version has no words for."""
    try:
        return replace(refusal, data=shaped(refusal.data, version))
    except Unsayable:
        return replace(refusal, data=UNSET)


def _admit(connection: Connection, method: Method[P, Any], params: P) -> None:
    if method is INITIALIZE:
        return
    if not connection.initialized:
        raise invalid_request("Not initialized")
    gate = None if connection.experimental else method.gate(params)
    if gate:
        raise invalid_request(f"{gate} requires experimentalApi capability")


def _decode(method: Method[P, Any], request: Request) -> P:
    raw = bytes(request.params)
    if method.lenient and raw in (b"", b"null"):
        raw = b"{}"
    if raw in (b"", b"null"):
        raise invalid_request("Invalid request: missing field `params`")
    try:
        return method.decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid_request(f"Invalid request: {error}") from None
