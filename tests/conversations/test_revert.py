"""thread/revert through the wire: a turn and all after it are taken back, and who shows the thread is told."""

from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_166
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import RolloutBuilder, Written, thread_id

pytestmark = pytest.mark.since(V0_166)

REVERT, REVERTED = "thread/revert", "thread/reverted"


def three_turns(home: Path) -> Written:
    builder = RolloutBuilder(home)
    for number in range(3):
        builder.turn(f"question {number}", f"answer {number}")
    return builder.write()


async def revert(client: Client, thread: str, turn: str) -> Message:
    result: Message = await client.call(REVERT, threadId=thread, beforeTurnId=turn)
    return result


def ids(page: Message) -> list[str]:
    return [turn["id"] for turn in page["data"]]


async def test_the_turn_and_all_after_it_are_gone_for_clients_and_model(tmp_path: Path) -> None:
    written = three_turns(tmp_path)
    async with running(tmp_path, [message("again"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        reverted = await revert(client, written.thread_id, written.turn_ids[1])
        assert (reverted["thread"]["id"], reverted["thread"]["turns"]) == (written.thread_id, [])
        page = await client.call("thread/turns/list", threadId=written.thread_id)
        assert ids(page) == written.turn_ids[:1]
        await client.run_turn(written.thread_id, "go on")
        asked = [part["text"] for item in server.provider.requests[0].input for part in item.get("content", [])]
        assert [text for text in asked if text.startswith(("question", "answer", "go on"))] == [
            "question 0",
            "answer 0",
            "go on",
        ]
    async with running(tmp_path) as server:
        client = await server.client()
        page = await client.call("thread/turns/list", threadId=written.thread_id)
        assert ids(page)[1:] == written.turn_ids[:1]


async def test_the_cursors_lead_from_the_end_of_what_is_left(tmp_path: Path) -> None:
    written = three_turns(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        left = await revert(client, written.thread_id, written.turn_ids[2])
        backwards: dict[str, Any] = {"threadId": written.thread_id, "sortDirection": "desc"}
        turns = await client.call("thread/turns/list", **backwards, cursor=left["turnsBackwardsCursor"])
        assert ids(turns) == written.turn_ids[1::-1]
        items = await client.call("thread/items/list", **backwards, cursor=left["itemsBackwardsCursor"])
        assert [entry["turnId"] for entry in items["data"]] == [written.turn_ids[1]] * 2 + [written.turn_ids[0]] * 2
        nothing = await revert(client, written.thread_id, written.turn_ids[0])
        assert (nothing["turnsBackwardsCursor"], nothing["itemsBackwardsCursor"]) == (None, None)


@pytest.mark.parametrize("method", [REVERT, "thread/rollback"])
async def test_everybody_who_knows_of_reverts_hears_of_them_and_of_rollbacks(tmp_path: Path, method: str) -> None:
    written = three_turns(tmp_path)
    async with running(tmp_path) as server:
        client, bystander, old = await server.client(), await server.client(), await server.client(version=V0_125)
        await client.call("thread/resume", threadId=written.thread_id)
        already = len(client.log)
        await client.call(method, threadId=written.thread_id, beforeTurnId=written.turn_ids[2], numTurns=1)
        for each in (client, bystander, old):
            await each.settle()
        assert client.methods(already) == ["thread/tokenUsage/updated", "reply", REVERTED]
        assert bystander.heard(REVERTED) == [{"threadId": written.thread_id}]
        assert old.log == bystander.log[:-1]


async def test_a_running_turn_is_stopped_and_may_be_taken_back_itself(tmp_path: Path) -> None:
    gate = Gate()
    first: Response = [message("first"), completed()]
    async with running(tmp_path, first, [message(deltas=["Hel", gate]), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        done = (await client.run_turn(thread, "one"))["id"]
        live = await client.start_turn(thread, "two")
        await gate.reached.wait()
        await revert(client, thread, live)
        told = [turn["turn"]["status"] for turn in client.heard("turn/completed")]
        assert told == ["completed", "interrupted"]
        assert ids(await client.call("thread/turns/list", threadId=thread)) == [done]


async def test_what_cannot_be_reverted_is_refused_and_stays(tmp_path: Path) -> None:
    written = three_turns(tmp_path)
    async with running(tmp_path, [message("one"), completed()]) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: thread not found: {written.thread_id}"):
            await revert(client, written.thread_id, written.turn_ids[0])
        with pytest.raises(Refused, match=f"-32600: thread not found: {thread_id(99)}"):
            await revert(client, thread_id(99), written.turn_ids[0])
        await client.call("thread/resume", threadId=written.thread_id)
        with pytest.raises(Refused, match="-32600: turn not found: nothing"):
            await revert(client, written.thread_id, "nothing")
        ephemeral = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        turn = await client.run_turn(ephemeral, "hi")
        with pytest.raises(Refused, match=f"-32600: ephemeral thread cannot be reverted: {ephemeral}"):
            await revert(client, ephemeral, turn["id"])
        await client.settle()
        assert client.heard(REVERTED) == []
        assert len(ids(await client.call("thread/turns/list", threadId=written.thread_id))) == 3
