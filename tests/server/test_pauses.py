"""What would hold up the event loop although it does nothing: the garbage collector, and threads that compute."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from server.cli import SWITCH
from server.engine import sampling
from server.files.gathering import Gathering
from server.files.index import Index
from server.providers.provider import ItemAdded, ModelEvent, TextDelta
from server.providers.scripted import Response, completed
from tests.support.app_server import ROOT
from tests.support.harness import running

RUN = """
import gc, sys
from server import __main__, cli

async def look(config):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000, sys.getswitchinterval())
    return 0

cli._serve = look
sys.argv = ["threadcast", "serve"]
sys.exit(__main__.main())
"""


def test_the_program_itself_is_out_of_the_collectors_sight_and_threads_let_the_loop_go_on_soon(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, env={"CODEX_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert ran.stdout.split() == ["True", "True", str(SWITCH)], ran.stderr


def test_the_paths_of_a_search_are_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"folder{number}").mkdir()
        for each in range(50):
            (tmp_path / f"folder{number}" / f"file{each}").touch()
    gathering = Gathering([str(tmp_path)])
    before = len(gc.get_objects())
    index = Index(gathering.all())
    seen = len(gc.get_objects()) - before
    assert index.find("folder3/file7")
    assert seen < 200


async def test_others_get_their_turn_while_a_model_says_much_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "BREATH", -1.0)  # as if each word had taken too long
    loop, turns, seen = asyncio.get_running_loop(), 0, set[int]()
    ticking = loop.call_soon(lambda: None)

    def turn() -> None:
        nonlocal turns, ticking
        turns += 1
        ticking = loop.call_soon(turn)

    def said() -> Iterator[ModelEvent]:
        yield ItemAdded(item={"type": "message", "role": "assistant", "id": "msg-1", "content": []})
        for _ in range(100):
            seen.add(turns)
            yield TextDelta(delta="word ")
        yield completed()

    ticking = loop.call_soon(turn)
    async with running(tmp_path, cast(Response, said())) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread, "say much")
    ticking.cancel()
    assert len(seen) == 100
