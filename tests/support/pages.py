"""HTTP and WebSocket as a browser speaks them for a page of some origin, and as somebody does who only says so."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.support.harness import PATIENCE, Client, Server

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Reply:
    """An HTTP reply as it came."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.raw = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}

    @property
    def body(self) -> str:
        """As text."""
        return self.raw.decode()

    @property
    def json(self) -> Any:
        """As JSON."""
        return json.loads(self.raw)


async def exchange(server: Server, request: bytes) -> bytes:
    """Send this on a connection of its own; reads until the server ends it."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.app.listener.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer


async def ask(server: Server, method: str, target: str, host: str | None = "localhost", **headers: str) -> Reply:
    """One HTTP request without a body. In names of headers ``_`` stands for ``-``."""
    lines = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else [])]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Reply(await exchange(server, "\r\n".join([*lines, "", ""]).encode()))


def origin_of(server: Server) -> str:
    """That of the server's own page."""
    return server.http


async def ticket(server: Server, token: str, origin: str | None = "own") -> str:
    """A ticket for the bearer of this token."""
    given = origin_of(server) if origin == "own" else origin
    headers = {"Authorization": f"Bearer {token}"} | ({"Origin": given} if given is not None else {})
    reply = await ask(server, "POST", "/session/ticket", host=server.http.removeprefix("http://"), **headers)
    assert reply.status == 200, reply.body
    text: str = reply.json["ticket"]
    return text


async def enter(server: Server, ticket: str | None, origin: str | None = "own", query: str = "") -> Client:
    """A connection as a page opens it, with a ticket. Raises InvalidStatus."""
    offered = ["threadcast", *([f"threadcast.ticket.{ticket}"] if ticket is not None else [])]
    given = origin_of(server) if origin == "own" else origin
    socket = await connect(
        server.url + query,
        compression=None,
        subprotocols=[Subprotocol(name) for name in offered],
        origin=given,  # type: ignore[arg-type]
    )
    assert socket.subprotocol == "threadcast"
    client = Client(socket)
    server._clients.append(client)
    return client


async def refused(server: Server, ticket: str | None, origin: str | None = "own", query: str = "") -> tuple[int, str]:
    """The HTTP status and text with which such a connection is refused."""
    try:
        await enter(server, ticket, origin, query)
    except InvalidStatus as error:
        return error.response.status_code, bytes(error.response.body or b"").decode()
    raise AssertionError("it came in")
