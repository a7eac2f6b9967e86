"""The load client: as little work per frame as Python allows, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, TypeVar

import msgspec
import picows

from tests.support.model import FILLER

PATIENCE = 120.0
"""Seconds that a reply or an event may take."""

_FILLER = FILLER.encode()
_DELTA = b'"item/agentMessage/delta"'
_MAX_FRAME = 1 << 30

Message = dict[str, Any]


class LoadError(Exception):
    """A server refused what it must do, or hung up."""


class Connection(picows.WSListener):
    """One client. ``filler``: characters of bursts that came. ``replied_at``: when the last reply came."""

    def __init__(self) -> None:
        self.filler = 0
        self.replied_at = 0.0
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._awaited: dict[str, asyncio.Future[float]] = {}
        self._transport: picows.WSTransport | None = None
        self._closed = False

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if _DELTA in payload[:64]:
            if (begin := payload.find(_FILLER)) >= 0:  # one run of them; to count each would take long
                self.filler += payload.rfind(_FILLER) - begin + 1
            return
        self.hear(time.perf_counter(), msgspec.json.decode(payload))

    def hear(self, now: float, message: Message) -> None:
        """Take in what came at this time and is no delta."""
        waiting = self._awaited.pop(message["method"], None) if "method" in message else None
        if waiting is not None and not waiting.done():
            waiting.set_result(now)
        elif "method" not in message and (reply := self._replies.pop(message["id"], None)) and not reply.done():
            self.replied_at = now
            reply.set_result(message)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._closed = True
        waiting: list[asyncio.Future[Any]] = [*self._replies.values(), *self._awaited.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(LoadError("the server hung up"))

    async def call(self, method: str, **params: Any) -> Message:
        """Ask and wait for the result."""
        request_id = next(self._ids)
        self._replies[request_id] = reply = asyncio.get_running_loop().create_future()
        self._send({"id": request_id, "method": method, "params": params})
        answer = await asyncio.wait_for(reply, PATIENCE)
        if "error" in answer:
            raise LoadError(f"{method}: {answer['error']}")
        result: Message = answer["result"]
        return result

    def expect(self, method: str) -> asyncio.Future[float]:
        """When the next notification of this method comes."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(LoadError("the server hung up"))
        else:
            self._awaited[method] = future
        return future

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.disconnect()

    def _send(self, message: Message) -> None:
        if self._transport is None or self._closed:
            raise LoadError("the server hung up")
        self._transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(message))


C = TypeVar("C", bound=Connection)


async def connect(url: str) -> Connection:
    """A connection after its handshake."""
    return await connect_as(Connection, url)


async def connect_as(kind: type[C], url: str) -> C:
    """The same of another kind."""
    _, connection = await picows.ws_connect(kind, url, max_frame_size=_MAX_FRAME)
    assert isinstance(connection, kind)
    await connection.call("initialize", clientInfo={"name": "bench", "title": None, "version": "1"}, capabilities={})
    connection._send({"method": "initialized"})
    return connection


async def start_thread(connection: Connection, **params: str) -> str:
    """A new thread with one turn behind it, so that it has a rollout; returns its id."""
    started = await connection.call("thread/start", cwd="/", **params)
    thread_id: str = started["thread"]["id"]
    await run_turn(connection, thread_id, "hello")
    return thread_id


async def run_turn(connection: Connection, thread_id: str, text: str) -> None:
    """One turn to its end."""
    done = connection.expect("turn/completed")
    await connection.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": text}])
    await asyncio.wait_for(done, PATIENCE)
