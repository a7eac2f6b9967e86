"""The load of a soak, in a process of its own: it prints the address of its model and reads that of the server.

Every worker does what comes by chance: turns, attaches, drops, lists, forks, reading slowly. A thread is left for
another after some turns, and deleted, so that what the server has to know stays the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter

from tests.stress.transcript import Transcript
from tests.stress.wire import Closed, Message, Wire
from tests.support.model import FILLER, ModelServer

WORKERS = 8
TURNS = 12
"""Turns that a thread has at most."""

PIECES, SIZE = 200, 40


class Worker:
    """Has a thread of its own, on which it works and to which it lets others attach."""

    def __init__(self, url: str, seed: int, done: Counter[str]) -> None:
        self._url = url
        self._chance = random.Random(seed)
        self._done = done

    async def work(self, until: float) -> None:
        """One thread after the other."""
        while time.monotonic() < until:
            author = await Wire.client(self._url)
            thread_id: str = (await author.call("thread/start", cwd="/"))["thread"]["id"]
            for _ in range(TURNS):
                if time.monotonic() < until:
                    await self._turn(author, thread_id)
            await author.call("thread/delete", threadId=thread_id)
            self._done["threads"] += 1
            await author.close()

    async def _turn(self, author: Wire, thread_id: str) -> None:
        """A turn, with others who come and go meanwhile."""
        text = [{"type": "text", "text": f"deltas:{PIECES}:{SIZE}:1"}]
        followers = [asyncio.create_task(self._follow(thread_id)) for _ in range(self._chance.randint(1, 4))]
        await author.call("turn/start", threadId=thread_id, input=text)
        done = await author.until(lambda told: told.get("method") == "turn/completed")
        assert done["params"]["turn"]["status"] == "completed"
        author.log.clear()
        await asyncio.gather(*followers, self._look_around(author, thread_id))
        self._done["turns"] += 1

    async def _follow(self, thread_id: str) -> None:
        known = Transcript(thread_id, numbered=self._chance.random() < 0.5)
        for _ in range(self._chance.randint(0, 3)):
            wire = await self._attach(known)
            for _ in range(self._chance.randint(0, 30)):
                if known.turns and len(known.ended) == len(known.turns):
                    break
                self._take(known, await wire.hear())
            self._done["drops"] += 1
            await wire.close() if self._chance.random() < 0.5 else wire.abort()
        wire = await self._attach(known)
        while known.turns and len(known.ended) < len(known.turns):
            self._take(known, await wire.hear())
        whole = FILLER * (PIECES * SIZE)
        assert all(items[-1] == whole for items in known.texts), "a text is not what the model said"
        await wire.close()

    async def _attach(self, known: Transcript) -> Wire:
        version = self._chance.choice(("0.125.0", "0.169.0"))
        known.merged = version != "0.169.0"
        wire = await Wire.client(self._url, numbered=known.numbered, version=version)
        since = {} if known.seen is None else {"sinceSequence": known.seen}
        known.resumed(await wire.call("thread/resume", threadId=known.thread_id, **since))
        self._done["attaches"] += 1
        return wire

    def _take(self, known: Transcript, message: Message) -> None:
        if "method" in message:
            known.told(message)

    async def _look_around(self, author: Wire, thread_id: str) -> None:
        await author.call("thread/list", limit=20)
        await author.call("thread/read", threadId=thread_id, includeTurns=True)
        self._done["lists"] += 2
        if self._chance.random() < 0.2:
            fork: str = (await author.call("thread/fork", threadId=thread_id))["thread"]["id"]
            await author.call("thread/delete", threadId=fork)
            self._done["forks"] += 1
        if self._chance.random() < 0.1:
            await self._stall(thread_id)

    async def _stall(self, thread_id: str) -> None:
        """Ask for much and read nothing of it."""
        wire = await Wire.client(self._url, buffer=1 << 14)
        for _ in range(50):
            wire.post("thread/resume", threadId=thread_id)
        await wire.drain()
        self._done["stalls"] += 1
        wire.abort()


async def main() -> None:
    """Work until the time is over."""
    async with ModelServer() as model:
        sys.stdout.write(f"{model.url}\n")
        sys.stdout.flush()
        url, seconds = (await asyncio.to_thread(sys.stdin.readline)).split()
        seed, done = int(os.environ.get("THREADCAST_SOAK_SEED", "1")), Counter[str]()
        until = time.monotonic() + float(seconds)
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(WORKERS):
                    group.create_task(Worker(url, seed * WORKERS + number, done).work(until))
        except* Closed as closed:
            raise SystemExit(f"the server hung up: {closed.exceptions}") from None
        sys.stdout.write(", ".join(f"{count} {what}" for what, count in sorted(done.items())) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
