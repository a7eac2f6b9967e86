"""All doors of the server, opened and closed together. Knows which kind of door belongs to an address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

from protocol.errors import GOING_AWAY
from server.authenticator import open_authenticator
from server.config import Config
from server.connection import Connection
from server.dashboard import read_assets
from server.listen import ListenAddress, StdioAddress, TcpAddress
from server.metrics import Metrics
from server.reception import Receiver, Reception
from server.sign_in import SignIn
from server.stdio import StdioDoor
from server.websocket import WebSocketDoor

REFRESH_SECONDS = 1.0
"""Seconds between two looks at the files that hold credentials."""


class Door(Protocol):
    """One way in."""

    @property
    def url(self) -> str:
        """What a client is to be told, once the door is open."""
        ...

    async def open(self) -> None:
        """Let clients in. Raises OSError."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Let nobody in; end every connection with this code and reason."""
        ...


class Listener:
    """Accepts connections at every address of the configuration. ``on_end`` is called when the client that started the
    server, the one on standard input, says no more; with whether it still listens."""

    def __init__(
        self,
        config: Config,
        receiver: Receiver,
        on_left: Callable[[Connection], None],
        on_end: Callable[[bool], None],
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._metrics = metrics
        self.reception = Reception(config, receiver, on_left)
        self._on_end = on_end
        # Read at once: a server that cannot check who comes in is not to start.
        self._sign_in = SignIn(open_authenticator(config.auth))
        self._assets = read_assets() if any(isinstance(each, TcpAddress) for each in config.listen) else {}
        self._refreshing: asyncio.Task[None] | None = None
        self._doors = [self._door(address) for address in config.listen]
        self._opened: list[Door] = []

    @property
    def urls(self) -> list[str]:
        """Where clients connect, in the order of the configuration."""
        return [door.url for door in self._opened]

    @property
    def port(self) -> int:
        """The port of the first address that has one; the system's choice when 0 was asked for."""
        bound = (door.bound for door in self._opened if isinstance(door, WebSocketDoor))
        return next(address.port for address in bound if isinstance(address, TcpAddress))

    async def start(self) -> None:
        """Open all doors. Raises OSError, with none of them open."""
        async with AsyncExitStack() as on_failure:
            on_failure.push_async_callback(self.stop, GOING_AWAY, "the server could not start")
            for door in self._doors:
                self._opened.append(door)
                await door.open()
            on_failure.pop_all()
        if self._config.auth.token_file is not None or self._config.auth.shared_secret_file is not None:
            self._refreshing = asyncio.create_task(self._refresh(), name="credentials")

    def drain(self) -> None:
        """Let nobody else in."""
        self.reception.draining = True

    async def stop(self, code: int, reason: str) -> None:
        """Close all doors, and every connection with this code and reason."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        while self._opened:
            await self._opened.pop().close(code, reason)

    async def _refresh(self) -> None:
        """Let changed files of credentials count: who lost theirs is sent away."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            self._sign_in.authenticator.refresh()

    def _door(self, address: ListenAddress) -> Door:
        if isinstance(address, StdioAddress):
            return StdioDoor(self.reception, self._on_end)
        return WebSocketDoor(address, self._config, self.reception, self._metrics, self._sign_in, self._assets)
