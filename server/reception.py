"""What every door does with a client that came in: gives it a connection and an outbox, and ends it in order.

Knows no socket library, no method and no thread. Who reads the client's messages is said by the door.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Protocol

import structlog

from protocol.errors import GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER, Disconnect
from server.config import Config
from server.connection import Connection
from server.grant import Grant
from server.load import Load
from server.outbox import Outbox, Round, Socket

EXPIRED = "the credential of this connection has expired"

_log = structlog.get_logger(__name__)


class Receiver(Protocol):
    """Who takes the messages: the dispatcher."""

    def receive(self, connection: Connection, text: str | bytes) -> None:
        """Take one message."""
        ...


class Visitor(Protocol):
    """One client at a door."""

    @property
    def socket(self) -> Socket:
        """Where its outbox writes."""
        ...

    @property
    def grant(self) -> Grant:
        """What it may do."""
        ...

    @property
    def peer(self) -> str:
        """Where it comes from, for the log."""
        ...

    @property
    def code(self) -> int | None:
        """The code with which its connection closed, if there is one."""
        ...

    async def read(self, take: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Give on each message, in order, until the client is gone."""
        ...

    async def disconnect(self, order: Disconnect) -> None:
        """End it from this side."""
        ...


class Reception:
    """Gives each message to the receiver in the order in which it came; tells ``on_left`` when a client is gone."""

    def __init__(self, config: Config, receiver: Receiver, on_left: Callable[[Connection], None]) -> None:
        self._limit, self._deadline = config.outbox_limit, config.write_deadline
        self._max_requests, self._max_size = config.max_requests, config.max_request_size
        self._max_connections = config.max_connections
        self._receiver = receiver
        self._on_left = on_left
        self._numbers = count(1)
        self.round = Round()
        self.connections: set[Connection] = set()
        """The clients that are served."""
        self.refused = 0
        """How many clients could not come in."""
        self.draining = False
        """Nobody comes in any more; those who are here are served on."""

    def refusal(self) -> Disconnect | None:
        """Why nobody else can come in now; None if somebody can. Who asks lets nobody in after a reason."""
        if self.draining:
            reason = Disconnect(GOING_AWAY, "the server is shutting down; connect again when the next one is there")
        elif self._max_connections and len(self.connections) >= self._max_connections:
            reason = Disconnect(TRY_AGAIN_LATER, f"all {self._max_connections} connections are taken; try again later")
        else:
            return None
        self.refused += 1
        _log.info("connection_refused", reason=reason.reason)
        return reason

    async def serve(self, visitor: Visitor, kind: type[Outbox] = Outbox) -> None:
        """Serve a client until it leaves or has to. ``kind``: how messages are put down for it."""
        if (refusal := self.refusal()) is not None:
            await visitor.disconnect(refusal)
            return
        ordered: asyncio.Future[Disconnect] = asyncio.get_running_loop().create_future()

        def disconnect(order: Disconnect) -> None:
            if not ordered.done():
                ordered.set_result(order)

        limit, deadline = self._limit, self._deadline
        outbox = kind(visitor.socket, limit=limit, deadline=deadline, on_stuck=disconnect, together=self.round)
        load = Load(self._max_requests, self._max_size)
        connection = Connection(next(self._numbers), outbox, load, disconnect, visitor.grant.scopes)
        self.connections.add(connection)
        let_go = _until_it_ends(visitor.grant, disconnect)
        _log.info("connected", connection=connection.number, peer=visitor.peer)
        reading = asyncio.get_running_loop().create_task(self._read(visitor, connection, outbox))
        try:
            waited: set[asyncio.Future[Any]] = {reading, ordered}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if ordered.done():
                order = ordered.result()
                _log.warning("disconnecting", connection=connection.number, code=order.code, reason=order.reason)
                self._leave(connection)  # it takes a while to end it, and it hears nothing more
                await visitor.disconnect(order)
        finally:
            reading.cancel()
            let_go()
            self._leave(connection)
            _log.info("disconnected", connection=connection.number, code=visitor.code)

    def _leave(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self._on_left(connection)
        connection.close()

    async def _read(self, visitor: Visitor, connection: Connection, outbox: Outbox) -> None:
        async def take(text: str | bytes) -> None:
            self._receiver.receive(connection, text)
            await connection.load.pace()
            await outbox.room()

        await visitor.read(take)


def _until_it_ends(grant: Grant, disconnect: Callable[[Disconnect], None]) -> Callable[[], None]:
    """Disconnect when the grant is revoked or expires. Returns what is to be called when the client is gone before."""

    def on_end(reason: str) -> None:
        disconnect(Disconnect(POLICY_VIOLATION, reason))

    grant.hold(on_end)
    timer: asyncio.TimerHandle | None = None
    if grant.expires is not None:
        remaining = grant.expires - time.time()
        timer = asyncio.get_running_loop().call_later(max(0.0, remaining), on_end, EXPIRED)
    if not grant.stands:
        on_end(EXPIRED)

    def let_go() -> None:
        grant.release(on_end)
        if timer is not None:
            timer.cancel()

    return let_go
