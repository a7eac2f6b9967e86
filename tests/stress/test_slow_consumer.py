"""Slow consumer: one that stops reading costs the others nothing, and itself nothing but the number of pieces."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from server.connection import Connection
from server.providers.scripted import Gate
from tests.stress.streams import answer_with, serving
from tests.stress.transcript import Transcript
from tests.stress.wire import PATIENCE, Closed, Wire, size_of
from tests.support.harness import Server

READERS = 3
TURNS = 3
PIECES = size_of("SLOW_PIECES", 3_000)
LIMIT = 512 << 10
BUFFER = 1 << 14
ROOM = 300
"""Bytes that a waiting notification counts beside its text."""


class Reader:
    """A client that follows one thread and counts."""

    def __init__(self, wire: Wire, thread_id: str) -> None:
        self.wire = wire
        self.known = Transcript(thread_id, numbered=True)

    async def join(self) -> None:
        seen = {} if self.known.seen is None else {"sinceSequence": self.known.seen}
        self.known.resumed(await self.wire.call("thread/resume", threadId=self.known.thread_id, **seen))

    async def read_turn(self) -> None:
        """Read up to the end of a turn."""
        while True:
            message = await self.wire.hear()
            if "method" in message:
                self.known.told(message)
            if message.get("method") == "turn/completed":
                return

    def heard(self) -> list[str]:
        """What must all arrive, in order: neither pieces nor what only matters in its newest form."""
        fewer = ("item/agentMessage/delta", "thread/status", "thread/readState", "thread/tokenUsage", "account")
        methods = [message.get("method", "reply") for message in self.wire.log]
        return [method for method in methods if not method.startswith(fewer)]

    def pieces(self) -> int:
        return sum(message.get("method") == "item/agentMessage/delta" for message in self.wire.log)


async def reader(server: Server, thread_id: str, buffer: int | None = None) -> Reader:
    """One that has joined."""
    joined = Reader(await Wire.client(server.url, numbered=True, buffer=buffer), thread_id)
    await joined.join()
    joined.wire.log.clear()
    return joined


class Waiting:
    """What waits for the client that came last: the most there ever was after something was put there."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = self.most_unsent = 0
        everybody = server.app.subscriptions.everybody()
        self._connection = max(everybody, key=lambda connection: connection.number)
        # Keep the kernel from taking what the client does not read, so that it waits with the server.
        transport = self._connection._outbox._socket._socket.transport  # type: ignore[attr-defined]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        send = Connection.send

        def sent(connection: Connection, message: Any) -> None:
            send(connection, message)
            if connection is self._connection:
                self._look()

        monkeypatch.setattr(Connection, "send", sent)

    def _look(self) -> None:
        """Bytes in its outbox, as the bound counts them, and in its transport behind that."""
        outbox = self._connection._outbox
        self.most = max(self.most, sum(len(frame) + ROOM for frame in outbox._waiting[1:]))
        self.most_unsent = max(self.most_unsent, outbox._socket.unsent())

    def was_bounded(self) -> bool:
        """What was put down in one write after a pause may wait there while as much gathers behind it."""
        return self.most <= LIMIT * 1.25 and self.most_unsent <= LIMIT * 1.25 + (64 << 10)


async def started(server: Server) -> tuple[Wire, str]:
    """A thread and its author, who does not follow it."""
    author = await Wire.client(server.url)
    thread_id: str = (await author.call("thread/start", cwd="/"))["thread"]["id"]
    await author.call("thread/unsubscribe", threadId=thread_id)
    return author, thread_id


async def say(author: Wire, thread_id: str, text: str) -> None:
    """Begin a turn."""
    await author.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": text}])


async def test_one_that_stops_reading_gets_the_whole_text_in_fewer_pieces_while_others_get_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [f"<{number}>" for number in range(PIECES)]
    async with serving(tmp_path, outbox_limit=LIMIT) as server:
        author, thread_id = await started(server)
        readers = [await reader(server, thread_id) for _ in range(READERS)]
        slow = await reader(server, thread_id, BUFFER)
        waiting = Waiting(server, monkeypatch)
        answer_with(server, lambda _prompt: pieces)
        for turn in range(TURNS):
            await say(author, thread_id, f"turn {turn}")
            await asyncio.gather(*(each.read_turn() for each in readers))
            if turn == 0:
                asked = slow.wire.post("thread/loaded/list")
                await slow.wire.drain()
        slow.known.merged = True
        for _ in range(TURNS):
            await slow.read_turn()
        expected = [[f"turn {turn}", "".join(pieces)] for turn in range(TURNS)]
        assert [each.known.texts for each in (*readers, slow)] == [expected] * (READERS + 1)
        assert [each.pieces() for each in readers] == [PIECES * TURNS] * READERS
        assert slow.pieces() < PIECES * TURNS / 2, "nothing was put together: the client was not slow"
        heard = slow.heard()
        heard.remove("reply")
        assert heard == readers[0].heard()
        ids = [message.get("id") for message in slow.wire.log]
        ends = [at for at, message in enumerate(slow.wire.log) if message.get("method") == "turn/completed"]
        assert ends[0] < ids.index(asked), "the reply passed what was told before it"
        assert waiting.was_bounded()


async def test_more_than_may_wait_ends_the_connection_and_it_comes_back_to_the_exact_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [f"<{number:0998}>" for number in range(LIMIT // 400)]
    stop = Gate()
    async with serving(tmp_path, outbox_limit=LIMIT) as server:
        author, thread_id = await started(server)
        readers = [await reader(server, thread_id) for _ in range(READERS)]
        slow = await reader(server, thread_id, BUFFER)
        waiting = Waiting(server, monkeypatch)
        answer_with(server, lambda _prompt: [*pieces, stop, "the end"])
        await say(author, thread_id, "go")
        reading = [asyncio.create_task(each.read_turn()) for each in readers]
        async with asyncio.timeout(PATIENCE):
            await stop.reached.wait()
        before = slow.known.texts
        closed = await _read_to_the_end(slow)
        assert closed.code == 1013
        assert "reconnect and resume" in closed.reason
        assert before != slow.known.texts
        assert waiting.was_bounded()
        slow.wire = await Wire.client(server.url, numbered=True)
        await slow.join()
        stop.open()
        await asyncio.gather(slow.read_turn(), *reading)
        whole = [["go", "".join(pieces) + "the end"]]
        assert [each.known.texts for each in (*readers, slow)] == [whole] * (READERS + 1)


async def _read_to_the_end(slow: Reader) -> Closed:
    slow.known.merged = True
    try:
        await slow.read_turn()
    except Closed as closed:
        slow.known.merged = False
        return closed
    raise AssertionError("the turn came to its end")
