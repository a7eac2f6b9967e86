"""A proxy that keeps all that a client and a server say to each other. Owns the copy; understands none of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass(frozen=True)
class Said:
    """One message. ``by``: who said it. ``connection`` counts from 1."""

    connection: int
    by: Literal["client", "server"]
    message: dict[str, Any]


@dataclass
class Wiretap:
    """``url``: where clients connect. ``log``: what was said so far, in the order in which it passed."""

    url: str = ""
    log: list[Said] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def tapped(upstream: str) -> AsyncIterator[Wiretap]:
    """A proxy before the server at ``upstream``, until the end of the block."""
    tap = Wiretap()

    async def accept(client: ServerConnection) -> None:
        tap.connections += 1
        number = tap.connections
        async with connect(upstream, max_size=None, compression=None) as server:
            await asyncio.gather(
                _pass_on(client, server, tap, number, "client"), _pass_on(server, client, tap, number, "server")
            )

    async with serve(accept, "127.0.0.1", 0, max_size=None, compression=None) as listener:
        tap.url = f"ws://127.0.0.1:{next(iter(listener.sockets)).getsockname()[1]}"
        yield tap


async def _pass_on(
    source: ServerConnection | ClientConnection,
    target: ServerConnection | ClientConnection,
    tap: Wiretap,
    connection: int,
    by: Literal["client", "server"],
) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in source:
            tap.log.append(Said(connection, by, json.loads(text)))
            await target.send(text)
    await target.close()
