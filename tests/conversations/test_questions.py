"""Questions to many clients: one id for all, the first answer of a subscriber decides, whoever joins is asked too."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from protocol.approval import CommandApprovalParams
from protocol.asks import COMMAND_APPROVAL
from protocol.dialects.versions import V0_147, VERSIONS
from protocol.sequence import EXTENSION
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Server, running
from tests.support.questions import (
    ASKED,
    QUESTION,
    RESOLVED,
    STATUS,
    asking,
    begin,
    calling,
    chosen,
    ended,
    heard_answer,
    new_thread,
    open_questions,
    outputs,
)
from tests.support.rollouts import with_usage

DONE: Response = [message("Done"), completed()]
RED = {"colour": {"answers": ["Red"]}}


async def followers(server: Server, count: int = 2) -> tuple[list[Client], str]:
    """So many clients that follow one thread."""
    first = await server.client("first")
    thread = await new_thread(first)
    others = [await server.client(f"other {number}") for number in range(1, count)]
    for each in others:
        await each.call("thread/resume", threadId=thread)
    return [first, *others], thread


async def answer(client: Client, number: Any, **members: Any) -> None:
    """Say what becomes of a question: ``result`` or ``error``."""
    await client.send_text(json.dumps({"id": number, **members}))


async def nothing_changed(client: Client, question: Message) -> None:
    await client.settle()
    assert client.heard(RESOLVED) == []
    assert open_questions(client) == [question["id"]]


async def test_all_subscribers_get_one_question_with_one_id_after_the_status(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        question = await first.asked(ASKED)
        assert await second.asked(ASKED) == question
        newer = {} if server.dialect < V0_147 else {"isBlocking": True, "autoResolutionMs": None}
        questions = [QUESTION | {"isOther": True, "isSecret": False}]
        known = {"threadId": thread, "turnId": turn, "itemId": "call-1", "questions": questions}
        assert question == {"method": ASKED, "id": 0, "params": known | newer}
        waits = {"type": "active", "activeFlags": ["waitingOnUserInput"]}
        assert first.heard(STATUS)[-1]["status"] == waits
        assert first.log.index(question) == first.methods().index(ASKED) > first.methods().index(STATUS)
        assert (await second.call("thread/read", threadId=thread))["thread"]["status"] == waits
        await second.answer(question, **chosen("Red"))
        await ended(first, turn)
        assert heard_answer(server) == RED


async def test_the_first_answer_wins_and_all_hear_of_it_before_anything_comes_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        question = await first.asked(ASKED)
        at = len(first.log)
        await second.answer(question, **chosen("Red"))
        await first.answer(question, **chosen("Blue"))
        await ended(first, turn)
        await ended(second, turn)
        assert heard_answer(server) == RED
        assert first.methods(at)[:3] == [RESOLVED, STATUS, "item/started"]
        assert first.heard(STATUS)[-2]["status"] == {"type": "active", "activeFlags": []}
        for client in (first, second):
            assert client.heard(RESOLVED) == [{"threadId": thread, "requestId": question["id"]}]


@pytest.mark.parametrize("again", [False, True], ids=["new", "attached before"])
async def test_who_attaches_later_gets_what_is_open_after_the_usage_and_then_what_becomes_of_it(
    tmp_path: Path, again: bool
) -> None:
    rollout = with_usage(tmp_path, provider="scripted")
    async with running(tmp_path, calling(asking()), DONE) as server:
        first, late = await server.client(), await server.client()
        for client in (first, late)[: 1 + again]:
            await client.call("thread/resume", threadId=rollout.thread_id)
        turn = await begin(first, rollout.thread_id)
        question = await first.asked(ASKED)
        for _ in range(3):  # each time anew
            await late.settle()
            late.log.clear()
            await late.call("thread/resume", threadId=rollout.thread_id)
            await late.settle()
            assert late.methods() == ["reply", "thread/tokenUsage/updated", ASKED]
            assert late.log[-1] == question
        await late.answer(question, **chosen("Red"))
        await late.hear(RESOLVED)
        await ended(first, turn)
        assert heard_answer(server) == RED
        late.log.clear()
        await late.call("thread/resume", threadId=rollout.thread_id)
        await late.settle()
        assert ASKED not in late.methods()


async def test_one_who_comes_back_to_its_place_gets_what_is_open_and_hears_of_what_is_not(tmp_path: Path) -> None:
    extensions = {EXTENSION: True}
    async with running(tmp_path, calling(asking()), calling(asking("call-2")), DONE) as server:
        stays, leaves = await server.client(), await server.client(extensions=extensions)
        thread = await new_thread(leaves)
        await stays.call("thread/resume", threadId=thread)
        turn = await begin(stays, thread)
        question = await leaves.asked(ASKED)
        assert "sequence" not in question
        seen = [told["sequence"] for told in leaves.log if "sequence" in told][-1]
        await leaves.close()
        back = await server.client(extensions=extensions)
        joined = await back.call("thread/resume", threadId=thread, sinceSequence=seen)
        assert joined["sequence"]["complete"] is True
        assert await back.asked(ASKED) == question
        seen = {name: joined["sequence"][name] for name in ("epoch", "number")}
        await back.close()
        await stays.answer(question, **chosen("Blue"))
        await stays.hear(RESOLVED)
        second = await stays.asked(ASKED)
        back = await server.client(extensions=extensions)
        await back.call("thread/resume", threadId=thread, sinceSequence=seen)
        assert (await back.hear(RESOLVED))["requestId"] == question["id"]
        assert await back.asked(ASKED) == second
        await back.answer(second, **chosen("Red"))
        await ended(stays, turn)
        assert heard_answer(server, "call-2") == RED


async def test_answers_of_others_to_nothing_and_in_wrong_spellings_change_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        stranger, gone = await server.client(), await server.client()
        await gone.call("thread/resume", threadId=thread)
        turn = await begin(first, thread)
        question = await first.asked(ASKED)
        await gone.asked(ASKED)
        await gone.call("thread/unsubscribe", threadId=thread)
        for client in (stranger, gone):
            await client.answer(question, **chosen("Blue"))
            await answer(client, question["id"], error={"code": 1, "message": "no"})
            await client.settle()
        for number in ("0", 7, -1, "", True, None, 0.5):
            await answer(second, number, result=chosen("Blue"))
        await nothing_changed(first, question)
        await second.answer(question, **chosen("Red"))
        await ended(first, turn)
        await second.answer(question, **chosen("Blue"))  # too late
        await second.settle()
        assert [len(client.heard(RESOLVED)) for client in (first, second)] == [1, 1]
        assert heard_answer(server) == RED


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"code": -32000, "message": "nobody is there"}},
        {"result": {}},
        {"result": {"answers": []}},
        {"result": None},
        {"result": {"answers": {"colour": "Red"}}},
        {"result": "Red"},
    ],
    ids=str,
)
async def test_an_error_and_what_makes_no_sense_count_as_no_answer_at_all(tmp_path: Path, said: Message) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        question = await second.asked(ASKED)
        await answer(second, question["id"], **said)
        await ended(first, turn)
        assert heard_answer(server) == {}
        assert len(first.heard(RESOLVED)) == 1


async def test_a_question_waits_when_all_have_gone_and_one_who_comes_later_answers(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE, flags={"idle-unload-seconds": "0"}) as server:
        (first, second), thread = await followers(server)
        watcher = await server.client()
        turn = await begin(first, thread)
        question = await second.asked(ASKED)
        await first.close()
        await second.close()
        await watcher.settle()
        assert watcher.heard("thread/closed") == []
        later = await server.client()
        await later.call("thread/resume", threadId=thread)
        assert await later.asked(ASKED) == question
        await later.answer(question, **chosen("Red"))
        await ended(later, turn)
        assert heard_answer(server) == RED


async def test_an_interrupt_withdraws_the_question_and_the_call_has_its_answer(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        question = await second.asked(ASKED)
        await first.call("turn/interrupt", threadId=thread, turnId=turn)
        assert (await ended(second, turn))["status"] == "interrupted"
        assert second.heard(RESOLVED) == [{"threadId": thread, "requestId": question["id"]}]
        assert second.heard(STATUS)[-1]["status"] == {"type": "idle"}
        await second.answer(question, **chosen("Red"))  # too late
        await first.call("thread/resume", threadId=thread)
        await ended(first, await begin(first, thread, "again"))
        assert open_questions(first) == open_questions(second) == []
        assert outputs(server)["call-1"].startswith("aborted by user after ")


@pytest.mark.parametrize("method", ["thread/archive", "thread/delete"])
async def test_a_thread_that_is_put_away_has_no_question_any_more(tmp_path: Path, method: str) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        question = await second.asked(ASKED)
        newest = await server.client(version=VERSIONS[-1])  # not all know how to delete
        await newest.call(method, threadId=thread)
        await ended(second, turn)
        assert second.heard(RESOLVED) == [{"threadId": thread, "requestId": question["id"]}]
        await second.answer(question, **chosen("Red"))
        if method == "thread/archive":
            await first.call("thread/unarchive", threadId=thread)
            await first.call("thread/resume", threadId=thread)
            await ended(first, await begin(first, thread, "again"))
            assert outputs(server)["call-1"].startswith("aborted by user after ")
        assert open_questions(second) == []


async def test_a_server_that_goes_down_leaves_a_call_with_an_answer(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), flags={"drain-seconds": "0"}) as server:
        client = await server.client()
        thread = await new_thread(client)
        await begin(client, thread)
        await client.asked(ASKED)
    async with running(tmp_path, DONE) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        await client.settle()
        assert ASKED not in client.methods()
        await ended(client, await begin(client, thread, "again"))
        assert outputs(server)["call-1"].startswith("aborted by user after ")


async def test_two_answers_at_once_are_one_answer_again_and_again(tmp_path: Path) -> None:
    count = 50
    calls = [asking(f"call-{number}") for number in range(count)]
    async with running(tmp_path, calling(*calls), DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        for number in range(count):
            question = await first.asked(ASKED)
            assert question["params"]["itemId"] == f"call-{number}"
            assert await second.asked(ASKED) == question
            both = first.answer(question, **chosen("Red")), second.answer(question, **chosen("Blue"))
            await asyncio.gather(*(both if number % 2 else reversed(both)))
        await ended(first, turn)
        await ended(second, turn)
        for client in (first, second):
            assert [told["requestId"] for told in client.heard(RESOLVED)] == list(range(count))
        told = [json.loads(output)["answers"]["colour"]["answers"] for output in outputs(server).values()]
        assert len(told) == count
        assert all(answers in (["Red"], ["Blue"]) for answers in told)


async def test_questions_of_two_threads_are_told_apart(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), calling(asking()), DONE, DONE) as server:
        one, two = await server.client(), await server.client()
        threads = [await new_thread(client) for client in (one, two)]
        turns = [await begin(client, thread) for client, thread in zip((one, two), threads, strict=True)]
        mine, other = await one.asked(ASKED), await two.asked(ASKED)
        assert {mine["id"], other["id"]} == {0, 1}
        await one.answer(other, **chosen("Blue"))
        await nothing_changed(two, other)
        await two.answer(other, **chosen("Red"))
        await ended(two, turns[1])
        assert open_questions(one) == [mine["id"]]
        await one.answer(mine, **chosen("Red"))
        await ended(one, turns[0])


async def test_what_is_experimental_is_only_for_those_who_asked_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        bold = await server.client()
        plain = await server.client(experimental=False)
        thread = await new_thread(bold)
        await plain.call("thread/resume", threadId=thread)
        params = CommandApprovalParams(
            thread_id=thread,
            turn_id="t",
            item_id="i",
            started_at_ms=1,
            command="ls",
            cwd="/",
            command_actions=[],
            additional_permissions={"network": {"enabled": True}, "fileSystem": None},
            available_decisions=["accept", "cancel"],
        )
        live = server.app.loaded.get(thread)
        assert live is not None
        asked = asyncio.create_task(live.ask(COMMAND_APPROVAL, params))
        known, less = await bold.asked(COMMAND_APPROVAL.name), await plain.asked(COMMAND_APPROVAL.name)
        assert known["params"].pop("additionalPermissions")["network"] == {"enabled": True}
        assert less == known
        assert less["params"]["availableDecisions"] == ["accept", "cancel"]
        assert bold.heard(STATUS)[-1]["status"] == {"type": "active", "activeFlags": ["waitingOnApproval"]}
        await plain.answer(less, decision="accept")
        assert (await asked).decision == "accept"


async def test_nobody_opts_out_of_questions(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE) as server:
        client = await server.client()
        deaf = await server.client(opt_out=[ASKED, RESOLVED])
        thread = await new_thread(client)
        await deaf.call("thread/resume", threadId=thread)
        turn = await begin(client, thread)
        question = await deaf.asked(ASKED)
        await client.answer(question, **chosen("Red"))
        await ended(deaf, turn)
        assert deaf.heard(RESOLVED) == []


async def test_a_question_of_a_model_that_still_speaks_can_be_answered_meanwhile(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [*asking(), gate, *message("So"), completed()], DONE) as server:
        (first, second), thread = await followers(server)
        turn = await begin(first, thread)
        await first.answer(await first.asked(ASKED), **chosen("Red"))
        await second.hear(RESOLVED)
        gate.open()
        await ended(second, turn)
        assert heard_answer(server) == RED


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ([], "requires questions"),
        ([QUESTION | {"options": []}], "non-empty options"),
        ([{"id": "x", "question": "?"}], "non-empty options"),
        ([{"question": "?"}], "failed to parse function arguments: "),
    ],
)
async def test_a_question_that_nobody_could_answer_is_not_asked(
    tmp_path: Path, questions: list[Message], why: str
) -> None:
    asked = asking()
    asked[0].item["arguments"] = json.dumps({"questions": questions})  # type: ignore[union-attr]
    async with running(tmp_path, calling(asked), DONE) as server:
        client = await server.client()
        thread = await new_thread(client)
        await ended(client, await begin(client, thread))
        assert why in outputs(server)["call-1"]
        assert ASKED not in client.methods()


async def test_outside_of_plan_mode_nobody_is_asked_unless_the_configuration_wants_it(tmp_path: Path) -> None:
    async with running(tmp_path, calling(asking()), DONE, calling(asking("call-2")), DONE) as server:
        client = await server.client()
        thread = await new_thread(client)
        await client.run_turn(thread, "go")
        assert outputs(server) == {"call-1": "request_user_input is unavailable in Default mode"}
        wanted = {"features.default_mode_request_user_input": True}
        turn = await client.start_turn(await new_thread(client, config=wanted), "go")
        await client.answer(await client.asked(ASKED), **chosen("Red"))
        await ended(client, turn)
        assert heard_answer(server, "call-2") == RED
