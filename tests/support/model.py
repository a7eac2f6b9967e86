"""A model server for the Responses API, scripted by the prompt. Owns the script; knows no Codex server.

``deltas:COUNT:SIZE:DELAY_MS`` streams that many deltas of that many characters, ``stamps:COUNT:DELAY_MS`` that many
which say when they were written, in nanoseconds of this machine's monotonic clock. ``tool:NAME:COUNT`` calls a tool so
many times, each in an answer of its own, with the arguments in ``ARGUMENTS``. ``think`` reasons before it answers,
``fail`` ends the response with an error, ``hang`` says one word and then nothing more, ``runs`` calls for a command
first, ``reads:COUNT`` costs so many input tokens, ``plans`` proposes a plan. Anything else gets a short reply that
quotes the prompt.
``python -m tests.support.model`` serves alone and prints its address.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

Event = dict[str, Any]

CHUNK = 65_536
"""Bytes of undelayed deltas that are written at once."""

FILLER = "#"
"""What bursts are made of; hardly anything else on the wire holds it."""

PLAN = ("Here it comes.\n<proposed", "_plan>\n# Paint the bike", "shed\n- Buy *green*", " paint\n</proposed_plan>\n")
"""What is streamed as a proposed plan, piece by piece."""

ARGUMENTS: dict[str, Event] = {
    "update_plan": {"plan": [{"step": "Look", "status": "completed"}, {"step": "Say", "status": "in_progress"}]},
    "exec_command": {"cmd": "true", "login": False},
}
"""What the tools are called with that do nothing to speak of."""

_BURST = re.compile(r"deltas:(\d+):(\d+):(\d+(?:\.\d+)?)")
_STAMPS = re.compile(r"stamps:(\d+):(\d+(?:\.\d+)?)")
_TOOL = re.compile(r"tool:(\w+):(\d+)")
_READS = re.compile(r"reads:(\d+)")
_HEADER = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n%b\r\n"


class ModelServer:
    """Listens on a free port of this machine from ``async with`` on. ``request``: what was asked last,
    ``requests``: a few before it as well."""

    def __init__(self) -> None:
        self.request: Event = {}
        self.requests: deque[Event] = deque(maxlen=16)
        self._ids = itertools.count(1)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 26)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The ``base_url`` of a provider."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while request := await _read_request(reader):
                await self._answer(*request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, target: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if not target.split("?")[0].endswith("/responses"):
            listing = b'{"models":[],"data":[]}'
            writer.write(_HEADER % (b"application/json", b"content-length: %d\r\n" % len(listing)) + listing)
            return await writer.drain()
        self.request = json.loads(body)
        self.requests.append(self.request)
        prompt = _prompt(self.request)
        writer.write(_HEADER % (b"text/event-stream", b"transfer-encoding: chunked\r\n"))
        number = next(self._ids)
        if (tool := _TOOL.search(prompt)) and _answered(self.request) < int(tool[2]):
            pieces = _call(number, tool[1], ARGUMENTS[tool[1]])
        elif "runs" in prompt and not _answered(self.request):
            pieces = _call(number, "shell_command", {"command": "echo done"})
        else:
            pieces = _stream(prompt, number)
        async for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    """The target and the body, or None at the end of the connection."""
    first = await reader.readline()
    if not first:
        return None
    length = 0
    while (line := await reader.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return first.split()[1].decode(), await reader.readexactly(length)


def _prompt(request: Event) -> str:
    """What the user said last."""
    said = [
        part.get("text", "")
        for item in request.get("input", [])
        if item.get("role") == "user" and not isinstance(item.get("content"), str)
        for part in item["content"]
    ]
    return str(said[-1]) if said else ""


async def _stream(prompt: str, number: int) -> AsyncIterator[bytes]:
    message = f"msg_{number}"
    yield _encode({"type": "response.created", "response": {"id": f"resp_{number}"}})
    if "think" in prompt:
        yield b"".join(map(_encode, _reasoning(f"rs_{number}")))
    yield _encode({"type": "response.output_item.added", "item": _message(message, "")})
    if "hang" in prompt:
        yield _encode(_delta(message, "Hm"))
        await asyncio.Event().wait()
    text = ""
    async for piece, written in _text(prompt, message):
        text += written
        yield piece
    if "fail" in prompt:
        error = {"code": "invalid_prompt", "message": "the model was told to fail"}
        yield _encode({"type": "response.failed", "response": {"id": f"resp_{number}", "error": error}})
        return
    done = {"type": "response.output_item.done", "item": _message(message, text)}
    completed = {"type": "response.completed", "response": {"id": f"resp_{number}", "usage": _usage(prompt)}}
    yield _encode(done) + _encode(completed)


async def _call(number: int, name: str, arguments: Event) -> AsyncIterator[bytes]:
    """A response that wants a tool to be called and says nothing."""
    call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name}
    item = call | {"arguments": json.dumps(arguments)}
    yield _encode({"type": "response.created", "response": {"id": f"resp_{number}"}})
    yield _encode({"type": "response.output_item.done", "item": item})
    yield _encode({"type": "response.completed", "response": {"id": f"resp_{number}", "usage": _usage("")}})


def _answered(request: Event) -> int:
    """How many calls have been answered since the user spoke."""
    said = itertools.takewhile(lambda item: item.get("role") != "user", reversed(request["input"]))
    return sum(item["type"] == "function_call_output" for item in said)


async def _text(prompt: str, message: str) -> AsyncIterator[tuple[bytes, str]]:
    """The deltas, encoded and plain, in pieces that are sent at once."""
    if stamps := _STAMPS.search(prompt):
        async for stamped in _stamps(message, int(stamps[1]), float(stamps[2]) / 1000):
            yield stamped
        return
    burst = _BURST.search(prompt)
    if "plans" in prompt:
        for part in PLAN:
            yield _encode(_delta(message, part)), part
        return
    if burst is None:
        for word in ("Noted", ": ", prompt.upper()):
            yield _encode(_delta(message, word)), word
        return
    count, size, delay = int(burst[1]), int(burst[2]), float(burst[3]) / 1000
    once = _encode(_delta(message, FILLER * size))
    step = 1 if delay else max(1, CHUNK // len(once))
    for begin in range(0, count, step):
        amount = min(step, count - begin)
        yield once * amount, FILLER * (size * amount)
        await asyncio.sleep(delay)


async def _stamps(message: str, count: int, delay: float) -> AsyncIterator[tuple[bytes, str]]:
    for _ in range(count):
        await asyncio.sleep(delay)
        stamp = f"{time.monotonic_ns()} "
        yield _encode(_delta(message, stamp)), stamp


def _reasoning(item_id: str) -> Iterator[Event]:
    summary = [{"type": "summary_text", "text": "Weighing the question."}]
    item = {"type": "reasoning", "id": item_id, "summary": [], "encrypted_content": "c2VjcmV0"}
    at = {"item_id": item_id, "summary_index": 0}
    yield {"type": "response.output_item.added", "item": item}
    yield {"type": "response.reasoning_summary_part.added", **at}
    yield {"type": "response.reasoning_summary_text.delta", "delta": summary[0]["text"], **at}
    yield {"type": "response.output_item.done", "item": item | {"summary": summary}}


def _usage(prompt: str) -> Event:
    reads = _READS.search(prompt)
    read = int(reads[1]) if reads else 70
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": read + 20,
    }


def _message(item_id: str, text: str) -> Event:
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "id": item_id, "content": content}


def _delta(item_id: str, text: str) -> Event:
    return {"type": "response.output_text.delta", "item_id": item_id, "delta": text}


def _encode(event: Event) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


async def _serve() -> None:
    async with ModelServer() as server:
        print(server.url, flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
