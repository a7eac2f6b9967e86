"""Churn: clients that come, follow, leave and go at random. The maps stay mirrors, and in the end nothing is left."""

from __future__ import annotations

import asyncio
import gc
import random
from pathlib import Path

import pytest

from server.connection import Connection
from server.load import Load
from server.outbox import Outbox
from server.threads.live import LiveThread
from tests.stress.streams import answer_with, check_mirrors, eventually, numbered_pieces, serving
from tests.stress.wire import Wire, size_of
from tests.support.harness import Server

CLIENTS = size_of("CHURN_CLIENTS", 12)
STEPS = size_of("CHURN_STEPS", 60)
THREADS = 8


class Restless:
    """A client that cannot decide."""

    def __init__(self, server: Server, threads: list[str], seed: int) -> None:
        self._server = server
        self._threads = threads
        self._chance = random.Random(seed)

    async def live(self) -> None:
        wire = await self._connect()
        for _ in range(STEPS):
            wire = await self._step(wire)
            check_mirrors(self._server)
        wire.abort()

    async def _connect(self) -> Wire:
        return await Wire.client(self._server.url, numbered=self._chance.random() < 0.5)

    async def _step(self, wire: Wire) -> Wire:
        thread = self._chance.choice(self._threads)
        match self._chance.choice("rrrruuustwqahx"):
            case "r":
                wire.post("thread/resume", threadId=thread)
            case "u":
                wire.post("thread/unsubscribe", threadId=thread)
            case "s":
                wire.post("thread/start", cwd="/")
            case "t":
                wire.post("turn/start", threadId=thread, input=[{"type": "text", "text": "go"}])
            case "w":
                await wire.reply(wire.post("thread/loaded/list"))
            case "q":
                await wire.close()
                return await self._connect()
            case "a":
                wire.abort()
                return await self._connect()
            case "x":  # whoever follows it does so no more
                wire.post("thread/archive", threadId=thread)
                wire.post("thread/unarchive", threadId=thread)
            case _:  # gone with requests open
                for _ in range(3):
                    wire.post("thread/resume", threadId=self._chance.choice(self._threads))
                await wire.drain()
                wire.abort()
                return await self._connect()
        return wire


def alive(*kinds: type) -> list[object]:
    """All that is left of these kinds."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) in kinds]


@pytest.mark.parametrize("seed", range(2))
async def test_clients_that_come_and_go_at_random_leave_nothing_behind(tmp_path: Path, seed: int) -> None:
    async with serving(tmp_path, idle_unload_seconds=0.01) as server:
        answer_with(server, lambda _prompt: numbered_pieces(20))
        author = await Wire.client(server.url)
        threads: list[str] = []
        for number in range(THREADS):
            threads.append((await author.call("thread/start", cwd="/"))["thread"]["id"])
            await author.call("turn/start", threadId=threads[-1], input=[{"type": "text", "text": f"turn {number}"}])
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(Restless(server, threads, seed * 1000 + number).live())
        author.abort()
        app = server.app
        await eventually(lambda: not app.subscriptions.everybody())
        check_mirrors(server)
        assert app.subscriptions._subscribers == {}
        await eventually(lambda: not app._dispatcher._running)
        await eventually(lambda: not app.loaded.ids() and not app.loaded._unloading)
        assert (len(app._dispatcher._lanes), app.loaded._timers, app.loaded._held) == (0, {}, {})
        assert alive(Connection, Outbox, Load, LiveThread) == []
