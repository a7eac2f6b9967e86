"""A server on standard input and output: what it takes, what it says, when it ends. Spoken to through real pipes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol.frames import Frame
from server.stdio import MAX_LINE, LineOutbox
from tests.server.test_cli import environment, last_event
from tests.support.harness import PATIENCE, Message

ROOT = Path(__file__).resolve().parents[2]
HELLO = {"clientInfo": {"name": "test", "version": "1.0"}}
LONG = 16 << 20
"""Bytes that the reader of a line here is ready for."""


class Spawned:
    """A server that this test has started as its client would."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.input, self.output = process, process.stdin, process.stdout
        self.log: list[Message] = []
        self._last = 0

    def say(self, text: str | bytes) -> None:
        """Write these bytes."""
        self.input.write(text.encode() if isinstance(text, str) else text)

    def ask(self, method: str, params: Any) -> int:
        """Send a request; its id."""
        self._last += 1
        self.say(json.dumps({"id": self._last, "method": method, "params": params}) + "\n")
        return self._last

    async def line(self) -> Message:
        """The next message."""
        async with asyncio.timeout(PATIENCE):
            self.log.append(json.loads(await self.output.readuntil(b"\n")))
        return self.log[-1]

    async def hear(self, method: str) -> Message:
        """The params of the next notification of this method."""
        while (message := await self.line()).get("method") != method:
            pass
        params: Message = message["params"]
        return params

    async def reply(self, request_id: int | None) -> Message:
        """The answer to a request, as it comes."""
        while "method" in (message := await self.line()) or message["id"] != request_id:
            pass
        return message

    async def call(self, method: str, **params: Any) -> Any:
        """Ask, and return the result."""
        return (await self.reply(self.ask(method, params)))["result"]

    async def thread(self) -> str:
        """Shake hands and start a thread; its id."""
        await self.call("initialize", **HELLO)
        thread_id: str = (await self.call("thread/start", cwd="/"))["thread"]["id"]
        return thread_id

    async def turn(self, thread_id: str, text: str) -> str:
        """Begin a turn; its id."""
        content = [{"type": "text", "text": text}]
        turn_id: str = (await self.call("turn/start", threadId=thread_id, input=content))["turn"]["id"]
        return turn_id

    async def ended(self) -> tuple[int, list[Message], str]:
        """Its exit status, the messages that were left, and its standard error.

        A machine with other work makes any loop late; that this is told says nothing of what was done here.
        """
        async with asyncio.timeout(PATIENCE):
            rest, complaint = await self.process.communicate()
        assert self.process.returncode is not None
        told = [line for line in complaint.decode().splitlines(keepends=True) if "loop_blocked" not in line]
        return self.process.returncode, [json.loads(line) for line in rest.splitlines()], "".join(told)


@asynccontextmanager
async def spawned(home: Path, *arguments: str) -> AsyncIterator[Spawned]:
    """A server started in place of ``codex app-server``."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "server", *(arguments or ("app-server",))]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment(home), stdin=pipe, stdout=pipe, stderr=pipe, limit=LONG
    )
    try:
        yield Spawned(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


FLAGS = [
    (),
    ("app-server", "--listen", "stdio://"),
    ("app-server", "--stdio"),
    ("serve", "--listen", "stdio://"),
    ("-c", "model=a", "--enable", "x", "app-server", "-c", "model=b", "--disable", "y", "--session-source", "exec"),
    ("app-server", "--analytics-default-enabled", "--strict-config"),
]


@pytest.mark.parametrize("arguments", FLAGS, ids=" ".join)
async def test_it_runs_a_turn_and_ends_with_its_input(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    async with spawned(tmp_path, *arguments) as server:
        thread = await server.thread()
        turn_id = await server.turn(thread, "Hello")
        assert (await server.hear("turn/completed"))["turn"]["id"] == turn_id
        server.input.write_eof()
        status, rest, said = await server.ended()
        assert (status, rest) == (0, [])
        assert "Traceback" not in said
    assert last_event(tmp_path)["type"] == "task_complete"


async def test_its_standard_error_is_quiet_for_one_who_never_reads_it(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        await server.turn(await server.thread(), "Hello")
        await server.hear("turn/completed")
        server.input.write_eof()
        assert (await server.ended())[2] == ""


async def test_flags_before_the_command_count_and_those_after_it_count_more(tmp_path: Path) -> None:
    for after, model in (((), "before"), (("-c", "model=after"), "after")):
        async with spawned(tmp_path, "-c", "model=before", "app-server", *after) as server:
            await server.call("initialize", **HELLO)
            assert (await server.call("config/read"))["config"]["model"] == model


async def test_what_was_asked_before_the_end_of_input_is_answered(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        hello = server.ask("initialize", HELLO)
        started = server.ask("thread/start", {"cwd": "/"})
        server.input.write_eof()
        status, rest, _ = await server.ended()
    answered = {message["id"] for message in rest if "result" in message}
    assert (status, answered) == (0, {hello, started})


async def test_a_turn_that_runs_at_the_end_of_input_is_let_end(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        turn_id = await server.turn(await server.thread(), "deltas:10:5:20")
        server.input.write_eof()
        status, rest, _ = await server.ended()
    assert status == 0
    told = [message["params"]["turn"] for message in rest if message.get("method") == "turn/completed"]
    assert [(turn["id"], turn["status"]) for turn in told] == [(turn_id, "completed")]


@pytest.mark.parametrize("first_the_end_of_input", [True, False])
async def test_a_signal_ends_it_at_once_and_the_rollout_is_whole(tmp_path: Path, first_the_end_of_input: bool) -> None:
    async with spawned(tmp_path) as server:
        await server.turn(await server.thread(), "deltas:1000000:1:20")
        await server.hear("item/agentMessage/delta")
        if first_the_end_of_input:
            server.input.write_eof()
        server.process.send_signal(signal.SIGTERM)
        status, _, said = await server.ended()
        assert (status, "Traceback" in said) == (0, False)
    assert last_event(tmp_path)["type"] == "turn_aborted"


async def test_closed_output_ends_it_and_the_rollout_is_whole(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "app-server"),
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=pipe,
        stdout=writing,
        stderr=pipe,
    )
    os.close(writing)
    assert process.stdin is not None
    with os.fdopen(reading, "rb") as output:
        for request in ({"id": 1, "method": "initialize", "params": HELLO}, THREAD):
            process.stdin.write(json.dumps(request).encode() + b"\n")
        answers = [json.loads(await asyncio.to_thread(output.readline)) for _ in range(2)]
        thread = next(answer["result"]["thread"]["id"] for answer in answers if answer.get("id") == 2)
        turn = {"threadId": thread, "input": [{"type": "text", "text": "deltas:1000000:1:20"}]}
        process.stdin.write(json.dumps({"id": 3, "method": "turn/start", "params": turn}).encode() + b"\n")
        while json.loads(await asyncio.to_thread(output.readline)).get("method") != "item/agentMessage/delta":
            pass
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert (process.returncode, b"Traceback" in said) == (0, False)
    assert last_event(tmp_path)["type"] == "turn_aborted"


THREAD = {"id": 2, "method": "thread/start", "params": {"cwd": "/"}}
BAD = [
    (b"garbage\n", "not JSON"),
    (b"{\n", "not JSON"),
    (b'"\xff\xfe"\n', "not JSON"),
    (b"\0\n", "not JSON"),
    (b"[1]\n", "Invalid request"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
async def test_a_bad_line_is_refused_and_the_next_one_served(tmp_path: Path, line: bytes, reason: str) -> None:
    async with spawned(tmp_path) as server:
        server.say(line)
        answer = await server.line()
        assert (answer["id"], answer["error"]["code"]) == (None, -32600)
        assert reason in answer["error"]["message"]
        await server.call("initialize", **HELLO)


async def test_empty_lines_and_carriage_returns_are_nothing(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        server.say(b"\n \r\n" + json.dumps({"id": 1, "method": "initialize", "params": HELLO}).encode() + b"\r\n")
        assert (await server.line())["id"] == 1


async def test_a_line_that_comes_in_pieces_is_one_message(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        for piece in b'{"id":1,"method":"ini', b'tialize","params":', json.dumps(HELLO).encode(), b"}\n":
            server.say(piece)
            await server.input.drain()
        assert (await server.line())["id"] == 1


async def test_half_a_line_at_the_end_of_input_is_refused_and_the_end_is_orderly(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        await server.call("initialize", **HELLO)
        server.say('{"id":2,"method":"thread/li')
        server.input.write_eof()
        status, rest, _ = await server.ended()
    assert (status, [message["id"] for message in rest]) == (0, [None])


async def test_a_line_without_its_end_is_taken_if_it_is_whole(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        server.say(json.dumps({"id": 1, "method": "initialize", "params": HELLO}))
        server.input.write_eof()
        status, rest, _ = await server.ended()
    assert (status, rest[0]["id"]) == (0, 1)


async def test_a_long_line_is_taken_and_one_over_the_limit_refused(tmp_path: Path) -> None:
    async with spawned(tmp_path) as server:
        name = {"clientInfo": {"name": "x" * (8 << 20), "version": "1.0"}}
        assert len((await server.call("initialize", **name))["userAgent"]) > 8 << 20
        for _ in range(MAX_LINE >> 20):
            server.say(b"x" * (1 << 20))
            await server.input.drain()
        server.say(b"x\n")
        answer = await server.line()
        assert (answer["id"], answer["error"]["code"]) == (None, -32600)
        assert (await server.call("thread/loaded/list"))["data"] == []


async def test_a_reader_that_pauses_gets_every_message_whole(tmp_path: Path) -> None:
    async with spawned(tmp_path, "app-server", "--outbox-limit", "100000000") as server:
        thread = await server.thread()
        server.ask("turn/start", {"threadId": thread, "input": [{"type": "text", "text": "deltas:3000:900:0"}]})
        server.input.write_eof()  # nothing has been read of what is far more than a pipe holds
        status, rest, complaint = await server.ended()
    assert (status, complaint) == (0, "")
    said = [message["params"]["delta"] for message in rest if message.get("method") == "item/agentMessage/delta"]
    assert sum(map(len, said)) >= 3000 * 900


async def test_a_reader_that_takes_too_little_ends_the_server_as_it_would_end_a_connection(tmp_path: Path) -> None:
    async with spawned(tmp_path, "app-server", "--outbox-limit", "100000") as server:
        thread = await server.thread()
        output = server.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        output.pause_reading()
        server.ask("turn/start", {"threadId": thread, "input": [{"type": "text", "text": "deltas:100000:900:1"}]})
        assert server.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            assert b"too slow" in await server.process.stderr.readline()
            output.resume_reading()  # or its end would not be seen
            assert await server.process.wait() == 0
    assert last_event(tmp_path)["type"] == "turn_aborted"


class _Taken:
    """A socket that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def is_open(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        self.written += data

    def write_parts(self, parts: list[bytes]) -> None:
        self.written += b"".join(parts)

    def unsent(self) -> int:
        return 0

    def is_full(self) -> bool:
        return False

    async def drain(self) -> None:
        pass


async def test_a_message_is_one_line_for_every_kind_of_reader() -> None:
    socket = _Taken()
    outbox = LineOutbox(socket, limit=1000, deadline=1, on_stuck=lambda _: None)
    value = {"text": "a\u2028b\u2029c\x85d"}
    text = json.dumps(value, ensure_ascii=False).replace(":", ":\r\n").encode()
    outbox.put(Frame(text[:5], [text[5:]]))
    outbox.put(Frame(b"{}"))
    await asyncio.sleep(0)
    first, second, end = socket.written.split(b"\n")
    assert (json.loads(first), second, end) == (value, b"{}", b"")
    assert not any(mark.encode() in first for mark in "\r\u2028\u2029")
