"""A rollback of the same rollout by us and by the released app-server: the same turns left, the same usage told.

Of a thread that loses all its turns the peer's model keeps the context of the first one; ours is told it anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.peer.clients import attached
from tests.support import codex
from tests.support.app_server import ours, released, serving
from tests.support.harness import Client, Message
from tests.support.model import ModelServer

pytestmark = pytest.mark.codex

USAGE = "thread/tokenUsage/updated"


async def write(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    for text in ("hello", "think of “quotes” and\nlines", "runs a command", "bye"):
        await client.run_turn(thread_id, text)
    return thread_id


async def roll_back(client: Client, thread_id: str, turns: int) -> tuple[Message, Message]:
    """The turns that are left, and the usage that subscribers hear."""
    await client.call("thread/resume", threadId=thread_id)
    await client.hear(USAGE)
    left = (await client.call("thread/rollback", threadId=thread_id, numTurns=turns))["thread"]["turns"]
    usage: Message = (await client.hear(USAGE))["tokenUsage"]
    return left, usage


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_both_leave_the_same_turns_and_estimate_the_same(tmp_path: Path, turns: int) -> None:
    async with ModelServer() as model:
        home, copy = tmp_path / "home", tmp_path / "copy"
        codex.write_config(home, model.url)
        async with serving(released(codex.REFERENCE), home) as server, attached(server) as client:
            thread_id = await write(client)
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("*.sqlite*"))  # it knows where files were
        told = []
        for command, place in ((released(codex.REFERENCE), home), (ours(), copy)):
            async with serving(command, place) as server, attached(server) as client:
                told.append(await roll_back(client, thread_id, turns))
        async with serving(released(codex.REFERENCE), copy) as server, attached(server) as client:
            again = await client.call("thread/resume", threadId=thread_id)
            replayed = (await client.hear(USAGE))["tokenUsage"]
        (their_turns, theirs), (our_turns, usage) = told
        assert (again["thread"]["turns"], replayed) == (our_turns, usage)  # what we wrote, read by them
        assert our_turns == their_turns
        assert usage["last"] == theirs["last"]
        assert usage["total"] == theirs["total"]
