"""A real server that does many things at once: none of them holds up all the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.benchmarks.stored import write_thread
from tests.server.test_operators import Numbers, parsed
from tests.support.app_server import ours, serving
from tests.support.harness import Client
from tests.support.model import ModelServer
from tests.support.rollouts import plain

CONFIG = """
model = "gpt-5.4"
model_provider = "mock"
[model_providers.mock]
name = "Mock"
base_url = "{url}"
wire_api = "responses"
"""
ROUNDS = 3
"""A machine with too much to do can make any program stand still; what the server itself does wrong comes each time."""

BURST = "deltas:2000:20:0"
STREAM = "deltas:300:5:5"


async def client_of(url: str) -> Client:
    client = Client(await connect(url, compression=None, max_size=None))
    await client.call("initialize", clientInfo={"name": "test", "version": "1"})
    return client


async def answer(client: Client, method: str, **params: Any) -> Any:
    """As ``call``, for replies that take longer."""
    async with asyncio.timeout(60):
        request = await client.post(method, params)
        while True:
            try:
                return (await client.reply(request))["result"]
            except TimeoutError:
                continue


async def told_to_all(url: str, prompt: str, followers: int) -> None:
    """A turn that many follow, to its end."""
    clients = [await client_of(url) for _ in range(followers)]
    thread = (await answer(clients[0], "thread/start", cwd="/"))["thread"]["id"]
    await asyncio.gather(*(answer(client, "thread/resume", threadId=thread) for client in clients[1:]))
    await clients[0].start_turn(thread, prompt)
    await asyncio.gather(*(client.hear("turn/completed") for client in clients))
    for client in clients:
        await client.close()


async def lists(url: str, big: str) -> None:
    client = await client_of(url)
    for _ in range(10):
        await answer(client, "thread/list", limit=50)
        await answer(client, "thread/list", searchTerm="nothing like it")
        await answer(client, "thread/turns/list", threadId=big, limit=10)
    await client.close()


async def reads(url: str, big: str) -> None:
    """The big thread in every way in which it can be asked for, from disk and from memory."""
    first, second = await client_of(url), await client_of(url)
    await asyncio.gather(
        answer(first, "thread/resume", threadId=big),
        answer(second, "thread/fork", threadId=big),
    )
    await answer(second, "thread/resume", threadId=big)
    await answer(second, "thread/read", threadId=big, includeTurns=True)
    await first.run_turn(big, "Hello")
    await answer(second, "thread/fork", threadId=big)
    for client in (first, second):
        await client.close()


async def numbers(url: str) -> Numbers:
    async with aiohttp.ClientSession() as client, client.get(url.replace("ws:", "http:") + "/metrics") as answer:
        return parsed(await answer.text())


def size_of(home: Path, thread: str) -> int:
    (rollout,) = home.rglob(f"*{thread}.jsonl")
    return rollout.stat().st_size


async def a_round(home: Path, big: str) -> tuple[float, float]:
    """How often the loop stood still in one round, and for how long at most."""
    async with ModelServer() as model:
        (home / "config.toml").write_text(CONFIG.format(url=model.url))
        async with serving(ours(), home) as server:
            await asyncio.gather(
                told_to_all(server.url, BURST, followers=20),
                told_to_all(server.url, STREAM, followers=10),
                lists(server.url, big),
                reads(server.url, big),
            )
            said = await numbers(server.url)
            assert said["threadcast_messages_sent_total"] > 20 * 300
            return said["threadcast_loop_blocks_total"], said["threadcast_loop_longest_block_seconds"]


async def test_nothing_that_clients_ordinarily_do_makes_the_server_stand_still(tmp_path: Path) -> None:
    big = write_thread(tmp_path, 1, turns=300, calls=40)
    for number in range(2, 300):
        plain(tmp_path, number=number)
    assert size_of(tmp_path, big) > 45 << 20
    seen = []
    for _ in range(ROUNDS):
        seen.append(await a_round(tmp_path, big))
        if seen[-1][0] == 0:
            return
    pytest.fail(f"stood still in each round (times, longest in seconds): {seen}")
