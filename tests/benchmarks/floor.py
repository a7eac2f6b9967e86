"""``python -m tests.benchmarks.floor MODEL COUNT PROMPT``: the least that tells clients what a model says.

When so many clients have come it asks the model, and writes each chunk to all of them as one frame. What a real server
takes longer than this is its own doing; the rest is the system, the event loop and the clients.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import json
import re
import sys
from urllib.parse import urlsplit

import uvloop

_KEY = re.compile(rb"Sec-WebSocket-Key: *(\S+)", re.IGNORECASE)
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STAMP = re.compile(rb'"delta": "(\d+ )"')
_NAME = b"0190d7a0-0000-7000-8000-000000000000"
_DELTA = b'{"method":"item/agentMessage/delta","params":{"threadId":"%b","turnId":"%b","itemId":"msg_1","delta":"%b"}}'
_END = b'{"method":"turn/completed","params":{}}'


class _Client(asyncio.Protocol):
    """Upgraded at once; what it says afterwards is not read."""

    def __init__(self, joined: list[asyncio.Transport], come: asyncio.Semaphore) -> None:
        self._joined = joined
        self._come = come
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's are no instances of it

    def data_received(self, data: bytes) -> None:
        if (key := _KEY.search(data)) is None:
            return
        accept = base64.b64encode(hashlib.sha1(key[1] + _MAGIC).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
        )
        self._joined.append(self._transport)
        self._come.release()


class _Model(asyncio.Protocol):
    """Tells each chunk in the callback in which it came."""

    def __init__(self, joined: list[asyncio.Transport], request: bytes, ended: asyncio.Event) -> None:
        self._joined = joined
        self._request = request
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        for stamp in _STAMP.findall(data):
            self._tell(_DELTA % (_NAME, _NAME, stamp))
        if b'"response.completed"' in data:
            self._tell(_END)
            self._ended.set()

    def _tell(self, payload: bytes) -> None:
        size = len(payload)
        frame = (bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2)) + payload
        for transport in self._joined:
            transport.write(frame)


async def _serve(model: str, count: int, prompt: str) -> None:
    joined: list[asyncio.Transport] = []
    come, ended = asyncio.Semaphore(0), asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(joined, come), "127.0.0.1", 0)
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    for _ in range(count):
        await come.acquire()
    body = json.dumps({"input": [{"type": "message", "role": "user", "content": [{"text": prompt}]}]}).encode()
    address = urlsplit(model)
    assert address.hostname is not None
    assert address.port is not None
    request = b"POST %b/responses HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (address.path.encode(), len(body), body)
    await loop.create_connection(lambda: _Model(joined, request, ended), address.hostname, address.port)
    await ended.wait()
    await asyncio.Event().wait()


if __name__ == "__main__":
    gc.disable()
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
