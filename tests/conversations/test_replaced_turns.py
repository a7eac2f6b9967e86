"""A compaction or a review takes the place of the turn that runs; what waits for a turn of its own waits on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from server.providers.scripted import Gate, Response, completed, function_call, message
from tests.support.harness import Client, Message, running
from tests.support.older import older_methods
from tests.support.reviews import (
    ANSWER,
    REVIEWED,
    begun,
    ended,
    review,
    rollout_lines,
    told,
)

SUMMARY: Response = [message("They asked for the weather."), completed(100, output=30)]


async def end(client: Client, count: int) -> Message:
    """The last of so many turns, as it ends."""
    await client.find(lambda _message: len(client.heard("turn/completed")) >= count)
    turn: Message = client.heard("turn/completed")[count - 1]["turn"]
    return turn


async def test_a_compaction_pushes_a_running_turn_aside(tmp_path: Path) -> None:
    gate = Gate()
    script: Response = [message("Whole.", id="msg-1"), message(deltas=["Half", gate], id="msg-2"), completed()]
    async with running(tmp_path, script, SUMMARY, ANSWER) as server:
        client, other = await server.client(), await server.client()
        thread_id = await begun(client)
        turn_id = await client.start_turn(thread_id, "one")
        await other.call("thread/resume", threadId=thread_id)
        await gate.reached.wait()
        await other.settle()
        other.log.clear()
        await other.call("thread/compact/start", threadId=thread_id)
        stopped, summed_up = await end(other, 1), await end(other, 2)
        assert (stopped["id"], stopped["status"], stopped["error"]) == (turn_id, "interrupted", None)
        assert (summed_up["id"] != turn_id, summed_up["status"]) == (True, "completed")
        assert older_methods(other.methods())[:5] == [
            "reply",
            "thread/status/changed",
            "turn/completed",
            "thread/status/changed",
            "turn/started",
        ]
        words = told(server.provider.requests[1])
        assert words[:2] == ["one", "Whole."]
        assert not any("Half" in text or "<turn_aborted>" in text for text in words)
        assert (await client.run_turn(thread_id, "two"))["status"] == "completed"
    aborted = [payload for kind, payload in rollout_lines(tmp_path) if kind == "turn_aborted"]
    assert [payload["reason"] for payload in aborted] == ["replaced"]
    async with running(tmp_path) as server:
        client = await server.client()
        turns = (await client.call("thread/resume", threadId=thread_id))["thread"]["turns"]
        assert [turn["status"] for turn in turns] == ["interrupted", "completed", "completed"]


async def test_what_a_turn_began_with_is_not_lost_to_a_compaction(tmp_path: Path) -> None:
    async with running(tmp_path, SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        words = [{"type": "text", "text": "one"}]
        await client.post("turn/start", threadId=thread_id, input=words)
        await client.post("thread/compact/start", threadId=thread_id)
        assert (await end(client, 1))["status"] == "interrupted"
        assert (await end(client, 2))["status"] == "completed"
        await client.run_turn(thread_id, "two")
        assert told(server.provider.requests[-1])[0] == "one"


async def test_input_that_waits_comes_after_all_that_pushes_in(tmp_path: Path) -> None:
    first, second = Gate(), Gate()
    async with running(tmp_path, ANSWER, [first], [second, *SUMMARY], SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await first.reached.wait()
        waiting = await client.start_turn(thread_id, "two")
        await client.call("thread/compact/start", threadId=thread_id)
        await second.reached.wait()
        assert await client.start_turn(thread_id, "three") == waiting
        second.open()
        ends = [(await end(client, count))["status"] for count in (2, 3, 4)]
        assert ends == ["interrupted", "completed", "completed"]
        assert (await end(client, 4))["id"] == waiting
        assert told(server.provider.requests[-1])[-2:] == ["two", "three"]


async def test_a_compaction_that_pushes_aside_a_question_withdraws_it(tmp_path: Path) -> None:
    asked = {"questions": [{"id": "q", "header": "h", "question": "?", "options": [{"label": "a", "description": ""}]}]}
    script: Response = [function_call("request_user_input", json.dumps(asked)), completed()]
    mode = {
        "mode": "plan",
        "settings": {"model": "test-model", "reasoning_effort": None, "developer_instructions": None},
    }
    async with running(tmp_path, script, SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        words = [{"type": "text", "text": "one"}]
        await client.call("turn/start", threadId=thread_id, input=words, collaborationMode=mode)
        question = await client.find(lambda message: message.get("method") == "item/tool/requestUserInput")
        await client.call("thread/compact/start", threadId=thread_id)
        assert (await end(client, 1))["status"] == "interrupted"
        assert (await client.hear("serverRequest/resolved"))["requestId"] == question["id"]
        assert (await end(client, 2))["status"] == "completed"
        assert (await client.run_turn(thread_id, "two"))["status"] == "completed"


async def test_a_review_pushes_a_running_turn_aside(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Sun", gate, "ny."]), completed()], REVIEWED, ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        running_id = await client.start_turn(thread, "one")
        await gate.reached.wait()
        turn = (await review(client, thread))["turn"]
        assert (await ended(client, running_id))["status"] == "interrupted"
        assert (await ended(client, turn["id"]))["status"] == "completed"
        assert "<turn_aborted>" not in str(server.provider.requests)
        assert dict(rollout_lines(tmp_path))["turn_aborted"]["reason"] == "replaced"


async def test_two_reviews_at_once_are_both_heard_of_to_their_end(tmp_path: Path) -> None:
    async with running(tmp_path, REVIEWED, REVIEWED, REVIEWED) as server:
        client, other = await server.client(), await server.client()
        thread = await begun(client)
        await other.call("thread/resume", threadId=thread)
        replies = await asyncio.gather(review(client, thread), review(other, thread), review(client, thread))
        ends = [await ended(client, each["turn"]["id"]) for each in replies]
        assert len({each["turn"]["id"] for each in replies}) == 3
        assert [each["status"] for each in ends].count("completed") >= 1
        assert {each["status"] for each in ends} <= {"completed", "interrupted"}
