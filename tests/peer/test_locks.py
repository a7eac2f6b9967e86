"""One writer per thread, across our server and codex 0.169.0; and its own form of a rollout, gone on in by us."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.peer.clients import attached, rollout_of, seed
from tests.support import codex
from tests.support.app_server import ours, released, serving
from tests.support.harness import Client, Refused
from tests.support.model import ModelServer

pytestmark = pytest.mark.codex(codex.NEWEST)

OCCUPIED = "already has an active writer"


def newest() -> list[str]:
    return released(codex.NEWEST)


async def seeded_by_newest(home: Path) -> str:
    """A thread that 0.169.0 made and no longer has loaded."""
    async with serving(newest(), home) as server:
        return await seed(server, "hello", "think twice")


def shown(turns: list[dict[str, Any]]) -> list[tuple[str, str, list[tuple[str, str, Any]]]]:
    """What two servers must tell alike of turns: ids, how they ended, and their items with ids and texts."""
    return [(turn["id"], turn["status"], [_item(item) for item in turn["items"]]) for turn in turns]


def _item(item: dict[str, Any]) -> tuple[str, str, Any]:
    texts = item.get("text") or item.get("summary") or [part.get("text") for part in item.get("content", [])]
    return item["type"], item["id"], texts


async def turns_of(client: Client, thread_id: str) -> list[dict[str, Any]]:
    read = await client.call("thread/read", threadId=thread_id, includeTurns=True)
    turns: list[dict[str, Any]] = read["thread"]["turns"]
    return turns


def locks(home: Path) -> set[str]:
    return {path.name for path in (home / "thread-writer-locks").iterdir()} - {".coordination.lock"}


async def test_a_thread_that_we_write_is_refused_by_the_newest_server_until_we_let_go(home: Path) -> None:
    async with serving(newest(), home) as theirs:
        async with serving(ours(), home) as server:
            thread_id = await seed(server, "hello")
            async with attached(theirs) as client:
                with pytest.raises(Refused, match=OCCUPIED):
                    await client.call("thread/resume", threadId=thread_id)
                assert locks(home) == {f"{thread_id}.lock", f"{thread_id}.owner.json"}
        assert locks(home) == set()
        async with attached(theirs) as client:
            await client.call("thread/resume", threadId=thread_id)
            assert (await client.run_turn(thread_id, "theirs"))["status"] == "completed"


async def test_a_thread_that_the_newest_server_writes_is_read_here_and_not_written(home: Path) -> None:
    async with serving(ours(), home) as server, attached(server) as client:
        async with serving(newest(), home) as theirs, attached(theirs) as writer:
            thread_id = await seed(theirs, "hello")
            path = rollout_of(home, thread_id)
            resumed = await client.call("thread/resume", threadId=thread_id)
            assert len(resumed["thread"]["turns"]) == 1
            before = path.read_bytes()
            text = f"{OCCUPIED}: another process \\(pid {theirs.pid}\\)"
            with pytest.raises(Refused, match=text):
                await client.start_turn(thread_id, "mine")
            with pytest.raises(Refused, match=text):
                await client.call("thread/name/set", threadId=thread_id, name="Mine")
            with pytest.raises(Refused, match=text):
                await client.call("thread/archive", threadId=thread_id)
            assert path.read_bytes() == before
            await writer.call("thread/resume", threadId=thread_id)
            await writer.run_turn(thread_id, "theirs")
            assert len(await turns_of(client, thread_id)) == 2
            assert len((await client.call("thread/list"))["data"]) == 1
        assert (await client.run_turn(thread_id, "mine"))["status"] == "completed"
        assert [turn["items"][0]["content"][0]["text"] for turn in await turns_of(client, thread_id)] == [
            "hello",
            "theirs",
            "mine",
        ]


async def test_a_writer_that_was_killed_is_in_nobodys_way(home: Path) -> None:
    async with serving(ours(), home) as server, attached(server) as client:
        async with serving(newest(), home) as theirs:
            thread_id = await seed(theirs, "hello")
            theirs.process.kill()
            await theirs.process.wait()
        await client.call("thread/resume", threadId=thread_id)
        assert (await client.run_turn(thread_id, "mine"))["status"] == "completed"
        server.process.kill()
        await server.process.wait()
    assert f"{thread_id}.owner.json" in locks(home)  # our note, of a process that is no more
    async with serving(newest(), home) as theirs, attached(theirs) as client:
        await client.call("thread/resume", threadId=thread_id)
        async with serving(ours(), home) as server, attached(server) as reader:
            with pytest.raises(Refused, match=rf"another process \(pid {theirs.pid}\)"):
                await reader.call("thread/name/set", threadId=thread_id, name="Mine")
        assert (await client.run_turn(thread_id, "theirs"))["status"] == "completed"


async def all_endings(client: Client, thread_id: str) -> None:
    """Turns of ours that end in every way that needs no tools."""
    await client.run_turn(thread_id, "ours think")
    await client.run_turn(thread_id, "fail please")
    turn_id = await client.start_turn(thread_id, "hang")
    await client.hear("item/agentMessage/delta", turnId=turn_id)
    await client.call("turn/interrupt", threadId=thread_id, turnId=turn_id)
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn_id)
    await client.call("thread/name/set", threadId=thread_id, name="A name")
    await client.run_turn(thread_id, "runs a command")


async def test_what_we_append_to_a_rollout_of_the_newest_form_is_shown_by_its_server(
    home: Path, model: ModelServer
) -> None:
    thread_id = await seeded_by_newest(home)
    path = rollout_of(home, thread_id)
    theirs_before = path.read_bytes()
    async with serving(ours(), home) as server, attached(server) as client:
        await client.call("thread/resume", threadId=thread_id)
        assert path.read_bytes() == theirs_before
        await all_endings(client, thread_id)
        live = shown(await turns_of(client, thread_id))
        usage = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]["total"]
    async with serving(ours(), home) as server, attached(server) as client:
        assert shown(await turns_of(client, thread_id)) == live
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["ordinal"] for record in records] == list(range(len(records)))
    kinds = {record["payload"].get("type") for record in records}
    assert kinds.isdisjoint({"user_message", "agent_message", "agent_reasoning", "error"})
    async with serving(newest(), home) as server, attached(server) as client:
        resumed = await client.call("thread/resume", threadId=thread_id)
        assert shown(resumed["thread"]["turns"]) == live
        assert resumed["thread"]["turns"][3]["error"]["message"] == "the model was told to fail"
        listed = await client.call("thread/turns/list", threadId=thread_id, itemsView="full")
        assert shown(listed["data"][::-1]) == live
        await client.run_turn(thread_id, "the end")
        asked = [part["text"] for item in model.request["input"] for part in item.get("content") or []]
        prompts = ("hello", "think twice", "ours think", "Noted: OURS THINK", "hang", "the end")
        assert [text for text in asked if text in prompts] == list(prompts)
        told = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]["total"]
        assert told["totalTokens"] == usage["totalTokens"] + 90


async def test_a_rollout_of_the_newest_form_goes_back_and_forth(home: Path) -> None:
    thread_id = await seeded_by_newest(home)
    for command, prompt in ((ours(), "from us"), (newest(), "from the peer"), (ours(), "from us again")):
        async with serving(command, home) as server, attached(server) as client:
            await client.call("thread/resume", threadId=thread_id)
            await client.run_turn(thread_id, prompt)
    path = rollout_of(home, thread_id)
    path.write_bytes(path.read_bytes()[:-30])  # a crash cut the last line off
    seen: list[Any] = []
    for command in (ours(), newest()):
        async with serving(command, home) as server, attached(server) as client:
            await client.call("thread/resume", threadId=thread_id)
            await client.run_turn(thread_id, "after the crash")
            async with asyncio.timeout(10):
                seen.append(shown(await turns_of(client, thread_id)))
    assert seen[1][:-1] == seen[0]
    assert len(seen[1]) == 7
