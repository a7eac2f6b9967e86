"""Turns that fail, that are tried again, and models that ask for what there is not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rollout.events import RateLimits, RateLimitWindow
from server.app import App
from server.errors import TurnError
from server.providers.scripted import (
    Gate,
    Response,
    ScriptedProvider,
    completed,
    function_call,
    message,
)
from tests.support.harness import Client, Message, Server, running, settings_for
from tests.support.older import older, older_methods

AGAIN = "stream disconnected before completion: stream closed before response.completed"


def broken(**options: Any) -> TurnError:
    """A stream that breaks and may be asked for again at once."""
    return TurnError(AGAIN, retryable=True, retry_after=0.0, **options)


@asynccontextmanager
async def patient(home: Path, *script: Response, retries: int = 3) -> AsyncIterator[Server]:
    """A server whose provider may be asked again."""
    provider = ScriptedProvider(script, stream_max_retries=retries)
    server = Server(App(settings_for(home), {"scripted": provider}), provider)
    await server.app.start()
    try:
        yield server
    finally:
        await server.hang_up()
        await server.app.stop()


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def turns_of(client: Client, thread: str) -> list[Message]:
    read = await client.call("thread/read", threadId=thread, includeTurns=True)
    turns: list[Message] = read["thread"]["turns"]
    return turns


async def test_a_failed_turn_says_so_three_times_in_order(tmp_path: Path) -> None:
    async with running(tmp_path, [TurnError("bad prompt", "badRequest")]) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.settle()
        client.log.clear()
        turn = await client.run_turn(thread, "Hello")
        assert older_methods(client.methods()) == [
            "reply",
            "thread/status/changed",
            "turn/started",
            "item/started",
            "item/completed",
            "thread/status/changed",
            "error",
            "turn/completed",
        ]
        why = {"message": "bad prompt", "codexErrorInfo": "badRequest", "additionalDetails": None}
        assert client.heard("thread/status/changed")[-1]["status"] == {"type": "systemError"}
        assert older(client.heard("error")) == [
            {"error": why, "willRetry": False, "threadId": thread, "turnId": turn["id"]},
        ]
        assert (turn["status"], older(turn["error"])) == ("failed", why)


@pytest.mark.parametrize("info", ["other", "serverOverloaded", {"responseStreamDisconnected": {"httpStatusCode": 502}}])
async def test_the_kind_of_failure_is_told_alike_live_and_after_a_restart(tmp_path: Path, info: Any) -> None:
    async with running(tmp_path, [TurnError("why", info)]) as server:
        client = await server.client()
        thread = await start_thread(client)
        live = await client.run_turn(thread, "Hello")
        assert live["error"]["codexErrorInfo"] == info
        assert (await turns_of(client, thread))[0]["error"] == live["error"]
    async with running(tmp_path) as server:
        client = await server.client()
        resumed = await client.call("thread/resume", threadId=thread)
        assert resumed["thread"]["status"] == {"type": "idle"}
        turn = resumed["thread"]["turns"][0]
        assert (turn["id"], turn["status"], turn["error"]) == (live["id"], "failed", live["error"])
        assert turn["durationMs"] == live["durationMs"]


async def test_after_a_failure_the_thread_stays_marked_until_the_next_turn(tmp_path: Path) -> None:
    async with running(tmp_path, [TurnError("why")], [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "Hello")
        assert (await other.call("thread/resume", threadId=thread))["thread"]["status"] == {"type": "systemError"}
        assert (await client.run_turn(thread, "Again"))["status"] == "completed"
        told = [params["status"]["type"] for params in client.heard("thread/status/changed")]
        assert told == ["active", "systemError", "active", "idle"]
        assert [turn["status"] for turn in await turns_of(client, thread)] == ["failed", "completed"]
        asked = str(server.provider.requests[1].input)
        assert asked.count("Hello") == asked.count("Again") == 1


async def test_a_failure_inside_the_server_fails_the_turn_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, [ZeroDivisionError("secret")], [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn = await client.run_turn(thread, "Hello")
        assert turn["status"] == "failed"
        assert "secret" not in turn["error"]["message"]
        assert (await client.run_turn(thread, "Again"))["status"] == "completed"


def half_of(text: str, *, id: str = "msg-half") -> Response:  # noqa: A002 - as on the wire
    """A message that is begun and streamed and never done."""
    return message(text, id=id)[:-1]


async def test_what_was_complete_before_the_failure_is_kept_and_the_rest_is_not(tmp_path: Path) -> None:
    script = [*message("Whole", id="msg-whole"), *half_of("Half"), TurnError("why")]
    async with running(tmp_path, script) as server:
        client = await server.client()
        thread = await start_thread(client)
        assert (await client.run_turn(thread, "Hello"))["status"] == "failed"
        items = (await turns_of(client, thread))[0]["items"]
        assert [item.get("text") for item in items] == [None, "Whole"]
        server.provider.push([message("Hi"), completed()])
        await client.run_turn(thread, "Again")
        asked = str(server.provider.requests[1].input)
        assert "Whole" in asked
        assert "Half" not in asked


async def test_a_full_context_is_shown_as_full_before_the_turn_fails(tmp_path: Path) -> None:
    script: list[Response] = [
        [message("a"), completed()],
        [TurnError("no room", "contextWindowExceeded", context_full=True)],
    ]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "one")
        await client.settle()
        already = len(client.log)
        turn = await client.run_turn(thread, "two")
        assert turn["error"]["codexErrorInfo"] == "contextWindowExceeded"
        methods = client.methods(already)
        assert methods.index("thread/tokenUsage/updated") < methods.index("error")
        usage = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]
        assert usage["total"]["totalTokens"] == usage["modelContextWindow"]


async def test_limits_that_come_with_a_failure_are_told(tmp_path: Path) -> None:
    window = RateLimitWindow(used_percent=100.0)
    limits = RateLimits(limit_id="codex", primary=window)
    async with running(tmp_path, [TurnError("limit", "usageLimitExceeded", rate_limits=limits)]) as server:
        client = await server.client()
        turn = await client.run_turn(await start_thread(client), "Hello")
        assert turn["error"]["codexErrorInfo"] == "usageLimitExceeded"
        told = client.heard("account/rateLimits/updated")
        assert [params["rateLimits"]["primary"]["usedPercent"] for params in told] == [100]


async def test_a_broken_stream_is_tried_again_within_the_same_turn(tmp_path: Path) -> None:
    script: list[Response] = [[broken()], [broken(http_status=502)], [message("Hi"), completed()]]
    async with patient(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn = await client.run_turn(thread, "Hello")
        assert (turn["status"], turn["error"]) == ("completed", None)
        told = client.heard("error")
        assert [params["error"]["message"] for params in told] == ["Reconnecting... 1/3", "Reconnecting... 2/3"]
        assert [params["willRetry"] for params in told] == [True, True]
        assert {params["turnId"] for params in told} == {turn["id"]}
        assert told[0]["error"]["additionalDetails"] == AGAIN
        assert told[0]["error"]["codexErrorInfo"] == {"responseStreamDisconnected": {"httpStatusCode": None}}
        assert told[1]["error"]["codexErrorInfo"] == {"responseStreamDisconnected": {"httpStatusCode": 502}}
        statuses = [params["status"]["type"] for params in client.heard("thread/status/changed")]
        assert statuses == ["active", "idle"]
        inputs = [request.input for request in server.provider.requests]
        assert inputs[0] == inputs[1] == inputs[2]


async def test_after_too_many_tries_the_turn_fails(tmp_path: Path) -> None:
    async with patient(tmp_path, [broken()], [broken()], [broken()], retries=2) as server:
        client = await server.client()
        turn = await client.run_turn(await start_thread(client), "Hello")
        assert (turn["status"], turn["error"]["message"]) == ("failed", AGAIN)
        assert [params["willRetry"] for params in client.heard("error")] == [True, True, False]


async def test_half_a_message_of_a_broken_stream_is_forgotten_by_who_joins_later(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [
        [*half_of("Half", id="msg-1"), broken()],
        [gate, message("Whole", id="msg-2"), completed()],
    ]
    async with patient(tmp_path, *script) as server:
        client, joiner = await server.client(), await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        assert (await client.hear("item/agentMessage/delta"))["delta"] == "Half"
        turn = (await joiner.call("thread/resume", threadId=thread))["thread"]["turns"][0]
        assert (turn["id"], turn["status"]) == (turn_id, "inProgress")
        assert [item["type"] for item in turn["items"]] == ["userMessage"]
        gate.open()
        assert (await joiner.hear("turn/completed"))["turn"]["id"] == turn_id
        done = [params["item"]["id"] for params in client.heard("item/completed")]
        assert "msg-1" not in done
        assert "msg-2" in done
        items = (await turns_of(joiner, thread))[0]["items"]
        assert [item.get("text") for item in items] == [None, "Whole"]


async def test_what_a_broken_stream_completed_is_not_asked_for_again(tmp_path: Path) -> None:
    script: list[Response] = [[message("Kept", id="msg-1"), broken()], [message("Rest", id="msg-2"), completed()]]
    async with patient(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "Hello")
        again = server.provider.requests[1].input
        assert again[-1]["content"][0]["text"] == "Kept"
        items = (await turns_of(client, thread))[0]["items"]
        assert [item.get("text") for item in items] == [None, "Kept", "Rest"]


async def test_a_turn_can_be_interrupted_while_it_waits_to_try_again(tmp_path: Path) -> None:
    script = [TurnError(AGAIN, retryable=True, retry_after=3600.0)]
    async with patient(tmp_path, script) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await client.hear("error")
        await client.call("turn/interrupt", threadId=thread, turnId=turn_id)
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"


async def test_a_call_of_a_tool_that_is_not_offered_is_answered_and_the_turn_goes_on(tmp_path: Path) -> None:
    script: list[Response] = [
        [function_call("fly", '{"to":"moon"}', call_id="call-9"), completed()],
        [message("Then not"), completed()],
    ]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn = await client.run_turn(thread, "Hello")
        assert turn["status"] == "completed"
        call, answer = server.provider.requests[1].input[-2:]
        assert (call["type"], call["name"], call["call_id"]) == ("function_call", "fly", "call-9")
        assert (answer["type"], answer["call_id"]) == ("function_call_output", "call-9")
        assert answer["output"] == "unsupported call: fly"
        assert len(client.heard("thread/tokenUsage/updated")) == 2
        assert len(client.heard("turn/completed")) == 1


async def test_several_calls_of_one_answer_are_each_answered_in_order(tmp_path: Path) -> None:
    calls = [function_call(name, "{}", call_id=f"call-{name}") for name in ("a", "b")]
    async with running(tmp_path, [*calls, completed()], [message("Hi"), completed()]) as server:
        client = await server.client()
        await client.run_turn(await start_thread(client), "Hello")
        items = [item for item in server.provider.requests[1].input if item["type"].startswith("function_call")]
        assert sorted(item["call_id"] for item in items) == ["call-a", "call-a", "call-b", "call-b"]
        outputs = [item["output"] for item in items if item["type"] == "function_call_output"]
        assert outputs == ["unsupported call: a", "unsupported call: b"]
