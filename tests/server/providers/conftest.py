"""A model server of a few lines: it records requests and answers with what a test put into its queue."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """One request as it arrived; header names in lower case."""

    target: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ModelServer:
    """Answers each request with the next of ``answers``; counts its connections."""

    port: int = 0
    requests: list[Seen] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/"

    def reply(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append(Seen(first.split(" ")[1], headers, body))
        self.asked.set()
        await self.answers.popleft()(writer)
        return not writer.is_closing()


def sse(*events: dict[str, Any] | bytes, headers: str = "", end: str = "finish") -> Answer:
    """Stream these events (bytes go out as they are). ``end``: finish the answer, cut the connection, or hang."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        fixed = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{fixed}{headers}\r\n".encode())
        for event in events:
            text = event if isinstance(event, bytes) else event_bytes(event)
            writer.write(b"%x\r\n%s\r\n" % (len(text), text))
            await writer.drain()
        if end == "hang":
            await asyncio.Event().wait()
        if end == "cut":
            writer.close()
        else:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    return answer


def event_bytes(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def refusal(status: str, body: dict[str, Any] | str = "", headers: str = "") -> Answer:
    """Answer with this status line and body."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n{headers}\r\n".encode() + text)
        await writer.drain()

    return answer


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    found = ModelServer()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(found.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    listening.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
