"""thread/read, thread/unsubscribe: looking at a thread without attaching to it, and letting go of one."""

from pathlib import Path

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Message, running
from tests.support.older import older_methods
from tests.support.rollouts import failed, interrupted, mid_turn, plain, with_git


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def read(client: Client, thread_id: str, *, turns: bool = False) -> Message:
    thread: Message = (await client.call("thread/read", threadId=thread_id, includeTurns=turns))["thread"]
    return thread


async def test_a_thread_on_disk_can_be_read_without_loading_it(tmp_path: Path) -> None:
    rollout = with_git(tmp_path)
    before = rollout.path.stat().st_mtime_ns
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread = await read(client, rollout.thread_id)
        assert (thread["id"], thread["status"], thread["turns"]) == (rollout.thread_id, {"type": "notLoaded"}, [])
        assert (thread["preview"], thread["path"], thread["cwd"]) == ("one", str(rollout.path), "/project")
        assert thread["gitInfo"] == {"sha": "c0ffee", "branch": "main", "originUrl": "https://x/r.git"}
        assert thread["modelProvider"] == "offline"
        assert thread["updatedAt"] > thread["createdAt"]
        assert (await client.call("thread/loaded/list"))["data"] == []
        await other.settle()
        assert client.methods() == ["reply", "reply"]
        assert other.log == []
    assert rollout.path.stat().st_mtime_ns == before


async def test_turns_are_told_when_asked_for(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        turns = (await read(client, rollout.thread_id, turns=True))["turns"]
        assert [turn["id"] for turn in turns] == rollout.turn_ids
        assert [turn["status"] for turn in turns] == ["completed", "completed"]
        assert [item["type"] for item in turns[0]["items"]] == ["userMessage", "agentMessage"]
        assert turns[0]["items"][1]["text"] == "Hello."


async def test_turns_that_did_not_end_well_say_so(tmp_path: Path) -> None:
    ends = [failed(tmp_path, number=1), interrupted(tmp_path, number=2), mid_turn(tmp_path, number=3)]
    async with running(tmp_path) as server:
        client = await server.client()
        last = [(await read(client, rollout.thread_id, turns=True))["turns"][-1] for rollout in ends]
        assert [turn["status"] for turn in last] == ["failed", "interrupted", "interrupted"]
        assert last[0]["error"]["message"] == "bad request"
        assert last[0]["error"]["codexErrorInfo"] == {"responseStreamDisconnected": {"httpStatusCode": 502}}
        assert [turn["error"] for turn in last[1:]] == [None, None]


async def test_a_thread_that_has_said_nothing_can_be_read(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        started = (await client.call("thread/start", cwd="/"))["thread"]
        assert await read(other, started["id"]) == started


async def test_a_loaded_thread_is_read_with_its_turns_by_somebody_who_does_not_follow_it(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi there"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread_id = await start_thread(client)
        turn_id = (await client.run_turn(thread_id, "Hello"))["id"]
        thread = await read(other, thread_id, turns=True)
        assert (thread["status"], thread["preview"]) == ({"type": "idle"}, "Hello")
        assert [turn["id"] for turn in thread["turns"]] == [turn_id]
        assert thread["turns"][0]["items"][1]["text"] == "Hi there"
        assert (await read(other, thread_id))["turns"] == []
        await other.settle()
        assert other.heard("item/completed") == []


async def test_a_running_turn_is_read_as_in_progress(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate, " you"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread_id = await start_thread(client)
        turn_id = await client.start_turn(thread_id, "Hello")
        await client.hear("item/agentMessage/delta")
        thread = await read(other, thread_id, turns=True)
        assert thread["status"] == {"type": "active", "activeFlags": []}
        assert [(turn["id"], turn["status"]) for turn in thread["turns"]] == [(turn_id, "inProgress")]
        gate.open()
        await client.hear("turn/completed")
        assert (await read(other, thread_id))["status"] == {"type": "idle"}


async def test_an_archived_thread_can_be_read(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=rollout.thread_id)
        thread = await read(client, rollout.thread_id, turns=True)
        assert thread["path"] == str(tmp_path / "archived_sessions" / rollout.path.name)
        assert (thread["status"], len(thread["turns"])) == ({"type": "notLoaded"}, 2)


async def test_a_thread_reads_the_same_before_and_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi there"), completed()]) as server:
        client = await server.client()
        thread_id = await start_thread(client)
        await client.run_turn(thread_id, "Hello")
        before = await read(client, thread_id, turns=True)
    async with running(tmp_path) as server:
        client = await server.client()
        after = await read(client, thread_id, turns=True)
    assert after.pop("status") == {"type": "notLoaded"}
    assert before.pop("status") == {"type": "idle"}
    only_of_loaded_ones = {"environments", "canAcceptDirectInput", "model"}
    differing = {name for name in after if after[name] != before[name]}
    assert (after.keys(), differing - only_of_loaded_ones) == (before.keys(), set())


async def test_unsubscribe_says_what_it_met(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        assert await client.call("thread/unsubscribe", threadId=rollout.thread_id) == {"status": "notLoaded"}
        await client.call("thread/resume", threadId=rollout.thread_id)
        assert await other.call("thread/unsubscribe", threadId=rollout.thread_id) == {"status": "notSubscribed"}
        assert await client.call("thread/unsubscribe", threadId=rollout.thread_id) == {"status": "unsubscribed"}
        assert await client.call("thread/unsubscribe", threadId=rollout.thread_id) == {"status": "notSubscribed"}
        assert (await client.call("thread/loaded/list"))["data"] == [rollout.thread_id]


async def test_after_unsubscribing_the_turn_goes_on_and_nothing_of_it_is_heard(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate, " you"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread_id = await start_thread(client)
        await other.hear("thread/started")
        await client.start_turn(thread_id, "Hello")
        await other.call("thread/resume", threadId=thread_id)
        await client.hear("item/agentMessage/delta")
        assert await client.call("thread/unsubscribe", threadId=thread_id) == {"status": "unsubscribed"}
        already = len(client.log)
        gate.open()
        assert (await other.hear("turn/completed"))["turn"]["status"] == "completed"
        await client.settle()
        assert older_methods(client.methods(already)) == ["thread/status/changed"]
