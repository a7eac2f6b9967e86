"""thread/name/set through the wire: loaded or not, told to all, kept over a restart."""

import json
from pathlib import Path

import pytest

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import plain, thread_id

UPDATED = "thread/name/updated"


async def start_thread(client: Client) -> Message:
    thread: Message = (await client.call("thread/start", cwd="/"))["thread"]
    return thread


def kinds_of(path: str) -> list[str]:
    """What the lines of a rollout are."""
    return [json.loads(line)["type"] for line in Path(path).read_text().splitlines()]


async def name_of(client: Client, thread: str) -> str | None:
    name: str | None = (await client.call("thread/read", threadId=thread))["thread"]["name"]
    return name


async def test_a_new_name_is_acknowledged_and_then_told_to_everybody(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        assert await client.call("thread/name/set", threadId=rollout.thread_id, name="  A better name \n") == {}
        await client.settle()
        assert client.methods() == ["reply", UPDATED]
        assert await other.hear(UPDATED) == {"threadId": rollout.thread_id, "threadName": "A better name"}
        assert await name_of(other, rollout.thread_id) == "A better name"
        assert (await other.call("thread/list", modelProviders=[]))["data"][0]["name"] == "A better name"


async def test_the_name_of_a_thread_that_is_not_loaded_survives_a_restart(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/name/set", threadId=rollout.thread_id, name="First")
        await client.call("thread/name/set", threadId=rollout.thread_id, name="Second")
        assert (await client.call("thread/loaded/list"))["data"] == []
    async with running(tmp_path) as server:
        client = await server.client()
        assert await name_of(client, rollout.thread_id) == "Second"
        assert (await client.call("thread/resume", threadId=rollout.thread_id))["thread"]["name"] == "Second"
    (tmp_path / "session_index.jsonl").unlink()
    async with running(tmp_path) as server:  # the rollout remembers it too
        assert await name_of(await server.client(), rollout.thread_id) == "Second"


async def test_the_name_of_a_loaded_thread_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = (await start_thread(client))["id"]
        await client.run_turn(thread, "Hello")
        await client.call("thread/name/set", threadId=thread, name="A name")
        assert await name_of(client, thread) == "A name"
    async with running(tmp_path) as server:
        assert await name_of(await server.client(), thread) == "A name"


async def test_naming_a_thread_that_has_said_nothing_puts_it_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await client.call("thread/name/set", threadId=thread["id"], name="Early")
        assert kinds_of(thread["path"]) == ["session_meta", "event_msg"]
        resumed = await other.call("thread/resume", threadId=thread["id"])
        assert resumed["thread"]["name"] == "Early"
    async with running(tmp_path) as server:
        assert await name_of(await server.client(), thread["id"]) == "Early"


async def test_a_thread_can_be_named_while_its_turn_runs(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await start_thread(client))["id"]
        await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await other.call("thread/name/set", threadId=thread, name="Meanwhile")
        await client.hear(UPDATED)
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        assert await name_of(client, thread) == "Meanwhile"


async def test_a_name_that_repeats_the_first_words_is_no_name(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/name/set", threadId=rollout.thread_id, name="Say hello")
        assert await name_of(client, rollout.thread_id) is None


@pytest.mark.parametrize("name", ["", "   ", "\n\t"])
async def test_a_blank_name_is_refused(tmp_path: Path, name: str) -> None:
    rollout = plain(tmp_path)
    before = rollout.path.read_bytes()
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        loaded = (await start_thread(client))["id"]
        for thread in (rollout.thread_id, loaded):
            with pytest.raises(Refused, match="-32600: thread name must not be empty"):
                await client.call("thread/name/set", threadId=thread, name=name)
        await other.settle()
        assert other.heard(UPDATED) == []
    assert rollout.path.read_bytes() == before


async def test_an_unknown_or_archived_thread_cannot_be_named(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=rollout.thread_id)
        for thread in (thread_id(99), rollout.thread_id):
            with pytest.raises(Refused, match=f"-32600: thread not found: {thread}"):
                await client.call("thread/name/set", threadId=thread, name="A name")
        assert not (tmp_path / "session_index.jsonl").exists()
