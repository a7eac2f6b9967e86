"""Reconnect storm: many clients that drop all the time, in every way, while turns stream; each has the exact text."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.stress.streams import answer_with, numbered_pieces, serving
from tests.stress.transcript import Transcript
from tests.stress.wire import PATIENCE, Message, Wire, said, size_of
from tests.support.harness import Server

CLIENTS = size_of("STORM_CLIENTS", 60)
DROPS = size_of("STORM_DROPS", 4)
THREADS = 3
PIECES = 150
MOST_READ = 40
"""Messages that a client reads at most before it drops again."""

LAST = "the last turn"


class Storm:
    """When the clients have dropped often enough, and when all of them are back."""

    def __init__(self, clients: int) -> None:
        self.over = asyncio.Event()
        self.all_back = asyncio.Event()
        self._dropping = self._away = clients

    def has_dropped(self) -> None:
        self._dropping -= 1
        if not self._dropping:
            self.over.set()

    def is_back(self) -> None:
        self._away -= 1
        if not self._away:
            self.all_back.set()


class Wanderer:
    """A client that drops and comes back."""

    def __init__(self, server: Server, thread_id: str, seed: int, *, numbered: bool) -> None:
        self.known = Transcript(thread_id, numbered=numbered)
        self._url = server.url
        self._chance = random.Random(seed)
        self.snapshots = 0
        """How often it got all of the thread."""

    async def wander(self, storm: Storm) -> None:
        """Drop again and again; then stay, and read to the end of the last turn."""
        for _ in range(DROPS):
            await self._drop(await self._arrive())
        storm.has_dropped()
        await asyncio.wait_for(storm.over.wait(), PATIENCE)
        wire = await self._arrive()
        storm.is_back()
        while not self._has_all():
            self._take(await wire.hear())
        await wire.close()

    async def _arrive(self) -> Wire:
        wire = await Wire.client(self._url, numbered=self.known.numbered, version=self._chance.choice(VERSIONS))
        if self._chance.random() < 0.2:  # gone before the answer comes; then once more
            wire.post("thread/resume", threadId=self.known.thread_id, **self._since())
            await wire.drain()
            await self._hang_up(wire)
            return await self._arrive()
        result = await wire.call("thread/resume", threadId=self.known.thread_id, **self._since())
        self.snapshots += not result.get("sequence", {}).get("complete")
        self.known.resumed(result)
        return wire

    def _since(self) -> Message:
        return {} if self.known.seen is None else {"sinceSequence": self.known.seen}

    async def _drop(self, wire: Wire) -> None:
        for _ in range(self._chance.randint(0, MOST_READ)):
            self._take(await wire.hear())
        await self._hang_up(wire)

    async def _hang_up(self, wire: Wire) -> None:
        match self._chance.randrange(3):
            case 0:
                wire.abort()
            case 1:  # in the middle of a word
                wire.send(said({"id": 0, "method": "thread/list", "params": {}})[: self._chance.randint(1, 30)])
                await wire.drain()
                wire.abort()
            case _:
                await wire.close()

    def _take(self, message: Message) -> None:
        if "method" in message:
            self.known.told(message)

    def _has_all(self) -> bool:
        texts, ended = self.known.texts, self.known.ended
        return bool(texts) and texts[-1][:1] == [LAST] and len(ended) == len(texts)


VERSIONS = ("0.125.0", "0.169.0")


async def talk(author: Wire, thread_id: str, storm: Storm) -> list[list[str]]:
    """Turn after turn until the storm is over, then one for all who are back; what was said in each."""
    spoken: list[list[str]] = []

    async def turn(text: str) -> None:
        begun = await author.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": text}])
        spoken.append([text, answer_to(text)])
        await author.until(
            lambda told: told.get("method") == "turn/completed" and told["params"]["turn"]["id"] == begun["turn"]["id"]
        )
        author.log.clear()

    while not storm.over.is_set():
        await turn(f"turn {len(spoken)}")
    await asyncio.wait_for(storm.all_back.wait(), PATIENCE)
    await turn(LAST)
    return spoken


def answer_to(text: str) -> str:
    return "".join(pieces_for(text))


def pieces_for(text: str) -> list[str]:
    number = int(text.split()[-1]) if text != LAST else 0
    return numbered_pieces(PIECES, begin=number * PIECES)


async def storm_over(home: Path, seed: int, *, numbered: bool) -> list[Wanderer]:
    """Let it pass, and hold what each client knows against what was said."""
    async with serving(home) as server:
        answer_with(server, pieces_for, spread=random.Random(seed))
        authors = [await Wire.client(server.url) for _ in range(THREADS)]
        threads = [(await author.call("thread/start", cwd="/"))["thread"]["id"] for author in authors]
        storm = Storm(CLIENTS)
        wanderers = [
            Wanderer(server, threads[number % THREADS], seed * CLIENTS + number, numbered=numbered)
            for number in range(CLIENTS)
        ]
        talking = [
            asyncio.create_task(talk(author, thread_id, storm))
            for author, thread_id in zip(authors, threads, strict=True)
        ]
        async with asyncio.TaskGroup() as group:
            for wanderer in wanderers:
                group.create_task(wanderer.wander(storm))
        spoken = dict(zip(threads, await asyncio.gather(*talking), strict=True))
        for wanderer in wanderers:
            assert wanderer.known.texts == spoken[wanderer.known.thread_id]
        assert all(len(turns) > 1 for turns in spoken.values()), "no turn ended during the storm"
    return wanderers


async def test_numbered_clients_that_drop_in_a_storm_hear_no_gap_and_no_repeat(tmp_path: Path) -> None:
    wanderers = await storm_over(tmp_path, 1, numbered=True)
    gaps_filled = CLIENTS * (DROPS + 1) - sum(wanderer.snapshots for wanderer in wanderers)
    assert gaps_filled > CLIENTS, "hardly anybody came back to what was remembered"


async def test_plain_clients_that_drop_in_a_storm_end_with_the_right_transcript(tmp_path: Path) -> None:
    await storm_over(tmp_path, 2, numbered=False)


@pytest.mark.parametrize("limit", [1, 20_000])
async def test_numbered_clients_whose_place_is_forgotten_meanwhile_get_all_again(tmp_path: Path, limit: int) -> None:
    """The numbers between what is remembered and what is not: never both, never neither."""
    async with serving(tmp_path, recent_limit=limit) as server:
        answer_with(server, pieces_for, spread=random.Random(3))
        author = await Wire.client(server.url)
        thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        storm = Storm(10)
        wanderers = [Wanderer(server, thread_id, 100 + number, numbered=True) for number in range(10)]
        talking = asyncio.create_task(talk(author, thread_id, storm))
        await asyncio.gather(*(wanderer.wander(storm) for wanderer in wanderers))
        spoken = await talking
        assert [wanderer.known.texts for wanderer in wanderers] == [spoken] * 10
        assert sum(wanderer.snapshots for wanderer in wanderers) > 10, "nothing was forgotten"
