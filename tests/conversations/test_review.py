"""Reviews: a model with a history of its own looks at a change, and all clients of the thread hear what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocol.dialects.versions import V0_125, V0_169
from server.errors import TurnError
from server.providers.scripted import Gate, Response, completed, function_call, message, reasoning
from tests.support.harness import CONFIG, Message, Refused, running
from tests.support.reviews import (
    ANSWER,
    AS_TEXT,
    CUSTOM,
    FOUND,
    REVIEWED,
    begun,
    ended,
    items,
    review,
    reviewed,
    rollout_lines,
    told,
    turns,
)
from tests.support.rollouts import RolloutBuilder, usage_info


async def test_a_review_is_a_turn_whose_verdict_all_clients_hear(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, REVIEWED) as server:
        client, other = await server.client(version=V0_125), await server.client(version=V0_169)
        thread = await begun(client)
        await client.run_turn(thread, "How is the weather?")
        await other.call("thread/resume", threadId=thread)
        await client.settle()
        client.log.clear()
        other.log.clear()
        answer = await review(client, thread)
        turn = answer["turn"]
        assert (answer["reviewThreadId"], turn["status"]) == (thread, "inProgress")
        (shown,) = turn["items"]
        assert (shown["type"], shown["id"], shown["content"][0]["text"]) == (
            "userMessage",
            turn["id"],
            "Is it thread-safe?",
        )
        end = await ended(client, turn["id"])
        await ended(other, turn["id"])
        assert (end["status"], end["error"]) == ("completed", None)
        assert client.methods() == [
            "reply",
            "thread/status/changed",
            "turn/started",
            *["item/started", "item/completed"] * 4,
            "thread/status/changed",
            "turn/completed",
        ]
        assert client.heard("turn/started")[0]["turn"]["id"] == turn["id"]
        for each in (client, other):
            entered, question, left, message_ = items(each, turn["id"])
            assert (entered["type"], entered["review"]) == ("enteredReviewMode", "Is it thread-safe?")
            assert (question["type"], question["content"][0]["text"]) == ("userMessage", "Is it thread-safe?")
            assert (left["type"], left["review"]) == ("exitedReviewMode", AS_TEXT)
            assert (message_["type"], message_["text"]) == ("agentMessage", AS_TEXT)
        assert len({each["id"] for each in items(client, turn["id"])}) == 4
        assert other.heard("turn/completed")[0]["turn"]["items"][0]["text"] == AS_TEXT
        assert other.heard("thread/readState/changed")


async def test_the_reviewer_has_its_own_instructions_and_history_and_the_thread_the_verdict(tmp_path: Path) -> None:
    config = f'review_model = "gpt-5.4"\ndeveloper_instructions = "Be quick."\n{CONFIG}'
    async with running(tmp_path, ANSWER, REVIEWED, ANSWER, config=config) as server:
        client = await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "How is the weather?")
        await reviewed(client, thread)
        await client.run_turn(thread, "Deal with the first one.")
        first, asked, last = server.provider.requests
        assert (asked.model, asked.subagent, first.subagent, last.subagent) == ("gpt-5.4", "review", None, None)
        assert asked.thread_id not in (thread, first.turn_id)
        assert asked.instructions != first.instructions == last.instructions
        assert "overall_correctness" in asked.instructions
        assert told(asked) == ["Is it thread-safe?"]
        names = {tool.get("name") or tool["type"] for tool in asked.tools}
        offered = {tool.get("name") or tool["type"] for tool in first.tools}
        assert offered - names == {"update_plan", "request_user_input"} & offered | {"web_search"} & offered
        assert last.model == first.model
        record, verdict, question = told(last)[-3:]
        assert record.startswith("<user_action>")
        assert "<action>review</action>" in record
        assert "  - Lock the counter (/src/count.py:3-4)" in record
        assert (verdict, question) == (AS_TEXT, "Deal with the first one.")
        assert len(told(last)) == len(told(first)) + 4


async def test_what_the_reviewer_costs_does_not_fill_the_threads_window(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, REVIEWED, ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "one")
        await reviewed(client, thread)
        await client.run_turn(thread, "two")
        assert [each["tokenUsage"]["total"]["totalTokens"] for each in client.heard("thread/tokenUsage/updated")] == [
            90,
            180,
        ]


@pytest.mark.parametrize("form", ["legacy", "paginated"])
async def test_a_review_is_the_same_after_a_restart(tmp_path: Path, form: str) -> None:
    thread = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write().thread_id
    async with running(tmp_path, [reasoning("Hm."), *REVIEWED]) as server:
        client = await server.client(version=V0_169)
        await client.call("thread/resume", threadId=thread)
        turn = await reviewed(client, thread)
        before = await turns(client, thread)
        live = items(client, turn["id"])
    async with running(tmp_path, ANSWER) as server:
        client = await server.client(version=V0_169)
        resumed = await client.call("thread/resume", threadId=thread)
        assert resumed["thread"]["turns"] == before
        kept = before[-1]["items"]
        assert before[-1]["id"] == turn["id"]
        kinds = ["enteredReviewMode", "userMessage", "reasoning", "exitedReviewMode", "agentMessage"]
        assert [each["type"] for each in kept] == [each["type"] for each in live] == kinds
        assert [each.get("review") or each.get("text") for each in kept] == [
            each.get("review") or each.get("text") for each in live
        ]
        if form == "paginated":
            assert [each["id"] for each in kept] == [each["id"] for each in live]
        await client.run_turn(thread, "two")
        assert told(server.provider.requests[0])[-2] == AS_TEXT


async def test_a_thread_that_begins_with_a_review_is_one_that_is_listed(tmp_path: Path) -> None:
    async with running(tmp_path, REVIEWED) as server:
        client = await server.client()
        thread = await begun(client)
        await reviewed(client, thread)
        (listed,) = (await client.call("thread/list"))["data"]
        assert (listed["id"], listed["preview"]) == (thread, "Is it thread-safe?")
    events = [kind for kind, _ in rollout_lines(tmp_path) if kind not in ("message", "session_meta", "token_count")]
    assert events == [
        "task_started",
        "entered_review_mode",
        "user_message",
        "exited_review_mode",
        "agent_message",
        "task_complete",
    ]
    stored = dict(rollout_lines(tmp_path))
    assert stored["entered_review_mode"]["target"] == CUSTOM
    assert stored["exited_review_mode"]["review_output"] == FOUND


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("It is fine.", "It is fine."),
        (f"Here it is:\n```json\n{json.dumps(FOUND)}\n```", AS_TEXT),
        ('{"findings": 3}', '{"findings": 3}'),
        ('{"overall_explanation": "Fine."}', "Fine."),
    ],
)
async def test_an_answer_is_read_as_far_as_it_can_be(tmp_path: Path, said: str, shown: str) -> None:
    async with running(tmp_path, [message(said), completed()]) as server:
        client = await server.client()
        turn = await reviewed(client, await begun(client))
        assert [each.get("review") or each.get("text") for each in items(client, turn["id"])][2:] == [shown, shown]


async def test_a_reviewer_without_words_has_reviewed_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, [completed()], ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        turn = await reviewed(client, thread)
        assert turn["status"] == "completed"
        assert items(client, turn["id"])[2]["review"] == items(client, turn["id"])[3]["text"] != ""
        assert (await client.run_turn(thread, "two"))["status"] == "completed"


async def test_the_work_of_a_reviewer_is_seen_and_its_asides_are_not(tmp_path: Path) -> None:
    patch = "*** Begin Patch\n*** Add File: made.txt\n+x\n*** End Patch"
    script: Response = [
        message("I look.", id="msg-look"),
        function_call("apply_patch", json.dumps({"input": patch})),
        completed(),
    ]
    config = CONFIG.replace("read-only", "danger-full-access")
    place = tmp_path / "project"
    place.mkdir()
    async with running(tmp_path / "home", script, REVIEWED, ANSWER, config=config) as server:
        client = await server.client()
        thread = await begun(client, place)
        turn = await reviewed(client, thread)
        kinds = [each["type"] for each in items(client, turn["id"])]
        assert kinds == ["enteredReviewMode", "userMessage", "fileChange", "exitedReviewMode", "agentMessage"]
        assert [each["type"] for each in (await turns(client, thread))[0]["items"]] == kinds
        assert not client.heard("item/agentMessage/delta")
        again = server.provider.requests[1].input
        assert [item["type"] for item in again][-2:] == ["function_call", "function_call_output"]
        await client.run_turn(thread, "two")
        assert "function_call" not in [item["type"] for item in server.provider.requests[2].input]


async def test_a_review_that_is_stopped_leaves_and_says_so(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, ANSWER, [message(deltas=["{", gate]), completed()], ANSWER) as server:
        client, other = await server.client(), await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "one")
        await other.call("thread/resume", threadId=thread)
        turn = (await review(client, thread))["turn"]
        await gate.reached.wait()
        await other.call("turn/interrupt", threadId=thread, turnId=turn["id"])
        assert (await ended(client, turn["id"]))["status"] == "interrupted"
        kept = items(client, turn["id"])[2:]
        assert [each["type"] for each in kept] == ["exitedReviewMode", "agentMessage"]
        assert "stopped" in kept[1]["text"]
        assert (await client.run_turn(thread, "two"))["status"] == "completed"
        record, verdict, marker, question = told(server.provider.requests[-1])[-4:]
        assert "stopped" in record
        assert (verdict, question) == (kept[1]["text"], "two")
        assert marker.startswith("<turn_aborted>")
        assert [each["status"] for each in await turns(client, thread)] == ["completed", "interrupted", "completed"]


async def test_a_review_whose_model_fails_fails_and_the_thread_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, [TurnError("no", "usageLimitExceeded")], ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "one")
        turn = await reviewed(client, thread)
        assert (turn["status"], turn["error"]["message"]) == ("failed", "no")
        assert (await client.hear("error"))["turnId"] == turn["id"]
        kinds = ["enteredReviewMode", "userMessage", "exitedReviewMode", "agentMessage"]
        assert [each["type"] for each in items(client, turn["id"])] == kinds
        (again,) = [each for each in await turns(client, thread) if each["id"] == turn["id"]]
        assert ([each["type"] for each in again["items"]], again["status"]) == (kinds, "failed")
        assert (await client.run_turn(thread, "two"))["status"] == "completed"
        assert told(server.provider.requests[-1])[-1] == "two"


async def test_a_review_cannot_be_steered_and_input_is_the_next_turn(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, *REVIEWED], ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        turn = (await review(client, thread))["turn"]
        await gate.reached.wait()
        words = [{"type": "text", "text": "more"}]
        with pytest.raises(Refused, match="cannot steer a review turn") as refused:
            await client.call("turn/steer", threadId=thread, expectedTurnId=turn["id"], input=words)
        data: Message = refused.value.data or {}
        assert data["codexErrorInfo"] == {"activeTurnNotSteerable": {"turnKind": "review"}}
        following = await client.start_turn(thread, "two")
        assert following == await client.start_turn(thread, "three") != turn["id"]
        gate.open()
        assert (await ended(client, following))["status"] == "completed"
        assert [each["turn"]["id"] for each in client.heard("turn/completed")] == [turn["id"], following]
        assert told(server.provider.requests[-1])[-2:] == ["two", "three"]


async def test_a_detached_review_runs_on_a_copy_that_its_client_follows(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, REVIEWED, ANSWER) as server:
        client, other = await server.client(), await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "one")
        answer = await review(client, thread, delivery="detached")
        copy = answer["reviewThreadId"]
        assert copy != thread
        assert (await ended(client, answer["turn"]["id"]))["status"] == "completed"
        assert {
            each["threadId"] for each in client.heard("item/completed") if each["turnId"] == answer["turn"]["id"]
        } == {copy}
        assert (await other.hear("thread/started"))["thread"]["id"] == thread
        assert (await other.hear("thread/started"))["thread"]["forkedFromId"] == thread
        assert [len(each["items"]) for each in await turns(client, copy)] == [2, 4]
        assert len(await turns(client, thread)) == 1
        await client.run_turn(thread, "two")
        assert told(server.provider.requests[-1]) == ["one", "Sunny.", "two"]


async def test_a_long_review_is_summed_up_for_the_reviewer_alone(tmp_path: Path) -> None:
    config = f"model_auto_compact_token_limit = 1000\n{CONFIG}"
    full: Response = [function_call("nothing", "{}"), completed(2000)]
    summary: Response = [message("It looked at half."), completed(10)]
    async with running(tmp_path, ANSWER, full, summary, REVIEWED, ANSWER, config=config) as server:
        client = await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "one")
        turn = await reviewed(client, thread)
        kinds = ["enteredReviewMode", "userMessage", "exitedReviewMode", "agentMessage"]
        assert [each["type"] for each in items(client, turn["id"])] == kinds
        assert "It looked at half." in told(server.provider.requests[3])[-1]
        assert server.provider.requests[2].subagent == "review"
        await client.run_turn(thread, "two")
        assert told(server.provider.requests[-1])[:2] == ["one", "Sunny."]
        assert "compacted" not in dict(rollout_lines(tmp_path))
