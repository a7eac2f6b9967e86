"""Ingress: one that asks for too much is refused in order, delays nobody else, and gets every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.connection import Connection
from server.handlers import ROUTES
from server.load import MESSAGES_AT_ONCE, REFUSALS_PER_REQUEST
from tests.stress.streams import eventually, serving
from tests.stress.wire import Message, Wire, said, size_of

REQUESTS = size_of("INGRESS_REQUESTS", 5_000)
OPEN_AT_MOST = 64
OVERLOADED = -32001
GATED = "thread/loaded/list"
ROUND_TRIPS = 20


@contextmanager
def gated(gate: asyncio.Semaphore) -> Iterator[list[Any]]:
    """Let requests of one method wait at a gate, which lets one through at a time; all that came there."""
    (route,) = (route for route in ROUTES if route.method.name == GATED)
    serve, waiting = route.serve, []

    async def wait(call: Any, params: Any) -> Any:
        waiting.append(call)
        await gate.acquire()
        return await serve(call, params)

    object.__setattr__(route, "serve", wait)
    try:
        yield waiting
    finally:
        object.__setattr__(route, "serve", serve)


def pipelined(count: int, padding: int = 0) -> bytes:
    """So many requests, numbered from 1,000 on."""
    params = {"limit": 1} | ({"padding": "x" * padding} if padding else {})
    return b"".join(said({"id": 1000 + number, "method": GATED, "params": params}) for number in range(count))


def let_all_go(gate: asyncio.Semaphore, count: int) -> None:
    """Open the gate for so many."""
    for _ in range(count):
        gate.release()


async def answers(wire: Wire, count: int) -> list[Message]:
    """The answers to so many requests."""
    found: list[Message] = []
    while len(found) < count:
        message = await wire.hear()
        if "method" not in message and message["id"] >= 1000:
            found.append(message)
    return found


def check_order(found: list[Message]) -> list[int]:
    """All are answered once, and a refusal comes after the answers to all that was asked before; who was refused."""
    ids = [answer["id"] for answer in found]
    assert sorted(ids) == list(range(1000, 1000 + len(ids)))
    refused = [answer["id"] for answer in found if "error" in answer]
    assert all(answer["error"]["code"] == OVERLOADED for answer in found if "error" in answer)
    assert refused == sorted(refused)
    answered: set[int] = set()
    for answer in found:
        if "error" in answer:
            assert len([one for one in answered if one < answer["id"]]) == answer["id"] - 1000
        answered.add(answer["id"])
    return refused


async def test_beyond_the_bound_requests_are_refused_in_order_and_none_is_lost(tmp_path: Path) -> None:
    gate = asyncio.Semaphore(0)
    async with serving(tmp_path, max_requests=OPEN_AT_MOST) as server:
        chatty, other = await Wire.client(server.url), await Wire.client(server.url)
        with gated(gate) as waiting:
            count = OPEN_AT_MOST * (2 + REFUSALS_PER_REQUEST)
            chatty.send(pipelined(count))
            await eventually(lambda: len(waiting) == OPEN_AT_MOST)
            for _ in range(ROUND_TRIPS):
                await other.call("model/list")
            assert len(waiting) == OPEN_AT_MOST
            gate.release()
            first = await answers(chatty, 1)
            let_all_go(gate, count)
            refused = check_order(first + await answers(chatty, count - 1))
        assert len(refused) >= OPEN_AT_MOST * REFUSALS_PER_REQUEST
        assert "error" not in await chatty.reply(chatty.post(GATED))


async def test_one_that_asks_for_thousands_of_things_delays_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted where answers are sent: between two answers to the one, few go to the other."""
    sent: list[int] = []
    send = Connection.send

    def noting(self: Connection, message: Any) -> None:
        sent.append(self.number)
        send(self, message)

    monkeypatch.setattr(Connection, "send", noting)
    async with serving(tmp_path, max_requests=OPEN_AT_MOST) as server:
        chatty, other = await Wire.client(server.url), await Wire.client(server.url)
        sent.clear()
        chatty.send(pipelined(REQUESTS))
        reading = asyncio.create_task(answers(chatty, REQUESTS))
        for _ in range(ROUND_TRIPS):
            await other.call("model/list")
        before = [sent[: at + 1].count(1) for at, number in enumerate(sent) if number == 2]
        assert len(before) == ROUND_TRIPS
        assert before[-1] < REQUESTS, "the chatty one had all its answers before the other was done"
        between = [later - earlier for earlier, later in zip([0, *before], before, strict=False)]
        assert max(between) <= 8 * max(MESSAGES_AT_ONCE, OPEN_AT_MOST)
        check_order(await reading)
        assert "error" not in await chatty.reply(chatty.post(GATED))


async def test_open_requests_are_bounded_in_size_as_well(tmp_path: Path) -> None:
    gate = asyncio.Semaphore(0)
    async with serving(tmp_path, max_request_size=10_000) as server:
        chatty = await Wire.client(server.url)
        with gated(gate) as waiting:
            chatty.send(pipelined(10, padding=3_000))
            fourth = chatty.post("model/list", padding="x" * 5_000)
            await eventually(lambda: len(waiting) == 3)
            let_all_go(gate, 10)
            refused = check_order(await answers(chatty, 10))
        assert refused == list(range(1003, 1010))
        assert json.dumps(await chatty.reply(fourth)).find("-32001") > 0
        large = await chatty.reply(chatty.post(GATED, padding="x" * 50_000))
        assert "result" in large, "one alone may have any size"
