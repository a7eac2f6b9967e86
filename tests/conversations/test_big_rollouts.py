"""Rollouts that take long to read: who asks for them waits, nobody else does, and nothing is done twice."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocol import frames
from protocol.dialects.shape import shaped
from protocol.dialects.versions import Version
from protocol.turn import Turn
from protocol.wire import encode
from rollout import fork
from rollout.history import present, rebuild
from rollout.reader import read
from server.providers.scripted import completed, message
from server.threads import encoded_turns, opening
from tests.support import rollouts
from tests.support.harness import running
from tests.support.rollouts import RolloutBuilder, Written, usage_info

DELTAS = [f"<{number}>" for number in range(50)]


def long_thread(home: Path) -> Written:
    """Turns of which each fills a part of the reply."""
    builder = RolloutBuilder(home, number=7)
    for number in range(5):
        builder.turn(f"question {number}", f"{number}" * encoded_turns.PART, usage_info(number + 1))
    return builder.write()


class Held:
    """Work in another thread that does not begin before it is let go."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.reached = threading.Event()
        self.go = threading.Event()
        self._work = work

    def __call__(self, *args: Any) -> Any:
        self.reached.set()
        assert self.go.wait(10)
        return self._work(*args)


@pytest.mark.parametrize(
    ("method", "owner", "name"),
    [
        ("thread/read", opening, "fold"),
        ("thread/resume", opening, "fold"),
        ("thread/fork", fork, "survey"),
        ("thread/fork", fork, "write"),
    ],
)
async def test_other_threads_are_heard_while_one_is_read_or_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, owner: object, name: str
) -> None:
    stored = long_thread(tmp_path)
    held = Held(getattr(owner, name))
    monkeypatch.setattr(owner, name, held)
    async with running(tmp_path, [*message(deltas=DELTAS), completed()]) as server:
        waiting, talking = await server.client(), await server.client()
        request = await waiting.post(method, threadId=stored.thread_id, includeTurns=True)
        assert await asyncio.to_thread(held.reached.wait, 10)
        other = (await talking.call("thread/start", cwd="/"))["thread"]["id"]
        assert (await talking.run_turn(other, "go"))["status"] == "completed"
        assert [told["delta"] for told in talking.heard("item/agentMessage/delta")] == DELTAS
        assert "reply" not in waiting.methods()
        held.go.set()
        assert len((await waiting.reply(request))["result"]["thread"]["turns"]) == 5


async def test_a_long_reply_says_what_the_rollout_says(tmp_path: Path, dialect: Version) -> None:
    stored = long_thread(tmp_path)
    turns = present(rebuild(read(stored.path).entries).turns(), active=False)
    expected = json.loads(frames.response(1, shaped(turns, dialect)).payload)["result"]
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("thread/read", "thread/resume", "thread/resume", "thread/read", "thread/fork"):
            result = await client.call(method, threadId=stored.thread_id, includeTurns=True)
            assert result["thread"]["turns"] == expected
        started = await client.hear("thread/started")
        assert started["thread"]["turns"] == []


async def test_turns_are_encoded_once_and_not_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = long_thread(tmp_path)
    encoded: list[tuple[str, bool]] = []

    def noted(turn: Turn) -> bytes:
        encoded.append((turn.id, threading.current_thread() is threading.main_thread()))
        return encode(turn)

    monkeypatch.setattr(encoded_turns, "encode", noted)
    async with running(tmp_path) as server:
        client = await server.client()
        for _ in range(3):
            await client.call("thread/resume", threadId=stored.thread_id)
        assert encoded == [(turn_id, False) for turn_id in stored.turn_ids]


async def test_only_what_was_said_since_is_encoded_for_who_attaches_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = rollouts.plain(tmp_path)
    async with running(tmp_path, [*message("third"), completed()]) as server:
        client = await server.client()
        before = await client.call("thread/resume", threadId=stored.thread_id)
        await client.run_turn(stored.thread_id, "three")
        after = await client.call("thread/resume", threadId=stored.thread_id)
        turns = after["thread"]["turns"]
        assert turns[:-1] == before["thread"]["turns"]
        assert [item["type"] for item in turns[-1]["items"]] == ["userMessage", "agentMessage"]
