"""Fairness: many threads stream to their clients at once; every piece comes to everybody, and no thread waits long."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from tests.stress.streams import answer_with, numbered_pieces, serving
from tests.stress.transcript import Transcript
from tests.stress.wire import Wire, size_of

THREADS = size_of("FAIR_THREADS", 40)
CLIENTS = 5
PIECES = size_of("FAIR_PIECES", 40)
LEAD = 10
"""Pieces that one thread may be ahead of another in the middle of all: a thread gives way once whenever the machine
took the processor away from it, as a busy one often does."""

DELTA = "item/agentMessage/delta"


async def follow(wire: Wire, thread_id: str) -> Transcript:
    """Read up to the end of the thread's turn."""
    known = Transcript(thread_id)
    known.resumed(await wire.call("thread/resume", threadId=thread_id))
    return known


async def read(wire: Wire, known: Transcript) -> None:
    while not known.ended:
        message = await wire.hear()
        if "method" in message:
            known.told(message)


async def observe(observer: Wire) -> list[str]:
    """Hear all threads; whose pieces came, in order."""
    order: list[str] = []
    for _ in range(THREADS * PIECES):
        told = await observer.until(lambda message: message.get("method") == DELTA)
        order.append(told["params"]["threadId"])
    return order


def leads(order: list[str]) -> list[int]:
    """After each piece, from when all threads have begun until the first is done: how far the first is ahead."""
    progress: Counter[str] = Counter()
    found: list[int] = []
    for thread_id in order:
        progress[thread_id] += 1
        if len(progress) == THREADS and max(progress.values()) < PIECES:
            found.append(max(progress.values()) - min(progress.values()))
    return found


async def test_all_threads_that_stream_at_once_go_on_together_and_every_client_hears_all(tmp_path: Path) -> None:
    pieces = numbered_pieces(PIECES)
    async with serving(tmp_path) as server:
        answer_with(server, lambda prompt: [f"{prompt}:{piece}" for piece in pieces])
        observer, author = await Wire.client(server.url), await Wire.client(server.url)
        threads = [(await author.call("thread/start", cwd="/"))["thread"]["id"] for _ in range(THREADS)]
        followed: list[tuple[Wire, Transcript]] = []
        for thread_id in threads:
            await author.call("thread/unsubscribe", threadId=thread_id)
            await observer.call("thread/resume", threadId=thread_id)
            wires = [await Wire.client(server.url) for _ in range(CLIENTS)]
            followed += [(wire, await follow(wire, thread_id)) for wire in wires]
        for number, thread_id in enumerate(threads):
            author.post("turn/start", threadId=thread_id, input=[{"type": "text", "text": f"turn {number}"}])
        observing = asyncio.create_task(observe(observer))
        await asyncio.gather(*(read(wire, known) for wire, known in followed))
        order = await observing
        for wire, known in followed:
            number = threads.index(known.thread_id)
            text = "".join(f"turn {number}:{piece}" for piece in pieces)
            assert known.texts == [[f"turn {number}", text]]
            heard = [told for told in wire.log if told.get("method") == DELTA]
            assert [told["params"]["threadId"] for told in heard] == [known.thread_id] * PIECES
        together = leads(order)
        assert len(together) > THREADS * PIECES / 3, "the threads did not stream at once"
        assert max(together) <= LEAD
