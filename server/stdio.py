"""The door for one client that started this server: a JSON message a line on standard input and output.

Two threads read and write, so that pipes, files and terminals all do, and none of them is made non-blocking for the
processes that share it. Knows no method and no thread of a conversation.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from protocol.errors import Disconnect
from protocol.frames import Frame
from server.grant import Grant
from server.outbox import Outbox
from server.reception import Reception

MAX_LINE = 64 << 20
"""Bytes of one incoming line; as much as a message may have over WebSocket."""

ENOUGH = 64 << 10
"""Bytes that may wait for the reader of standard output before the outbox is asked to wait."""

LAST_WORDS = 5.0
"""Seconds that the reader of standard output gets at the end to take what is left."""

_CHUNK = 64 << 10
_LINE_SEPARATOR = "\u2028".encode(), b"\\u2028"
_PARAGRAPH_SEPARATOR = "\u2029".encode(), b"\\u2029"

_log = structlog.get_logger(__name__)


class StdioDoor:
    """Lets in the one client. ``on_end`` is called when it says no more, with whether it still listens."""

    url = "stdio://"

    def __init__(self, reception: Reception, on_end: Callable[[bool], None], source: int = 0, target: int = 1) -> None:
        self._reception = reception
        self._on_end = on_end
        self._source, self._target = source, target
        self._visitor: _Visitor | None = None
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to read and write."""
        self._visitor = _Visitor(self._source, self._target, self._on_end)
        self._serving = asyncio.create_task(self._reception.serve(self._visitor, LineOutbox), name="stdio")

    async def close(self, code: int, reason: str) -> None:
        """Say what is left to say. A client hears of the end by the end of the output alone."""
        if self._visitor is not None and self._serving is not None:
            self._visitor.let_go()
            await self._serving
            await self._visitor.socket.finish()


class LineOutbox(Outbox):
    """An outbox that puts down lines where others put down frames."""

    def _write(self, frames: list[Frame]) -> int:
        data = b"".join([_line(frame) for frame in frames])
        self._socket.write(data)
        return len(data)


def _line(frame: Frame) -> bytes:
    """The JSON text of a frame and a line feed. Line ends inside the text, which may stand between its tokens, become
    spaces. Some readers take the Unicode separators for line ends as well; these can only stand in a string, and are
    escaped there."""
    return _on_one_line(frame.payload) + b"\n"


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"  # refused as what it is: no JSON


def _on_one_line(text: bytes) -> bytes:
    for separator in b"\n", b"\r":
        text = text.replace(separator, b" ")
    return text.replace(*_LINE_SEPARATOR).replace(*_PARAGRAPH_SEPARATOR)


class _Visitor:
    """The client at the other end of standard input and output."""

    peer = "stdio"
    code = None

    def __init__(self, source: int, target: int, on_end: Callable[[bool], None]) -> None:
        self.grant = Grant()
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(16)
        self._let_go = self._loop.create_future()
        self.socket = _Output(target, self._lost)

    def let_go(self) -> None:
        """The server ends: there is nothing more to wait for, and what is left to say is said at once."""
        self.socket.ends = True
        if not self._let_go.done():
            self._let_go.set_result(None)
            self._lines.put_nowait(None)

    async def read(self, take: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Give on each line. What was said is answered although nothing more comes, so this waits for the server."""
        threading.Thread(target=self._read_lines, name="stdin", daemon=True).start()
        while (line := await self._lines.get()) is not None:
            self._room.release()
            if text := line.strip():
                await take(_decoded(text))
        if not self._let_go.done():
            self._on_end(True)
            await self._let_go

    async def disconnect(self, order: Disconnect) -> None:
        """Nothing can be told to one who takes nothing, and the server has no other reason to go on."""
        self.socket.give_up()
        self._on_end(False)

    def _lost(self) -> None:
        _log.info("output_closed")
        self._on_end(False)

    # -- in a thread of its own --------------------------------------------------------------------------------------

    def _read_lines(self) -> None:
        held: list[bytes] = []
        size = 0
        while chunk := self._read_chunk():
            *ended, rest = chunk.split(b"\n")
            for piece in ended:
                self._give_line(held, size, piece)
                held, size = [], 0
            size += len(rest)
            if rest and size <= MAX_LINE:
                held.append(rest)
        self._give_line(held, size, b"")
        self._give(None)

    def _read_chunk(self) -> bytes:
        with suppress(OSError):
            return os.read(self._source, _CHUNK)
        return b""

    def _give_line(self, held: list[bytes], size: int, piece: bytes) -> None:
        if size + len(piece) > MAX_LINE:
            # Refused as what it is, in place: a message that is no JSON.
            held, piece = [], b"a line of %d bytes, which is more than a message may have" % (size + len(piece))
        self._give(b"".join([*held, piece]))

    def _give(self, line: bytes | None) -> None:
        self._room.acquire()
        with suppress(RuntimeError):  # the loop is gone: the server has ended meanwhile
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


class _Output:
    """Standard output as an outbox sees it."""

    def __init__(self, target: int, on_lost: Callable[[], None]) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._waiting: deque[bytes] = deque()
        self._unsent = 0
        self._lost = False
        self.ends = False
        """Nothing comes after this, so there is no use in asking for a pause."""
        self._news = threading.Condition()
        self._taken = asyncio.Event()
        threading.Thread(target=self._write_all, name="stdout", daemon=True).start()

    def is_open(self) -> bool:
        return not self._lost

    def write(self, data: bytes) -> None:
        with self._news:
            self._waiting.append(data)
            self._unsent += len(data)
            self._news.notify()

    def write_parts(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def unsent(self) -> int:
        return self._unsent

    def is_full(self) -> bool:
        return self._unsent > ENOUGH and not self.ends

    async def drain(self) -> None:
        await self._below(ENOUGH)

    async def finish(self) -> None:
        """Return when all is written, or the reader has taken nothing more for too long."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(LAST_WORDS):
                await self._below(0)

    def give_up(self) -> None:
        """Write no more; a write that hangs is left alone."""
        self._lost = True

    async def _below(self, size: int) -> None:
        while self._unsent > size:
            if self._lost:
                raise ConnectionResetError("standard output is closed")
            self._taken.clear()
            await self._taken.wait()

    def _fail(self) -> None:
        self._lost = True
        self._taken.set()
        self._on_lost()

    # -- in a thread of its own --------------------------------------------------------------------------------------

    def _write_all(self) -> None:
        with suppress(RuntimeError):  # the loop is gone: the server has ended meanwhile
            try:
                while True:
                    self._write(self._next())
            except OSError:
                self._loop.call_soon_threadsafe(self._fail)

    def _next(self) -> bytes:
        with self._news:
            while not self._waiting:
                self._news.wait()
            return self._waiting.popleft()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._target, view[:_CHUNK])
            view = view[written:]
            with self._news:
                self._unsent -= written
            self._loop.call_soon_threadsafe(self._taken.set)
