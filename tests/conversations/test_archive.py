"""thread/archive and thread/unarchive through the wire: what moves, who hears what, in which order."""

from pathlib import Path

import pytest

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Refused, running
from tests.support.rollouts import plain, thread_id


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def refusal(client: Client, method: str, thread: str) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, threadId=thread)
    assert caught.value.code == -32600
    return caught.value.message


async def test_archiving_a_thread_that_is_not_loaded_moves_it_and_tells_everybody(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    before = rollout.path.read_bytes()
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        assert await client.call("thread/archive", threadId=rollout.thread_id) == {}
        await client.settle()
        assert client.methods() == ["reply", "thread/archived"]
        await other.settle()
        assert other.heard("thread/archived") == [{"threadId": rollout.thread_id}]
        assert not rollout.path.exists()
        assert (tmp_path / "archived_sessions" / rollout.path.name).read_bytes() == before


async def test_archiving_an_idle_thread_unloads_it_before_the_reply(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        await client.call("thread/resume", threadId=rollout.thread_id)
        await client.settle()
        already = len(client.log)
        await client.call("thread/archive", threadId=rollout.thread_id)
        await client.settle()
        assert client.methods(already) == ["thread/status/changed", "reply", "thread/archived"]
        assert client.heard("thread/status/changed")[-1]["status"] == {"type": "notLoaded"}
        await other.settle()
        assert "thread/closed" not in other.methods()
        assert (await other.call("thread/loaded/list"))["data"] == []


async def test_archiving_stops_the_running_turn_first(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await client.hear("item/agentMessage/delta")
        already = len(client.log)
        assert await other.call("thread/archive", threadId=thread) == {}
        await client.hear("thread/archived")
        assert client.methods(already) == [
            "thread/status/changed",
            "turn/completed",
            "thread/status/changed",
            "thread/archived",
        ]
        ended = client.heard("turn/completed")[0]["turn"]
        assert (ended["id"], ended["status"], ended["error"]) == (turn_id, "interrupted", None)
        told = [each["status"]["type"] for each in client.heard("thread/status/changed")]
        assert told == ["active", "idle", "notLoaded"]
        read = await other.call("thread/read", threadId=thread, includeTurns=True)
        assert read["thread"]["turns"][0]["status"] == "interrupted"
        assert "archived_sessions" in read["thread"]["path"]


async def test_an_archived_thread_has_no_subscribers_any_more(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        await client.call("thread/resume", threadId=rollout.thread_id)
        await other.call("thread/archive", threadId=rollout.thread_id)
        await other.call("thread/unarchive", threadId=rollout.thread_id)
        assert await client.call("thread/unsubscribe", threadId=rollout.thread_id) == {"status": "notLoaded"}
        await other.call("thread/resume", threadId=rollout.thread_id)
        await other.run_turn(rollout.thread_id, "Hello")
        await client.settle()
        assert client.heard("turn/started") == []


async def test_a_thread_is_archived_once_and_only_if_it_is_on_disk(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=rollout.thread_id)
        fresh = await start_thread(client)
        await client.settle()
        already = len(client.log)
        for thread in (rollout.thread_id, fresh, thread_id(99)):
            assert await refusal(client, "thread/archive", thread) == f"no rollout found for thread id {thread}"
        await client.settle()
        assert client.methods(already) == ["error"] * 3
        assert (await client.call("thread/loaded/list"))["data"] == [fresh]


async def test_two_that_archive_at_once_do_it_once(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        asked = [await client.post("thread/archive", {"threadId": rollout.thread_id}) for _ in range(2)]
        answers = [await client.reply(number) for number in asked]
        assert ["error" in answer for answer in answers] == [False, True]
        await client.settle()
        assert len(client.heard("thread/archived")) == 1


async def test_unarchiving_brings_the_thread_back_but_does_not_load_it(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    before = rollout.path.read_bytes()
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        await client.call("thread/archive", threadId=rollout.thread_id)
        await client.settle()
        already = len(client.log)
        thread = (await client.call("thread/unarchive", threadId=rollout.thread_id))["thread"]
        await client.settle()
        assert client.methods(already) == ["reply", "thread/unarchived"]
        assert await other.hear("thread/unarchived") == {"threadId": rollout.thread_id}
        assert (thread["id"], thread["path"]) == (rollout.thread_id, str(rollout.path))
        assert (thread["status"], thread["turns"], thread["preview"]) == ({"type": "notLoaded"}, [], "Say hello")
        assert (await client.call("thread/loaded/list"))["data"] == []
        assert rollout.path.read_bytes() == before


async def test_what_is_not_archived_cannot_be_unarchived(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        for thread in (rollout.thread_id, thread_id(99)):
            told = await refusal(client, "thread/unarchive", thread)
            assert told == f"no archived rollout found for thread id {thread}"
        assert rollout.path.exists()


async def test_archived_threads_cannot_be_attached_to_until_they_are_back(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path, [message("third"), completed()]) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=rollout.thread_id)
        for method in ("thread/resume", "thread/fork"):
            told = await refusal(client, method, rollout.thread_id)
            assert told == f"no rollout found for thread id {rollout.thread_id}"
        await client.call("thread/unarchive", threadId=rollout.thread_id)
        resumed = await client.call("thread/resume", threadId=rollout.thread_id)
        assert len(resumed["thread"]["turns"]) == 2
        assert (await client.run_turn(rollout.thread_id, "three"))["status"] == "completed"


async def test_a_place_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    taken = tmp_path / "archived_sessions" / rollout.path.name
    taken.parent.mkdir()
    taken.write_text("precious")
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match="-32603: failed to archive thread: "):
            await client.call("thread/archive", threadId=rollout.thread_id)
        await client.settle()
        assert client.heard("thread/archived") == []
    assert taken.read_text() == "precious"
    assert rollout.path.exists()
