"""Attach against a stream: whoever joins, whenever, has every piece of text exactly once."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from server.connection import Connection
from server.handlers import attach as attach_handler
from server.providers.scripted import Gate, Step, completed, message
from server.threads.live import LiveThread
from server.threads.snapshot import Snapshot
from tests.support.harness import Client, Server, running

PIECES = [f"<{number}>" for number in range(400)]
JOINERS = 10


def streamed(pace: Gate, end: Gate) -> list[Step]:
    """A message in many pieces. It goes on when the first gate opens, and ends when the second one does."""
    return message(deltas=[PIECES[0], pace, *PIECES[1:], end])


async def joined_text(client: Client, thread_id: str, attached: asyncio.Barrier) -> str:
    """Attach, and put together what the snapshot says and the deltas after it; earlier ones make no sense yet."""
    request_id = await client.post("thread/resume", {"threadId": thread_id})
    reply = await client.reply(request_id)
    await attached.wait()
    await client.find(lambda told: told.get("method") == "turn/completed")
    items = reply["result"]["thread"]["turns"][-1]["items"]
    begun = "".join(item["text"] for item in items if item["type"] == "agentMessage")
    after = client.log[client.log.index(reply) :]
    deltas = (told["params"]["delta"] for told in after if told.get("method") == "item/agentMessage/delta")
    return begun + "".join(deltas)


async def race(home: Path, seed: int) -> list[str]:
    """Ten clients attach while a turn streams; what each of them read."""
    order = random.Random(seed)
    pace, end, attached = Gate(), Gate(), asyncio.Barrier(JOINERS + 1)
    async with asyncio.timeout(20), running(home, [streamed(pace, end), completed()]) as server:
        _spread(server, order)
        author = await server.client()
        thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        joiners = [await server.client() for _ in range(JOINERS)]
        await author.start_turn(thread_id, "go")
        await pace.reached.wait()
        reading = [asyncio.create_task(joined_text(client, thread_id, attached)) for client in joiners]
        pace.open()
        await attached.wait()  # one that comes too late would wait for the turn's end in vain
        end.open()
        return await asyncio.gather(*reading)


def _spread(server: Server, order: random.Random) -> None:
    """Let the stream yield to the event loop at random, so that attaches fall between any two pieces."""
    stream = server.provider.stream

    async def spread(request: Any) -> Any:
        async for event in stream(request):
            yield event
            for _ in range(order.choice((0, 0, 1, 3))):
                await asyncio.sleep(0)

    server.provider.stream = spread  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", range(5))
async def test_ten_clients_that_attach_during_a_turn_miss_nothing_and_hear_nothing_twice(
    tmp_path: Path, seed: int
) -> None:
    assert await race(tmp_path, seed) == ["".join(PIECES)] * JOINERS


async def test_the_race_is_lost_when_attach_awaits_once(tmp_path: Path) -> None:
    """The proof that the test above can fail: the same race with one await between snapshot and reply."""
    serve = attach_handler.resume.serve

    async def resume(call: Any, params: Any) -> Any:
        result = await serve(call, params)
        await asyncio.sleep(0)
        return result

    object.__setattr__(attach_handler.resume, "serve", resume)
    try:
        lost = False
        for seed in range(20):
            lost = lost or await race(tmp_path / str(seed), seed) != ["".join(PIECES)] * JOINERS
    finally:
        object.__setattr__(attach_handler.resume, "serve", serve)
    assert lost


async def test_the_race_is_lost_when_the_snapshot_is_taken_before_subscribing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way to get it wrong: pieces between snapshot and subscription are gone."""
    attach = LiveThread.attach
    subscriptions: list[tuple[LiveThread, Connection]] = []

    def unsubscribed(self: LiveThread, connection: Connection, **options: Any) -> Snapshot:
        snapshot = attach(self, connection, **options)
        self._subscriptions.unsubscribe(connection, self.id)
        subscriptions.append((self, connection))
        asyncio.get_running_loop().call_soon(self._subscriptions.subscribe, connection, self.id)
        return snapshot

    monkeypatch.setattr(LiveThread, "attach", unsubscribed)
    lost = False
    for seed in range(20):
        lost = lost or await race(tmp_path / str(seed), seed) != ["".join(PIECES)] * JOINERS
    assert lost
    assert subscriptions
