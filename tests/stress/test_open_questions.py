"""Questions that open and close while clients attach and leave, and for a client that does not read."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol.approval import UserInputParams, UserInputQuestion, UserInputResponse
from protocol.asks import USER_INPUT
from server.providers.scripted import Gate
from server.threads.live import LiveThread
from tests.stress.streams import answer_with, serving
from tests.stress.wire import PATIENCE, Message, Wire, size_of
from tests.support.harness import Server

QUESTIONS = size_of("OPEN_QUESTIONS", 120)
MORE = 20
JOINERS = 12
KINDS = [(version, numbered) for version in ("0.125.0", "0.169.0") for numbered in (False, True)]
LIMIT = 512 << 10


class Known:
    """What one client believes: which questions are open. It notices any that it is told of wrongly."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.ever: set[int] = set()
        self.attaching: set[int] | None = None

    def take(self, message: Message) -> None:
        """Take in what was told; right after an attach the open questions come once more."""
        if "method" in message and "id" in message:
            self.ever.add(message["id"])
            self.open.add(message["id"])
        elif message.get("method") == "serverRequest/resolved":
            number = message["params"]["requestId"]
            assert number in self.open, "a question ended that this client was never asked, or twice"
            self.open.remove(number)


async def started(server: Server) -> tuple[Wire, str, LiveThread]:
    """A thread whose maker does not follow it."""
    author = await Wire.client(server.url)
    thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
    await author.call("thread/unsubscribe", threadId=thread_id)
    live = server.app.loaded.get(thread_id)
    assert live is not None
    return author, thread_id, live


def asked(live: LiveThread, text: str = "?") -> asyncio.Task[UserInputResponse]:
    """A question, which waits."""
    question = UserInputQuestion(id="q", header="", question=text)
    params = UserInputParams(thread_id=live.id, turn_id="t", item_id="i", questions=[question])
    return asyncio.create_task(live.ask(USER_INPUT, params))


@asynccontextmanager
async def asking(
    live: LiveThread, chance: random.Random, everybody: asyncio.Event
) -> AsyncIterator[asyncio.Task[None]]:
    """Questions open and close, some by themselves, in any order; a few more when ``everybody`` has attached, and the
    last ones stay open."""

    async def work() -> None:
        waiting: list[asyncio.Task[Any]] = []
        for number in range(QUESTIONS + MORE):
            if number == QUESTIONS:
                await everybody.wait()
            waiting.append(asked(live, str(number)))
            for _ in range(chance.choice((0, 1, 1, 2, 5))):
                await asyncio.sleep(0)
            while len(waiting) > 3 and chance.random() < 0.9:
                gone = waiting.pop(chance.randrange(len(waiting)))
                gone.cancel()
        await asyncio.sleep(0)
        everything.extend(waiting)

    everything: list[asyncio.Task[Any]] = []
    task = asyncio.create_task(work())
    try:
        yield task
    finally:
        for each in (task, *everything):
            each.cancel()
        await asyncio.wait({task, *everything})


async def follow(wire: Wire, thread_id: str, attached: asyncio.Semaphore, done: asyncio.Event) -> Known:
    """Attach, hear what comes, and stop when nothing more will."""
    number, known = wire.post("thread/resume", threadId=thread_id), Known()
    while (message := await wire.hear()).get("id") != number or "method" in message:
        assert "method" not in message or message["method"] != "item/tool/requestUserInput", "asked before the reply"
    attached.release()
    reading = asyncio.create_task(_read(wire, known))
    await done.wait()
    await asyncio.sleep(0)
    last = wire.post("thread/loaded/list")
    known.attaching = {last}
    async with asyncio.timeout(PATIENCE):
        await reading
    return known


async def _read(wire: Wire, known: Known) -> None:
    while True:
        message = await wire.hear()
        if "method" not in message and known.attaching == {message.get("id")}:
            return
        assert message.get("id") not in known.ever or "method" not in message, "asked twice"
        known.take(message)


@pytest.mark.parametrize("seed", range(4))
async def test_whoever_attaches_between_any_two_questions_knows_exactly_those_that_are_open(
    tmp_path: Path, seed: int
) -> None:
    chance, done = random.Random(seed), asyncio.Event()
    async with serving(tmp_path) as server:
        _, thread_id, live = await started(server)
        wires = [await Wire.client(server.url, version=v, numbered=n) for v, n in KINDS * (JOINERS // len(KINDS))]
        attached, everybody = asyncio.Semaphore(0), asyncio.Event()
        async with asking(live, chance, everybody) as work:
            following: list[asyncio.Task[Known]] = []
            for wire in wires:
                following.append(asyncio.create_task(follow(wire, thread_id, attached, done)))
                for _ in range(chance.randint(0, 12)):
                    await asyncio.sleep(0)
            async with asyncio.timeout(PATIENCE):
                for _ in following:
                    await attached.acquire()
            everybody.set()
            await asyncio.wait({work})
            done.set()
            known = await asyncio.gather(*following)
            still = {question.id for question in server.app.questions.of(thread_id)}
            assert still
            assert [each.open for each in known] == [still] * len(known)
            assert any(len(each.ever) < QUESTIONS + MORE for each in known), "all were there from the beginning"
            assert any(len(each.ever) > len(still) for each in known), "nobody saw a question end"


async def test_a_client_that_does_not_read_gets_every_question_once_among_fewer_pieces(tmp_path: Path) -> None:
    pieces, gates = [f"<{number}>" for number in range(3_000)], [Gate() for _ in range(4)]
    async with serving(tmp_path, outbox_limit=LIMIT) as server:
        author, thread_id, live = await started(server)
        slow = await Wire.client(server.url, buffer=1 << 14)
        await slow.call("thread/resume", threadId=thread_id)
        newest = max(server.app.subscriptions.everybody(), key=lambda connection: connection.number)
        transport = newest._outbox._socket._socket.transport  # type: ignore[attr-defined]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        parts: list[str | Gate] = []
        for at, gate in enumerate(gates):
            parts += [*pieces[at * 750 : (at + 1) * 750], gate]
        answer_with(server, lambda _prompt: parts)
        fast = await Wire.client(server.url)
        await fast.call("thread/resume", threadId=thread_id)
        await author.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": "go"}])
        waiting: list[asyncio.Task[Any]] = []
        for gate in gates:
            async with asyncio.timeout(PATIENCE):
                await gate.reached.wait()
            waiting.append(asked(live))
            await asyncio.sleep(0)
            gate.open()
        await fast.until(lambda message: message.get("method") == "turn/completed")
        await slow.until(lambda message: message.get("method") == "turn/completed")
        ids = [message["id"] for message in slow.log if "id" in message and "method" in message]
        assert ids == [message["id"] for message in fast.log if "id" in message and "method" in message]
        assert len(ids) == len(gates)
        deltas = [message for message in slow.log if message.get("method") == "item/agentMessage/delta"]
        assert len(deltas) < len(pieces), "the client was not slow"
        assert "".join(message["params"]["delta"] for message in deltas) == "".join(pieces)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
