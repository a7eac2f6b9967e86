"""kill -9, of a server under numbered clients and of clients under a server."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from server.providers.scripted import Gate
from tests.stress.streams import answer_with, check_mirrors, eventually, numbered_pieces
from tests.stress.streams import serving as serving_here
from tests.stress.transcript import Transcript
from tests.stress.wire import PATIENCE, Closed, Message, Wire, size_of
from tests.support import codex
from tests.support.app_server import ROOT, ours, serving
from tests.support.model import FILLER, ModelServer

FOLLOWERS = size_of("KILL_FOLLOWERS", 4)
LIVES = size_of("KILL_LIVES", 2)
COMPLETED = "item/completed"


class Survivor:
    """A numbered client that outlives servers. ``seen``: what it saw completed, texts by turn."""

    def __init__(self, thread_id: str) -> None:
        self.known = Transcript(thread_id, numbered=True)
        self.seen: list[tuple[str, str]] = []
        self.epochs: list[str] = []

    async def come(self, url: str) -> Wire:
        wire = await Wire.client(url, numbered=True)
        since = {} if self.known.seen is None else {"sinceSequence": self.known.seen}
        result = await wire.call("thread/resume", threadId=self.known.thread_id, **since)
        assert result["sequence"]["complete"] is False, "another server cannot know what was told by the first"
        self.epochs.append(result["sequence"]["epoch"])
        self.known.resumed(result)
        return wire

    def take(self, message: Message) -> None:
        if "method" not in message:
            return
        self.known.told(message)
        if message["method"] == COMPLETED:
            item = message["params"]["item"]
            self.seen.append((message["params"]["turnId"], self.known.turns[message["params"]["turnId"]][item["id"]]))

    async def listen(self, wire: Wire, turn_id: str = "") -> None:
        """Hear all until the server is gone, or until this turn ends."""
        try:
            while turn_id not in self.known.ended:
                self.take(await wire.hear())
        except Closed:
            assert not turn_id


async def test_numbered_clients_outlive_servers_that_are_killed_and_nothing_they_saw_is_lost(tmp_path: Path) -> None:
    async with ModelServer() as model:
        codex.write_config(tmp_path, model.url)
        async with serving(ours(), tmp_path) as server:
            author = await Wire.client(server.url)
            thread_id: str = (await author.call("thread/start", cwd="/"))["thread"]["id"]
            await say(author, thread_id, "hello")
            await author.until(lambda told: told.get("method") == "turn/completed")
            author.abort()
        survivors = [Survivor(thread_id) for _ in range(FOLLOWERS)]
        for life in range(LIVES):
            async with serving(ours(), tmp_path) as server:
                wires = [await survivor.come(server.url) for survivor in survivors]
                check_nothing_lost(survivors)
                await one_life(wires, survivors, life)
                server.process.kill()
                await asyncio.gather(*(one.listen(wire) for one, wire in zip(survivors, wires, strict=True)))
                await server.process.wait()
                for wire in wires:
                    wire.abort()
        async with serving(ours(), tmp_path) as server:
            wires = [await survivor.come(server.url) for survivor in survivors]
            check_nothing_lost(survivors)
            for wire in wires:
                wire.abort()
    assert all(len(set(survivor.epochs)) == LIVES + 1 for survivor in survivors)


async def say(wire: Wire, thread_id: str, text: str) -> str:
    """Begin a turn; its id."""
    begun = await wire.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": text}])
    turn_id: str = begun["turn"]["id"]
    return turn_id


async def one_life(wires: list[Wire], survivors: list[Survivor], life: int) -> None:
    """A whole turn, then one that the server does not live to end: it is killed while everybody hears it."""
    thread_id = survivors[0].known.thread_id
    author = wires[0]
    begin = len(author.log)
    first = await say(author, thread_id, f"life {life} deltas:200:5:0")
    for message in author.log[begin:]:
        survivors[0].take(message)
    await asyncio.gather(*(one.listen(wire, first) for one, wire in zip(survivors, wires, strict=True)))
    assert all(list(one.known.turns[first].values())[-1] == FILLER * 1000 for one in survivors)
    begin = len(author.log)
    await say(author, thread_id, f"life {life} think deltas:100000:20:0.1")
    for message in author.log[begin:]:
        survivors[0].take(message)
    for one, wire in zip(survivors, wires, strict=True):
        while True:
            message = await wire.hear()
            one.take(message)
            if message.get("method") == "item/agentMessage/delta":
                break


def check_nothing_lost(survivors: list[Survivor]) -> None:
    """All that was seen completed is in what was told after the restart, and everybody was told the same."""
    for survivor in survivors:
        told = [(turn_id, text) for turn_id, items in survivor.known.turns.items() for text in items.values()]
        assert set(survivor.seen) <= set(told)
        assert survivor.known.texts == survivors[0].known.texts
        assert survivor.known.ended == set(survivor.known.turns)


async def spawn(url: str, thread_id: str) -> Process:
    """A client in a process of its own, once it follows the thread."""
    command = (sys.executable, "-m", "tests.stress.follower", url, thread_id)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=PIPE
    )
    await heard_from(process, b"following\n")
    return process


async def heard_from(process: Process, word: bytes) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readline() == word


async def test_clients_that_are_killed_are_forgotten_and_the_others_hear_everything(tmp_path: Path) -> None:
    pieces, pace, rest = numbered_pieces(400), Gate(), Gate()
    async with serving_here(tmp_path) as server:
        answer_with(server, lambda _prompt: [*pieces[:20], pace, *pieces[20:300], rest, *pieces[300:]])
        others = [await Wire.client(server.url, numbered=True) for _ in range(3)]
        thread_id: str = (await others[0].call("thread/start", cwd="/"))["thread"]["id"]
        known = [Transcript(thread_id, numbered=True) for _ in others]
        for one, wire in zip(known, others, strict=True):
            one.resumed(await wire.call("thread/resume", threadId=thread_id))
        before = len(server.app.subscriptions.everybody())
        killed = [await spawn(server.url, thread_id) for _ in range(FOLLOWERS)]
        assert len(server.app.subscriptions.of(thread_id)) == before + FOLLOWERS
        author = await Wire.client(server.url)
        await say(author, thread_id, "go")
        author.abort()
        await asyncio.gather(*(heard_from(process, b"hearing\n") for process in killed))
        pace.open()
        for process in killed:
            process.kill()
            await process.wait()
        await eventually(lambda: len(server.app.subscriptions.everybody()) == before)
        check_mirrors(server)
        assert len(server.app.subscriptions.of(thread_id)) == before
        rest.open()
        for one, wire in zip(known, others, strict=True):
            while not one.ended:
                message = await wire.hear()
                if "method" in message:
                    one.told(message)
        assert [one.texts for one in known] == [[["go", "".join(pieces)]]] * 3
