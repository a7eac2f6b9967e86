"""thread/readState/update through the wire: what nobody has seen yet, and who changes it having seen what."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_147, V0_166
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import plain, thread_id

pytestmark = pytest.mark.since(V0_166)

UPDATE, CHANGED = "thread/readState/update", "thread/readState/changed"


def answers(*texts: str) -> list[Response]:
    return [[message(text), completed()] for text in texts]


async def state(client: Client, thread: str) -> Message:
    found: Message = (await client.call("thread/read", threadId=thread))["readState"]
    return found


async def mark(client: Client, thread: str, how: str, revision: str) -> Message:
    result = await client.call(UPDATE, threadId=thread, expectedRevision=revision, operation={"type": how})
    found: Message = result["readState"]
    return found


async def start(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


async def test_a_result_is_unread_from_the_first_turn_on_until_somebody_has_seen_it(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one", "two", "three")) as server:
        client, bystander = await server.client(), await server.client()
        thread = await start(client)
        assert await state(client, thread) is None
        first = (await client.run_turn(thread, "1"))["id"]
        assert (await client.hear(CHANGED))["readState"]["firstUnread"] == {"type": "turn", "turnId": first}
        await client.run_turn(thread, "2")
        told = await client.hear(CHANGED, threadId=thread)
        assert told["readState"]["firstUnread"] == {"type": "turn", "turnId": first}
        assert told["readState"] == await state(client, thread)
        seen = await mark(bystander, thread, "read", told["readState"]["revision"])
        assert seen["firstUnread"] is None
        assert await client.hear(CHANGED) == {"threadId": thread, "readState": seen}
        third = (await client.run_turn(thread, "3"))["id"]
        assert (await client.hear(CHANGED))["readState"]["firstUnread"] == {"type": "turn", "turnId": third}
        await bystander.settle()
        assert bystander.heard(CHANGED) == client.heard(CHANGED)


async def test_the_change_is_told_before_the_turn_ends(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client()
        thread = await start(client)
        await client.run_turn(thread, "1")
        assert client.methods()[-3:] == [CHANGED, "thread/status/changed", "turn/completed"]


async def test_who_has_seen_another_state_is_refused_and_told_the_one_it_is(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one", "two")) as server:
        client = await server.client()
        thread = await start(client)
        await client.run_turn(thread, "1")
        old = (await state(client, thread))["revision"]
        await client.run_turn(thread, "2")
        now = await state(client, thread)
        with pytest.raises(Refused, match="-32600: read state changed") as refused:
            await mark(client, thread, "read", old)
        assert refused.value.data == {"reason": "readStateConflict", "readState": now}
        assert await state(client, thread) == now


async def test_one_of_many_who_change_the_same_state_wins(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        clients = [await server.client() for _ in range(6)]
        revision = (await state(clients[0], written.thread_id))["revision"]
        asked = {"threadId": written.thread_id, "expectedRevision": revision, "operation": {"type": "unread"}}
        posted = [(client, await client.post(UPDATE, asked)) for client in clients]
        replies = [await client.reply(number) for client, number in posted]
        assert sorted("error" in reply for reply in replies) == [False] + [True] * 5
        await clients[0].settle()
        assert len(clients[0].heard(CHANGED)) == 1


async def test_marks_and_results_are_there_after_a_restart_in_lists_too(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client()
        thread = await start(client)
        turn = (await client.run_turn(thread, "1"))["id"]
        initial = await state(client, written.thread_id)
        assert initial["firstUnread"] is None
        marked = await mark(client, written.thread_id, "unread", initial["revision"])
        assert marked["firstUnread"] == {"type": "threadStart"}
    async with running(tmp_path) as server:
        client = await server.client()
        states = (await client.call("thread/list", modelProviders=[]))["readStates"]
        assert states[written.thread_id] == marked
        assert states[thread] == await state(client, thread)
        assert states[thread]["firstUnread"] == {"type": "turn", "turnId": turn}
        await client.call("thread/archive", threadId=thread)
        assert await state(client, thread) == states[thread]


async def test_a_failed_turn_is_a_result_and_an_interrupted_one_is_none(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(id="m", deltas=["Hel", gate, "lo"]), completed()]) as server:
        client = await server.client()
        thread = await start(client)
        turn = await client.start_turn(thread, "1")
        await gate.reached.wait()
        await client.call("turn/interrupt", threadId=thread, turnId=turn)
        await client.hear("turn/completed", threadId=thread)
        assert (await state(client, thread))["firstUnread"] is None
        failed = await client.run_turn(thread, "2")  # the script is at its end
        assert failed["status"] == "failed"
        assert (await state(client, thread))["firstUnread"] == {"type": "turn", "turnId": failed["id"]}


async def test_a_turn_does_not_change_what_a_person_marked(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one", "two")) as server:
        client = await server.client()
        thread = await start(client)
        await client.run_turn(thread, "1")
        await mark(client, thread, "unread", (await state(client, thread))["revision"])
        await client.run_turn(thread, "2")
        assert (await state(client, thread))["firstUnread"] == {"type": "threadStart"}


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_thread_that_is_not_on_disk_has_no_read_state(tmp_path: Path, ephemeral: bool) -> None:
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/", ephemeral=ephemeral))["thread"]["id"]
        with pytest.raises(Refused, match=f"-32600: thread {thread} is not on disk, so it has no read state"):
            await mark(client, thread, "read", "x")
        await client.run_turn(thread, "1")
        assert (await state(client, thread) is None) is ephemeral
        assert bool(client.heard(CHANGED)) is not ephemeral


async def test_what_cannot_be_marked_is_refused(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client, plain_client = (
            await server.client(),
            await server.client(experimental=False),
        )
        with pytest.raises(Refused, match=f"-32600: thread not loaded: {thread_id(99)}"):
            await mark(client, thread_id(99), "read", "x")
        with pytest.raises(Refused, match="-32602: invalid thread id"):
            await mark(client, "nonsense", "read", "x")
        with pytest.raises(Refused, match="-32600: Invalid request"):
            await mark(client, written.thread_id, "seen", "x")
        with pytest.raises(Refused, match=f"{UPDATE} requires experimentalApi capability"):
            await mark(plain_client, written.thread_id, "read", "x")


async def test_where_marks_cannot_be_written_they_fail_and_turns_do_not(tmp_path: Path) -> None:
    (tmp_path / "threadcast" / "read_states.jsonl").mkdir(parents=True)
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client()
        thread = await start(client)
        turn = await client.run_turn(thread, "1")
        assert turn["status"] == "completed"
        told = (await client.hear(CHANGED))["readState"]
        assert told["firstUnread"] == {"type": "turn", "turnId": turn["id"]}
        with pytest.raises(Refused, match=rf"-32603: the read state of thread {thread} cannot be written"):
            await mark(client, thread, "read", told["revision"])


async def test_two_servers_on_one_home_see_each_others_marks_and_pass_over_what_is_torn(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as one, running(tmp_path) as two:
        here, there = await one.client(), await two.client()
        first = await mark(here, written.thread_id, "unread", (await state(there, written.thread_id))["revision"])
        assert await state(there, written.thread_id) == first
        with (tmp_path / "threadcast" / "read_states.jsonl").open("a") as file:
            file.write('{"id":"torn')
        second = await mark(there, written.thread_id, "read", first["revision"])
        assert await state(here, written.thread_id) == second
        with pytest.raises(Refused, match="read state changed"):
            await mark(here, written.thread_id, "read", first["revision"])
    lines: list[Any] = (tmp_path / "threadcast" / "read_states.jsonl").read_text().splitlines()
    assert [json.loads(line)["state"] for line in (lines[0], lines[-1])] == [first, second]


async def test_clients_that_know_no_read_states_hear_nothing_of_them(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client(version=V0_147)
        thread = await start(client)
        await client.run_turn(thread, "1")
        assert "readState" not in await client.call("thread/read", threadId=thread)
        assert "readStates" not in await client.call("thread/list")
        assert CHANGED not in client.methods()
