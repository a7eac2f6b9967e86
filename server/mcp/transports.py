"""The two ways to an MCP server: a command of ours below a warden, and streamable HTTP. Knows no method of MCP.

The SDK has a way to commands as well; ours is used because its commands end with everything that they began, also when
this server is killed, because it drains standard error, and because what is no message costs a line in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx2
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from server.commands.child import Child, Launch
from server.commands.output import decode
from server.commands.stream import Reading
from server.mcp.connection import Place
from server.mcp.settings import ServerSettings

GRACE = 1.0
"""Seconds that a command has to end when its input ends, and again when it is asked to."""

MOST_BYTES = 64 * 1024 * 1024
"""Of one message; a server that says more without an end of line is left."""

TAIL = 2048
"""Bytes of standard error that are kept."""

TOLD = 20
"""Lines of standard error, and of what is no message, that go to the log for one start."""

_log = structlog.get_logger(__name__)

Incoming = SessionMessage | Exception


class Streams(NamedTuple):
    """Messages from and to a server. ``ended`` is set when it will say no more."""

    reads: ReadStream[Incoming]
    writes: WriteStream[SessionMessage]
    ended: asyncio.Event


class Unheard:
    """What a server tells outside of messages: the end of its standard error, the HTTP status of a refusal."""

    def __init__(self) -> None:
        self.status: int | None = None
        self._tail = bytearray()

    @property
    def failure(self) -> str | None:
        """What the last answer over HTTP says, if it was a refusal."""
        return None if self.status is None else f"it answered with HTTP status {self.status}"

    def take(self, said: bytes) -> None:
        """Keep the end of what it says on standard error."""
        self._tail += said
        del self._tail[:-TAIL]

    def last_words(self) -> str:
        """The last line of standard error, as the end of a sentence; empty if there is none."""
        lines = decode(bytes(self._tail)).strip().splitlines()
        return f"; it said: {lines[-1][:200]}" if lines else ""


def transport(settings: ServerSettings, place: Place, unheard: Unheard) -> AbstractAsyncContextManager[Streams]:
    """A way to this server, which is there until the end of the block. Raises what says why there is none:
    :class:`~server.commands.child.SpawnError` or :class:`~server.errors.ConfigError`."""
    return _command(settings, place, unheard) if settings.url is None else _http(settings, place, unheard)


@asynccontextmanager
async def _http(settings: ServerSettings, place: Place, unheard: Unheard) -> AsyncGenerator[Streams]:
    ended = asyncio.Event()

    async def look(response: httpx2.Response) -> None:
        if response.request.method != "POST":
            return
        unheard.status = response.status_code if response.status_code >= 400 else None
        if response.status_code == 404 and "mcp-session-id" in response.request.headers:
            ended.set()  # the session is no more; the next use begins another

    patience = httpx2.Timeout(settings.startup_timeout_sec, read=max(300.0, settings.tool_timeout_sec))
    headers, hooks = settings.headers(place.environ), {"response": [look]}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=patience, event_hooks=hooks) as client,
        streamable_http_client(settings.url or "", http_client=client) as (reads, writes),
    ):
        yield Streams(reads, writes, ended)


@asynccontextmanager
async def _command(settings: ServerSettings, place: Place, unheard: Unheard) -> AsyncGenerator[Streams]:
    launch = Launch(
        argv=[settings.command or "", *settings.args],
        cwd=str(Path(place.cwd, settings.cwd or "")),
        env=settings.environment(place.environ),
    )
    child = await _begun(launch)
    news, reads = anyio.create_memory_object_stream[Incoming](0)
    writes, orders = anyio.create_memory_object_stream[SessionMessage](0)
    ended = asyncio.Event()
    pumps = [
        asyncio.create_task(_hear(child.stdout, news, ended, settings.name)),
        asyncio.create_task(_say(child, orders)),
        asyncio.create_task(_drain(child.stderr, unheard, settings.name)),
    ]
    try:
        yield Streams(reads, writes, ended)
    finally:
        # In a task of its own: who is cancelled twice still leaves nothing behind.
        await asyncio.shield(asyncio.create_task(_end(child, pumps)))
        for stream in (news, reads, writes, orders):
            stream.close()


async def _begun(launch: Launch) -> Child:
    """The running command; one that is no longer wanted when it has begun is ended."""
    beginning = asyncio.create_task(Child.start(launch, stdin=True))
    child: Child | None = None
    try:
        child = begun = await asyncio.shield(beginning)
        return begun
    finally:
        if child is None:
            await asyncio.wait({beginning})
            if beginning.exception() is None:
                await beginning.result().close()


async def _end(child: Child, pumps: Sequence[asyncio.Task[None]]) -> None:
    """Let it end by itself, ask it to, and end it and all that it began."""
    if child.stdin is not None:
        child.stdin.close()
    waiting = asyncio.create_task(child.wait())
    await asyncio.wait({waiting}, timeout=GRACE)
    if not waiting.done():
        await child.terminate(GRACE)
    await child.close()
    waiting.cancel()
    for pump in pumps:
        pump.cancel()
    await asyncio.wait({waiting, *pumps})


async def _hear(stdout: Reading, news: MemoryObjectSendStream[Incoming], ended: asyncio.Event, name: str) -> None:
    rest, strange = bytearray(), 0
    try:
        while (more := await stdout.read()) and len(rest) <= MOST_BYTES:
            rest += more
            *lines, rest = rest.split(b"\n") if b"\n" in more else (rest,)
            for line in lines:
                if (message := _message(line)) is not None:
                    await news.send(message)
                elif line.strip():
                    strange += 1
                    _note("mcp_server_no_message", name, line, strange)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # nobody listens any more
    finally:
        news.close()
        ended.set()


def _message(line: bytearray) -> SessionMessage | None:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(bytes(line), by_name=False))
    except ValueError:
        return None


async def _say(child: Child, orders: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert child.stdin is not None
    async for order in orders:
        text = order.message.model_dump_json(by_alias=True, exclude_unset=True)
        await child.stdin.write(text.encode() + b"\n")


async def _drain(stderr: Reading | None, unheard: Unheard, name: str) -> None:
    assert stderr is not None
    count = 0
    while said := await stderr.read():
        unheard.take(said)
        for line in said.splitlines():
            count += 1
            _note("mcp_server_stderr", name, line, count)


def _note(event: str, name: str, line: bytes | bytearray, number: int) -> None:
    """Log a line, unless there were too many."""
    if number <= TOLD:
        said: dict[str, Any] = {"last": True} if number == TOLD else {}
        _log.info(event, server=name, line=decode(bytes(line[:500])), **said)
