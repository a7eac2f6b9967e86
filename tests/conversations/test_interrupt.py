"""turn/interrupt through the wire: reply, then idle, then the end of the turn."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, completed, function_call, message
from tests.support.harness import Client, Refused, Server, running


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def in_mid_answer(server: Server, client: Client) -> tuple[str, str]:
    """A thread and its turn, which has said something and will say no more by itself."""
    server.provider.push([message(deltas=["Half an ans", Gate(), "wer"]), completed()])
    thread = await start_thread(client)
    turn_id = await client.start_turn(thread, "Hello")
    await client.hear("item/agentMessage/delta")
    return thread, turn_id


async def refusal(client: Client, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call("turn/interrupt", **params)
    assert caught.value.code == -32600
    return caught.value.message


async def test_the_reply_comes_first_then_idle_then_the_end_of_the_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        already = len(client.log)
        assert await client.call("turn/interrupt", threadId=thread, turnId=turn_id) == {}
        ended = await client.hear("turn/completed")
        assert client.methods(already) == ["reply", "thread/status/changed", "turn/completed"]
        assert client.heard("thread/status/changed")[-1]["status"] == {"type": "idle"}
        assert (ended["turn"]["id"], ended["turn"]["status"], ended["turn"]["error"]) == (turn_id, "interrupted", None)
        assert ended["turn"]["completedAt"] >= ended["turn"]["startedAt"]


async def test_anybody_may_interrupt_and_the_subscribers_hear_of_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        await other.call("turn/interrupt", threadId=thread, turnId=turn_id)
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
        await other.settle()
        assert other.heard("turn/completed") == []


async def test_half_an_answer_is_forgotten_and_the_model_is_told_of_the_stop(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        await client.hear("turn/completed")
        server.provider.push([message("Hi"), completed()])
        await client.run_turn(thread, "Again")
        asked = str(server.provider.requests[1].input)
        assert "Half an ans" not in asked
        assert asked.count("<turn_aborted>") == 1
        assert asked.index("Hello") < asked.index("<turn_aborted>") < asked.index("Again")
        read = await client.call("thread/read", threadId=thread, includeTurns=True)
        assert [turn["status"] for turn in read["thread"]["turns"]] == ["interrupted", "completed"]
        assert [item["type"] for item in read["thread"]["turns"][0]["items"]] == ["userMessage"]


async def test_an_interrupted_turn_is_still_interrupted_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        ended = (await client.hear("turn/completed"))["turn"]
    async with running(tmp_path) as server:
        client = await server.client()
        turn = (await client.call("thread/resume", threadId=thread))["thread"]["turns"][0]
        assert [turn[key] for key in ("id", "status", "completedAt", "durationMs")] == [
            ended[key] for key in ("id", "status", "completedAt", "durationMs")
        ]


async def test_a_wrong_turn_or_none_at_all_is_refused_at_once_and_disturbs_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        idle = await start_thread(client)
        assert await refusal(client, threadId=idle, turnId="x") == "no active turn to interrupt"
        thread, turn_id = await in_mid_answer(server, client)
        told = await refusal(client, threadId=thread, turnId="other")
        assert told == f"expected active turn id `other` but found `{turn_id}`"
        await client.settle()
        assert client.heard("turn/completed") == []
        server.provider.push([message("Hi"), completed()])
        ended = await client.run_turn(idle, "Hello")
        assert await refusal(client, threadId=idle, turnId=ended["id"]) == "no active turn to interrupt"


async def test_an_empty_turn_id_stops_whatever_runs_and_may_find_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        idle = await start_thread(client)
        assert await client.call("turn/interrupt", threadId=idle, turnId="") == {}
        thread, _ = await in_mid_answer(server, client)
        assert await client.call("turn/interrupt", threadId=thread, turnId="") == {}
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"


async def test_two_that_interrupt_at_once_are_both_answered_and_the_turn_ends_once(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        asked = {"threadId": thread, "turnId": turn_id}
        first, second, third = [await each.post("turn/interrupt", asked) for each in (client, client, other)]
        answers = [await client.reply(first), await client.reply(second), await other.reply(third)]
        assert [answer.get("result") for answer in answers] == [{}, {}, {}]
        await client.hear("turn/completed")
        await client.settle()
        assert len(client.heard("turn/completed")) == 1


async def test_who_comes_late_to_stop_a_turn_that_was_stopped_already_is_content(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        await client.hear("turn/completed")
        assert await other.call("turn/interrupt", threadId=thread, turnId=turn_id) == {}
        await client.settle()
        assert len(client.heard("turn/completed")) == 1


async def test_a_turn_interrupted_before_its_first_event_begins_and_ends_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start_thread(client)
        starting = await client.post("turn/start", threadId=thread, input=[{"type": "text", "text": "Hello"}])
        stopping = await client.post("turn/interrupt", threadId=thread, turnId="")
        turn_id = (await client.reply(starting))["result"]["turn"]["id"]
        assert (await client.reply(stopping))["result"] == {}
        ended = await client.hear("turn/completed")
        assert (ended["turn"]["id"], ended["turn"]["status"]) == (turn_id, "interrupted")
        assert [params["turn"]["id"] for params in client.heard("turn/started")] == [turn_id]
        told = [params["status"]["type"] for params in client.heard("thread/status/changed")]
        assert told == ["active", "idle"]
        assert server.provider.requests == []
        (turn,) = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
        assert [item["content"][0]["text"] for item in turn["items"]] == ["Hello"]  # what was said is kept
        server.provider.push([message("Hi"), completed()])
        assert (await client.run_turn(thread, "Again"))["status"] == "completed"
        assert str(server.provider.requests[0].input).count("Hello") == 1
        turn = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"][0]
        assert [item["content"][0]["text"] for item in turn["items"]] == ["Hello"]


async def test_a_turn_can_be_interrupted_while_the_model_keeps_silent(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"


async def test_input_that_was_not_taken_in_yet_is_thrown_away(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        content = [{"type": "text", "text": "Too late"}]
        await client.call("turn/steer", threadId=thread, expectedTurnId=turn_id, input=content)
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        await client.hear("turn/completed")
        server.provider.push([message("Hi"), completed()])
        await client.run_turn(thread, "Again")
        assert "Too late" not in str(server.provider.requests[-1].input)


async def test_a_tool_call_that_the_stop_cut_off_has_an_answer_in_the_history(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [function_call("exec_command", "{}", call_id="call-7"), gate]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        await client.hear("turn/completed")
        server.provider.push([message("Hi"), completed()])
        await client.run_turn(thread, "Again")
        answers = [item for item in server.provider.requests[1].input if item["type"] == "function_call_output"]
        assert [answer["call_id"] for answer in answers] == ["call-7"]


async def test_the_next_turn_may_be_started_in_the_same_breath(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_answer(server, client)
        server.provider.push([message("Hi"), completed()])
        await client.post("turn/interrupt", threadId=thread, turnId=turn_id)
        next_id = await client.start_turn(thread, "Next")
        assert next_id != turn_id
        async with asyncio.timeout(10):
            assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
            assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
