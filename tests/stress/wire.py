"""A client made of bytes: it reads only when it is asked to, and may say anything. Owns no opinion of what it hears.

Cheaper than the client of the conversations, so that there can be many, and it can do what a library would prevent:
stop reading, hang up in the middle of a frame, cut its bytes anywhere. Every wait is bounded.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from protocol.dialects.versions import EXTENSION as VERSION
from protocol.sequence import EXTENSION as NUMBERS

PATIENCE = 20.0
"""Seconds that any wait may take: many clients share a machine that has other work."""

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

Message = dict[str, Any]


OPEN: set[Wire] = set()
"""All that were not hung up yet."""


class Closed(Exception):
    """The server ended the connection: with a close frame, or without (``code`` is then None)."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True, mask: bytes = bytes(4)) -> bytes:
    """One frame as a client sends it."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    else:
        length = struct.pack("!BH", 0x80 | 126, size) if size < 1 << 16 else struct.pack("!BQ", 0x80 | 127, size)
    masked = payload if mask == bytes(4) else bytes(a ^ b for a, b in zip(payload, itertools.cycle(mask), strict=False))
    return bytes((fin << 7 | opcode,)) + length + mask + masked


def said(message: Any) -> bytes:
    """The frame of a message."""
    return frame(json.dumps(message).encode())


class Wire:
    """One connection. ``log`` holds what was read so far."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.log: list[Message] = []
        self._reader, self._writer = reader, writer
        OPEN.add(self)
        self._held = bytearray()
        self._ids = itertools.count(1)

    @classmethod
    async def connect(cls, url: str | Path, *, buffer: int | None = None) -> Self:
        """A connection to ``ws://HOST:PORT``, or to a socket in the file system, before any word. ``buffer``: bytes
        that the kernel may keep for a client that does not read."""
        if isinstance(url, Path):
            return cls(*await asyncio.open_unix_connection(str(url)))
        host, port = address(url)
        made = socket.socket()
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (host, port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(*await asyncio.open_connection(sock=made, limit=1 << 14))

    async def upgrade(self) -> None:
        """Begin to speak WebSocket."""
        self.send(UPGRADE)
        await self.upgraded()

    async def upgraded(self) -> None:
        """Read the answer to an upgrade."""
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head.splitlines()[0]

    async def hello(self, version: str = "0.169.0", *, numbered: bool = False, name: str = "stress") -> None:
        """The handshake of the protocol."""
        extensions: Message = {VERSION: version} | ({NUMBERS: True} if numbered else {})
        capabilities = {"experimentalApi": True, "extensions": extensions}
        await self.call("initialize", clientInfo={"name": name, "version": "1"}, capabilities=capabilities)

    @classmethod
    async def client(cls, url: str | Path, *, buffer: int | None = None, **options: Any) -> Self:
        """A connection after both."""
        wire = await cls.connect(url, buffer=buffer)
        await wire.upgrade()
        await wire.hello(**options)
        return wire

    # -- saying ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write these bytes, whatever they are."""
        self._writer.write(data)

    def post(self, method: str, **params: Any) -> int:
        """Ask and do not wait; the id of the request."""
        number = next(self._ids)
        self.send(said({"id": number, "method": method, "params": params}))
        return number

    async def call(self, method: str, **params: Any) -> Message:
        """Ask and wait for the result."""
        answer = await self.reply(self.post(method, **params))
        assert "result" in answer, answer
        result: Message = answer["result"]
        return result

    async def drain(self) -> None:
        """Wait until the kernel has taken what was said."""
        async with asyncio.timeout(PATIENCE):
            await self._writer.drain()

    # -- hearing -----------------------------------------------------------------------------------------------------

    async def reply(self, number: int | str) -> Message:
        """Read up to this reply."""
        return await self.until(lambda message: "method" not in message and message.get("id") == number)

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read up to the first message that is wanted. Raises Closed."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(message := await self.hear()):
                pass
        return message

    async def hear(self) -> Message:
        """The next message."""
        while True:
            opcode, payload = await self.hear_frame()
            if opcode == CLOSE:
                raise Closed(int.from_bytes(payload[:2]) or None, payload[2:].decode())
            if opcode == TEXT:
                message: Message = json.loads(payload)
                self.log.append(message)
                return message

    async def hear_frame(self) -> tuple[int, bytes]:
        """The next frame: its kind and what is in it. Raises Closed."""
        async with asyncio.timeout(PATIENCE):
            while (found := self._cut()) is None:
                try:
                    data = await self._reader.read(1 << 16)
                except ConnectionError:
                    data = b""
                if not data:
                    raise Closed(None)
                self._held += data
        return found

    def _cut(self) -> tuple[int, bytes] | None:
        held = self._held
        if len(held) < 2:
            return None
        assert held[0] & 0xF0 == 0x80, "a server's frame is whole and uses no extension"
        extra = {126: 2, 127: 8}.get(held[1], 0)
        size = int.from_bytes(held[2 : 2 + extra]) if extra else held[1]
        if len(held) < 2 + extra + size:
            return None
        payload = bytes(held[2 + extra : 2 + extra + size])
        opcode = held[0] & 0x0F
        del held[: 2 + extra + size]
        return opcode, payload

    # -- going -------------------------------------------------------------------------------------------------------

    async def ended(self) -> Closed:
        """Read up to the end."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.hear()
        except Closed as closed:
            return closed

    def abort(self) -> None:
        """Vanish: the other side gets a reset."""
        made = self._writer.get_extra_info("socket")
        if made is not None and made.family != socket.AF_UNIX:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        OPEN.discard(self)

    async def close(self) -> None:
        """Hang up as one should, and wait for the other side to do so."""
        self.send(frame((1000).to_bytes(2), CLOSE))
        await self.ended()
        self._writer.transport.abort()
        OPEN.discard(self)


def address(url: str) -> tuple[str, int]:
    """Host and port of ``ws://HOST:PORT``."""
    host, port = url.removeprefix("ws://").split(":")
    return host, int(port)


def size_of(name: str, small: int) -> int:
    """How large a test is: ``THREADCAST_STRESS_`` and the name, or small."""
    return int(os.environ.get(f"THREADCAST_STRESS_{name}", small))
