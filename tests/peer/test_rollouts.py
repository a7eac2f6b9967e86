"""Rollouts that we and the released app-server write for each other: both must tell the same of every thread."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peer.clients import attached, rollout_of
from tests.support import codex
from tests.support.app_server import AppServer, ours, released, serving
from tests.support.harness import Client
from tests.support.model import ModelServer

pytestmark = pytest.mark.codex

INTENDED = {
    ("thread/list", "forkedFromId"): "the peer's list does not tell where a fork comes from, its other answers do",
}
"""Where our answer may differ from the peer's, by method and member of the thread, and why."""

CLOCKS = {"updatedAt"}
"""Members that may differ by a second: we tell the time of the file, the peer one of its own from a moment later."""

Story = Callable[[Client, str], Awaitable[str]]


def command(who: str) -> list[str]:
    return ours() if who == "ours" else released(codex.REFERENCE)


# -- what happens in a thread ------------------------------------------------------------------------------------------


async def plain(client: Client, thread_id: str) -> str:
    """Turns that end in every way that needs no tools."""
    await client.run_turn(thread_id, "hello")
    await client.run_turn(thread_id, "think twice")
    turn_id = await client.start_turn(thread_id, "hang")
    await client.hear("item/agentMessage/delta", turnId=turn_id)
    await client.call("turn/interrupt", threadId=thread_id, turnId=turn_id)
    await client.hear("turn/completed", threadId=thread_id)
    await client.run_turn(thread_id, "fail please")
    await client.run_turn(thread_id, "bye reads:500")
    return thread_id


async def ends_failed(client: Client, thread_id: str) -> str:
    """The usage belongs to the turn that had it, not to the last one."""
    await client.run_turn(thread_id, "hello")
    await client.run_turn(thread_id, "fail please")
    return thread_id


async def forked(client: Client, thread_id: str) -> str:
    """A fork with a turn and a name of its own."""
    await client.run_turn(thread_id, "common")
    fork = await client.call("thread/fork", threadId=thread_id)
    fork_id: str = fork["thread"]["id"]
    await client.run_turn(fork_id, "own way")
    await client.call("thread/name/set", threadId=fork_id, name="A way of its own")
    return fork_id


async def planned(client: Client, thread_id: str) -> str:
    """A plan, with a picture and a skill in the question."""
    mode = {"mode": "plan", "settings": {"model": "test-model", "reasoning_effort": None}}
    picture = {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="}
    words = [{"type": "text", "text": "$some plans"}, picture, {"type": "skill", "name": "some", "path": "/some"}]
    await client.call("turn/start", threadId=thread_id, input=words, collaborationMode=mode)
    await client.hear("turn/completed", threadId=thread_id)
    await client.run_turn(thread_id, "carry it out")
    return thread_id


async def summed_up(client: Client, thread_id: str) -> str:
    """A thread that was summed up twice, once before it was too late."""
    await client.run_turn(thread_id, "hello")
    await compact(client, thread_id)
    await client.run_turn(thread_id, "in between reads:260000")
    await client.run_turn(thread_id, "and on")
    return thread_id


async def compact(client: Client, thread_id: str) -> None:
    """Sum it up, to the end of that turn."""
    await client.call("thread/compact/start", threadId=thread_id)
    compacted = await client.find(
        lambda m: m.get("method") == "item/completed" and m["params"]["item"]["type"] == "contextCompaction"
    )
    turn_id = compacted["params"]["turnId"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn_id)


async def with_tools(client: Client, thread_id: str) -> str:
    """A command, a compaction, and turns that were taken back."""
    await client.run_turn(thread_id, "runs a command")
    await compact(client, thread_id)
    await client.run_turn(thread_id, "this goes")
    await client.run_turn(thread_id, "and this")
    await client.call("thread/rollback", threadId=thread_id, numTurns=2)
    await client.run_turn(thread_id, "this stays")
    return thread_id


STORIES = [
    pytest.param("ours", plain, id="ours-plain"),
    pytest.param("ours", ends_failed, id="ours-ends-failed"),
    pytest.param("ours", forked, id="ours-forked"),
    pytest.param("ours", planned, id="ours-planned"),
    pytest.param("ours", summed_up, id="ours-summed-up"),
    pytest.param("peer", summed_up, id="peer-summed-up"),
    pytest.param("peer", planned, id="peer-planned"),
    pytest.param("peer", plain, id="peer-plain"),
    pytest.param("peer", ends_failed, id="peer-ends-failed"),
    pytest.param("peer", forked, id="peer-forked"),
    pytest.param("peer", with_tools, id="peer-with-tools"),
]


async def write(who: str, story: Story, home: Path) -> tuple[str, Any]:
    """Let it happen on this server. Returns the thread and the last usage told live."""
    async with serving(command(who), home) as server, attached(server) as client:
        started = await client.call("thread/start", cwd=str(home), persistExtendedHistory=True)
        thread_id = await story(client, started["thread"]["id"])
        await client.settle()
        told = [usage for usage in client.heard("thread/tokenUsage/updated") if usage["threadId"] == thread_id]
    return thread_id, told[-1]


def state(path: Path) -> tuple[str, int, int]:
    """What changes when somebody writes to a file or replaces it."""
    stat = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), stat.st_mtime_ns, stat.st_ino


# -- what a server tells of it -----------------------------------------------------------------------------------------


async def report(server: AppServer, thread_id: str) -> tuple[dict[str, Any], list[Any]]:
    """Everything this server tells of a thread it has not loaded, by method, and the usage it replays."""
    async with attached(server) as client:
        listed = await client.call("thread/list")
        read = await client.call("thread/read", threadId=thread_id, includeTurns=True)
        resumed = await client.call("thread/resume", threadId=thread_id)
        await client.settle()
        usage = client.heard("thread/tokenUsage/updated")
    row = next(row for row in listed["data"] if row["id"] == thread_id)
    return {"thread/list": row, "thread/read": read["thread"], "thread/resume": resumed["thread"]}, usage


def differences(told_by_us: dict[str, Any], told_by_peer: dict[str, Any]) -> Iterator[str]:
    for method, peer in told_by_peer.items():
        us = told_by_us[method]
        for member in sorted(us.keys() | peer.keys()):
            our_value, peer_value = us.get(member, "absent"), peer.get(member, "absent")
            allowed = (method, member) in INTENDED or (member in CLOCKS and abs(our_value - peer_value) <= 1)
            if our_value != peer_value and not allowed:
                yield f"{method} {member}: ours {our_value!r}, peer {peer_value!r}"


@pytest.mark.parametrize(("writer", "story"), STORIES)
async def test_both_servers_tell_the_same_of_a_thread(writer: str, story: Story, home: Path) -> None:
    thread_id, last_usage = await write(writer, story, home)
    async with serving(ours(), home) as server:
        told_by_us, our_usage = await report(server, thread_id)
    async with serving(released(codex.REFERENCE), home) as server:
        told_by_peer, peer_usage = await report(server, thread_id)
    assert list(differences(told_by_us, told_by_peer)) == []
    assert our_usage == peer_usage
    assert [usage["tokenUsage"] for usage in our_usage] == [last_usage["tokenUsage"]]
    assert our_usage[0]["turnId"] in {turn["id"] for turn in told_by_us["thread/resume"]["turns"]}


def told_the_same(turns: list[Any]) -> list[Any]:
    """Turns without what only one side knows: the times of items, and the numbers that a reader gives them."""
    beside = ("startedAtMs", "completedAtMs", "rootTurnId", "itemsView")
    return [_without(turn | {"items": [_without(item, beside) for item in turn["items"]]}, beside) for turn in turns]


def _without(value: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names and each not in (None, [])}


async def newest_things(client: Client, thread_id: str) -> str:
    """What only newer clients say: ids of their own, and how closely to look at an image."""
    image = {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    said = [{"type": "text", "text": "look"}, image]
    started = await client.call("turn/start", threadId=thread_id, input=said, clientUserMessageId="mine-1")
    turn_id = started["turn"]["id"]
    await client.hear("turn/completed", threadId=thread_id)
    started = await client.call(
        "turn/start", threadId=thread_id, input=[{"type": "text", "text": "hang"}], clientUserMessageId="mine-2"
    )
    turn_id = started["turn"]["id"]
    await client.hear("item/agentMessage/delta", turnId=turn_id)
    await client.call("turn/interrupt", threadId=thread_id, turnId=turn_id)
    await client.hear("turn/completed", threadId=thread_id)
    await client.run_turn(thread_id, "fail please")
    return thread_id


@pytest.mark.parametrize("story", [plain, newest_things, forked, summed_up])
async def test_the_newest_version_tells_the_same_of_our_threads(story: Story, home: Path) -> None:
    thread_id, _ = await write("ours", story, home)
    async with serving(ours(), home) as server, attached(server, version=codex.NEWEST) as client:
        ours_told = await client.call("thread/read", threadId=thread_id, includeTurns=True)
        ours_listed = await client.call("thread/list")
    async with serving(released(codex.NEWEST), home) as server, attached(server) as client:
        listed = await client.call("thread/list")
        resumed = await client.call("thread/resume", threadId=thread_id)
        fork = await client.call("thread/fork", threadId=thread_id)
    assert told_the_same(ours_told["thread"]["turns"]) == told_the_same(resumed["thread"]["turns"])
    assert told_the_same(fork["thread"]["turns"]) == told_the_same(resumed["thread"]["turns"])
    ours_ids, theirs = ([row["id"] for row in page["data"]] for page in (ours_listed, listed))
    assert ours_ids == theirs


async def test_turns_keep_what_was_told_of_them_live(home: Path) -> None:
    async with serving(ours(), home) as server, attached(server) as client:
        started = await client.call("thread/start", cwd=str(home))
        thread_id = await plain(client, started["thread"]["id"])
        live = [told["turn"] for told in client.heard("turn/completed")]
        usage = client.heard("thread/tokenUsage/updated")[-1]
    async with serving(released(codex.REFERENCE), home) as server:
        told, replayed = await report(server, thread_id)
    assert [turn | {"items": []} for turn in told["thread/resume"]["turns"]] == live
    assert replayed == [usage]


async def test_a_thread_goes_back_and_forth(home: Path, model: ModelServer) -> None:
    thread_id, _ = await write("ours", plain, home)
    for who, prompt in (("peer", "from the peer"), ("ours", "from us"), ("peer", "the end")):
        async with serving(command(who), home) as server, attached(server) as client:
            await client.call("thread/resume", threadId=thread_id)
            await client.run_turn(thread_id, prompt)
    asked = [part["text"] for item in model.request["input"] for part in item.get("content") or [] if "text" in part]
    said = [text for text in asked if text in ("hello", "think twice", "hang", "from the peer", "from us", "the end")]
    assert said == ["hello", "think twice", "hang", "from the peer", "from us", "the end"]
    async with serving(ours(), home) as server:
        told_by_us, our_usage = await report(server, thread_id)
    async with serving(released(codex.REFERENCE), home) as server:
        told_by_peer, peer_usage = await report(server, thread_id)
    assert list(differences(told_by_us, told_by_peer)) == []
    assert our_usage == peer_usage
    assert our_usage[0]["tokenUsage"]["total"]["outputTokens"] == 6 * 20


def words_of(model: ModelServer) -> list[str]:
    """What the newest request says besides context, in order; of a summary only what the model itself wrote."""
    texts = [part["text"] for item in model.request["input"] for part in item.get("content") or [] if "text" in part]
    context = ("<", "# AGENTS.md", "You are")
    return [text.splitlines()[-1] for text in texts if not text.startswith(context)]


@pytest.mark.parametrize("version", [codex.REFERENCE, codex.NEWEST])
@pytest.mark.parametrize("first", ["ours", "peer"])
async def test_a_thread_that_was_summed_up_is_told_alike_by_both(
    first: str, version: str, home: Path, model: ModelServer
) -> None:
    config = home / "config.toml"
    config.write_text('compact_prompt = "sum up"\n' + config.read_text())
    both = {"ours": ours(), "peer": released(version)}
    second = "peer" if first == "ours" else "ours"
    async with serving(both[first], home) as server, attached(server, version=version) as client:
        started = await client.call("thread/start", cwd=str(home))
        thread_id = started["thread"]["id"]
        await client.run_turn(thread_id, "hello")
        await compact(client, thread_id)
        await client.run_turn(thread_id, "and on")
        asked = words_of(model)
    said = []
    for who in (second, first):
        async with serving(both[who], home) as server, attached(server, version=version) as client:
            resumed = await client.call("thread/resume", threadId=thread_id)
            said.append([[item["type"] for item in turn["items"]] for turn in resumed["thread"]["turns"]])
            await client.run_turn(thread_id, f"once more from {who}")
            asked = [*asked, *words_of(model)[-2:]]
            assert words_of(model) == asked
    assert said[0] == [["userMessage", "agentMessage"], ["contextCompaction"], ["userMessage", "agentMessage"]]
    assert said[1] == [*said[0], ["userMessage", "agentMessage"]]


async def test_looking_at_a_thread_of_the_peer_leaves_its_file_untouched(home: Path) -> None:
    thread_id, _ = await write("peer", with_tools, home)
    before = state(rollout_of(home, thread_id))
    async with serving(ours(), home) as server:
        await report(server, thread_id)
        async with attached(server) as client:
            await client.call("thread/resume", threadId=thread_id, excludeTurns=True)
            fork = await client.call("thread/fork", threadId=thread_id)
            await client.run_turn(fork["thread"]["id"], "in the fork")
            await client.call("thread/unsubscribe", threadId=thread_id)
    assert state(rollout_of(home, thread_id)) == before
