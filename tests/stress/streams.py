"""Models for many threads at once: each turn gets the answer that its prompt asks for, at the pace of gates.

Knows the scripted provider and no thread.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from server.providers.provider import ModelEvent, ModelRequest
from server.providers.scripted import Gate, Step, completed, message
from tests.stress.wire import OPEN, PATIENCE
from tests.support.harness import Server, running

Answer = Callable[[str], Iterable[str | Gate]]
"""Prompt -> the pieces of the answer."""


@asynccontextmanager
async def serving(home: Path, **flags: object) -> AsyncIterator[Server]:
    """A server with these flags until the end of the block, when all clients vanish."""
    given = {name.replace("_", "-"): str(value) for name, value in flags.items()}
    async with running(home, flags=dict(given)) as server:
        try:
            yield server
        finally:
            for wire in list(OPEN):
                wire.abort()


def answer_with(server: Server, answer: Answer, *, spread: random.Random | None = None) -> None:
    """Let the model of this server answer so. After every piece others get a turn of the event loop, as they do when
    it has to be read from a network; with ``spread`` a few, by chance."""

    async def stream(request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        for step in _steps(answer(prompt_of(request))):
            if isinstance(step, Gate):
                await step.pass_through()
                continue
            assert not isinstance(step, Exception)
            yield step
            for _ in range(1 if spread is None else spread.choice((0, 0, 1, 3))):
                await asyncio.sleep(0)

    server.provider.stream = stream  # type: ignore[method-assign]


def prompt_of(request: ModelRequest) -> str:
    """What was said last."""
    said: list[Any] = [item for item in request.input if item.get("role") == "user"]
    return str(said[-1]["content"][-1]["text"])


def _steps(pieces: Iterable[str | Gate]) -> list[Step]:
    return [*message(deltas=list(pieces)), completed()]


def numbered_pieces(count: int, begin: int = 0) -> list[str]:
    """Pieces that are all different, so that none can be lost or doubled unseen."""
    return [f"<{number}>" for number in range(begin, begin + count)]


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the server work until this is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def check_mirrors(server: Server) -> None:
    """The two maps of who hears which thread say the same, and hold nothing that is over."""
    subscriptions = server.app.subscriptions
    forwards = {(one, thread) for one, threads in subscriptions._threads.items() for thread in threads}
    backwards = {(one, thread) for thread, all_of_it in subscriptions._subscribers.items() for one in all_of_it}
    assert forwards == backwards
    assert all(subscriptions._subscribers.values()), "a thread without subscribers is remembered"
