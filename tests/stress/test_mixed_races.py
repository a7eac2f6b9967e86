"""Attach races of all kinds of client at once: old and new, numbered and plain, for the first time and once more."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from server.handlers import attach as attach_handler
from server.providers.scripted import Gate
from tests.stress.streams import answer_with, numbered_pieces, serving
from tests.stress.transcript import Transcript
from tests.stress.wire import PATIENCE, Wire

PIECES = numbered_pieces(300)
KINDS = list(itertools.product(("0.125.0", "0.169.0"), (False, True)))
JOINERS = 16


async def join(wire: Wire, known: Transcript, resumes: list[int]) -> None:
    """Attach, and again after so many messages each, and read to the end of the turn."""
    known.resumed(await wire.call("thread/resume", threadId=known.thread_id))
    begin = len(wire.log)
    while not known.ended:
        if resumes and len(wire.log) - begin >= resumes[0]:
            begin += resumes.pop(0)
            await _again(wire, known)
        message = await wire.hear()
        if "method" in message:
            known.told(message)


async def _again(wire: Wire, known: Transcript) -> None:
    """Attach once more on the same connection: what comes before the reply counts, and then the reply does."""
    number = wire.post("thread/resume", threadId=known.thread_id)
    while "method" in (message := await wire.hear()):
        known.told(message)
    assert message["id"] == number
    known.resumed(message["result"])


async def race(home: Path, seed: int, *, again: bool) -> list[Transcript]:
    """Clients of every kind attach while a turn streams."""
    chance, pace = random.Random(seed), Gate()
    async with serving(home) as server:
        answer_with(server, lambda _prompt: [PIECES[0], pace, *PIECES[1:]], spread=chance)
        author = await Wire.client(server.url)
        thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        await author.call("turn/start", threadId=thread_id, input=[{"type": "text", "text": "go"}])
        async with asyncio.timeout(PATIENCE):
            await pace.reached.wait()
        joining: list[Any] = []
        joined: list[Transcript] = []
        for _, (version, numbered) in zip(range(JOINERS), itertools.cycle(KINDS), strict=False):
            wire = await Wire.client(server.url, version=version, numbered=numbered)
            joined.append(Transcript(thread_id, numbered=numbered))
            joined[-1].merged = version != "0.169.0"
            resumes = [chance.randint(0, 60) for _ in range(3)] if again else []
            joining.append(join(wire, joined[-1], resumes))
        pace.open()
        await asyncio.gather(*joining)
    return joined


@pytest.mark.parametrize("again", [False, True], ids=["once", "again and again"])
@pytest.mark.parametrize("seed", range(3))
async def test_clients_of_all_kinds_attach_at_once_and_miss_nothing(tmp_path: Path, seed: int, again: bool) -> None:
    joined = await race(tmp_path, seed, again=again)
    assert [known.texts for known in joined] == [[["go", "".join(PIECES)]]] * JOINERS


async def races(home: Path) -> None:
    """Many, each with another order."""
    for seed in range(20):
        joined = await race(home / str(seed), seed, again=False)
        assert [known.texts for known in joined] == [[["go", "".join(PIECES)]]] * JOINERS


async def test_the_race_of_numbered_clients_is_lost_when_attach_awaits_once(tmp_path: Path) -> None:
    """The proof that the test above can fail."""
    serve = attach_handler.resume.serve

    async def resume(call: Any, params: Any) -> Any:
        result = await serve(call, params)
        await asyncio.sleep(0)
        return result

    object.__setattr__(attach_handler.resume, "serve", resume)
    try:
        # A client that missed the end of the turn itself waits for it in vain: that is a loss too.
        with pytest.raises((AssertionError, KeyError, TimeoutError)):
            await races(tmp_path)
    finally:
        object.__setattr__(attach_handler.resume, "serve", serve)
