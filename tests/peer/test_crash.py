"""The peer takes over threads whose server was killed again and again, and tells the same of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout.doctor import examine
from rollout.reader import raw_lines
from rollout.repair import repair
from tests.peer.clients import attached, rollout_of, seed
from tests.support import codex
from tests.support.app_server import ours, released, serving
from tests.support.crashes import HALF_A_LINE, check_turns, survive
from tests.support.model import ModelServer

pytestmark = pytest.mark.codex


async def test_the_peer_goes_on_with_threads_that_survived_many_kills(tmp_path: Path) -> None:
    home = tmp_path / "home"
    story = await survive(home, turns=30, seed=125)
    async with ModelServer() as model:
        codex.write_config(home, model.url)
        async with serving(released(codex.REFERENCE), home) as server, attached(server) as client:
            for thread in story.threads:
                resumed = await client.call("thread/resume", threadId=thread)
                check_turns(resumed["thread"]["turns"], thread, story)
                usage = await client.hear("thread/tokenUsage/updated", threadId=thread)
                assert usage["tokenUsage"]["total"]["totalTokens"] >= story.used[thread]
                assert (await client.run_turn(thread, "and on"))["status"] == "completed"


async def test_the_peer_finds_a_repaired_thread_and_what_a_torn_line_had_swallowed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with ModelServer() as model:
        codex.write_config(home, model.url)
        async with serving(ours(), home) as server:
            thread = await seed(server, "first words")
        path = rollout_of(home, thread)
        with path.open("ab") as file:
            file.write(HALF_A_LINE)
        async with serving(released(codex.REFERENCE), home) as server, attached(server) as client:
            await client.call("thread/resume", threadId=thread)
            await client.run_turn(thread, "second words")
        assert examine(raw_lines(path), path).counts == {"glued": 1}
        assert repair(path) is not None
        assert examine(raw_lines(path), path).is_healthy
        for database in home.glob("state*"):  # else the peer would not look for the file
            database.unlink()
        for who in (released(codex.REFERENCE), ours()):
            async with serving(who, home) as server, attached(server) as client:
                resumed = await client.call("thread/resume", threadId=thread)
                assert resumed["thread"]["path"] == str(path)
                assert [turn["status"] for turn in resumed["thread"]["turns"]] == ["completed", "completed"]
