"""Failures as a provider really tells them: each ends the turn in its own way, and the next turn works."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_166
from server.app import App
from server.providers.scripted import ScriptedProvider
from tests.server.providers.conftest import Answer, ModelServer, hang_up, model_server, refusal, sse
from tests.support.harness import Client, Message, Server, settings_for

__all__ = ["model_server"]

CONFIG = """
model = "gpt-5.4"
model_provider = "real"
approval_policy = "never"
sandbox_mode = "read-only"
compact_prompt = "Sum up."
[model_providers.real]
name = "Real"
base_url = "URL"
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = 300
"""
CREATED = {"type": "response.created", "response": {"id": "resp"}}
USED = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
DONE = {"type": "response.completed", "response": {"id": "resp", "usage": USED}}
IMAGE = {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="}
TEXT = {"type": "text", "text": "Hello"}
BAD_IMAGE = refusal("400 Bad Request", {"error": {"code": "invalid_image_format", "message": "not a valid image"}})
UNUSABLE = ("failed", "badRequest")


def said(text: str) -> Message:
    content = [{"type": "output_text", "text": text}]
    return {"type": "response.output_item.done", "item": {"type": "message", "role": "assistant", "content": content}}


def called(number: int) -> Message:
    call = {"type": "function_call", "name": "update_plan", "call_id": f"call-{number}"}
    plan = {"plan": [{"step": "one", "status": "pending"}]}
    return {"type": "response.output_item.done", "item": call | {"arguments": json.dumps(plan)}}


ANSWER = sse(CREATED, said("Hi"), DONE)


def failing(code: str, message: str = "why") -> Answer:
    return sse(CREATED, {"type": "response.failed", "response": {"error": {"code": code, "message": message}}})


@asynccontextmanager
async def asking(home: Path, models: ModelServer, config: str = "") -> AsyncIterator[Server]:
    """A server that asks this model server."""
    app = App(settings_for(home, config=CONFIG.replace("URL", models.base_url) + config))
    server = Server(app, ScriptedProvider())
    await app.start()
    try:
        yield server
    finally:
        await server.hang_up()
        await app.stop()


async def begun(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


async def run(client: Client, thread: str, *content: Message) -> Message:
    """A whole turn with this input; the turn as it ends."""
    turn = (await client.call("turn/start", threadId=thread, input=list(content)))["turn"]["id"]
    end = await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
    ended: Message = end["params"]["turn"]
    return ended


def inputs(models: ModelServer) -> list[list[Message]]:
    return [seen.body["input"] for seen in models.requests]


HTTP = "httpConnectionFailed"
ROWS: dict[str, tuple[list[Answer], Any, int]] = {
    "500": ([refusal("500 Internal Server Error")] * 4, "internalServerError", 4),
    "502": ([refusal("502 Bad Gateway")] * 4, {HTTP: {"httpStatusCode": 502}}, 4),
    "503, overloaded": (
        [refusal("503 Service Unavailable", {"error": {"code": "server_is_overloaded"}})] * 2,
        "serverOverloaded",
        2,
    ),
    "401": ([refusal("401 Unauthorized")] * 2, {HTTP: {"httpStatusCode": 401}}, 2),
    "403": ([refusal("403 Forbidden")] * 2, {HTTP: {"httpStatusCode": 403}}, 2),
    "404": ([refusal("404 Not Found")] * 2, {HTTP: {"httpStatusCode": 404}}, 2),
    "400": ([refusal("400 Bad Request", "what?")], "other", 1),
    "400, policy": ([refusal("400 Bad Request", {"error": {"code": "cyber_policy"}})], "cyberPolicy", 1),
    "400, image": ([BAD_IMAGE], "badRequest", 1),
    "429, limit": ([refusal("429 Too Many", {"error": {"type": "usage_limit_reached"}})], "usageLimitExceeded", 1),
    "429, plan": ([refusal("429 Too Many", {"error": {"type": "usage_not_included"}})], "usageLimitExceeded", 1),
    "429": ([refusal("429 Too Many")], {"responseTooManyFailedAttempts": {"httpStatusCode": 429}}, 1),
    "context": ([failing("context_length_exceeded")], "contextWindowExceeded", 1),
    "quota": ([failing("insufficient_quota")], "usageLimitExceeded", 1),
    "plan": ([failing("usage_not_included")], "usageLimitExceeded", 1),
    "policy": ([failing("cyber_policy")], "cyberPolicy", 1),
    "prompt": ([failing("invalid_prompt")], "other", 1),
    "overloaded": ([failing("slow_down")], "serverOverloaded", 1),
    "rate": ([failing("rate_limit_exceeded", "try again in 1ms")] * 2, "other", 2),
    "odd": ([failing("odd")] * 2, "other", 2),
    "incomplete": ([sse(CREATED, {"type": "response.incomplete", "response": {}})] * 2, "other", 2),
    "end": ([sse(CREATED)] * 2, "other", 2),
    "cut": ([sse(CREATED, end="cut")] * 2, "other", 2),
    "silence": ([sse(CREATED, end="hang")] * 2, "other", 2),
    "no answer": ([hang_up] * 4, "other", 4),
}


@pytest.mark.parametrize("row", ROWS)
async def test_the_turn_fails_as_the_table_says_and_the_next_one_works(
    tmp_path: Path, model_server: ModelServer, row: str
) -> None:
    answers, info, asked = ROWS[row]
    model_server.reply(*answers, ANSWER, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client, other = await server.client(version=V0_166), await server.client(version=V0_166)
        thread = await begun(client)
        failed = await run(client, thread, TEXT)
        assert (failed["status"], failed["error"]["codexErrorInfo"]) == ("failed", info)
        assert len(model_server.requests) == asked
        told = client.heard("error")
        assert [each["willRetry"] for each in told] == [*[True] * (len(told) - 1), False]
        joined = (await other.call("thread/resume", threadId=thread))["thread"]
        assert joined["status"] == {"type": "systemError"}
        assert (await run(client, thread, TEXT | {"text": "Again"}))["status"] == "completed"
        texts = [part["text"] for item in inputs(model_server)[-1] for part in item.get("content", [])]
        assert (texts.count("Hello"), texts.count("Again")) == (1, 1)
    async with asking(tmp_path, model_server) as server:
        client = await server.client(version=V0_166)
        turns = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [turn["status"] for turn in turns] == ["failed", "completed"]
        assert turns[0]["error"]["codexErrorInfo"] == info


async def test_a_key_that_is_missing_fails_before_anything_is_asked(tmp_path: Path, model_server: ModelServer) -> None:
    key = 'env_key = "NO_SUCH_KEY_HERE"\nenv_key_instructions = "Get one."\n'
    async with asking(tmp_path, model_server, key) as server:
        client = await server.client()
        thread = await begun(client)
        for _ in range(2):
            failed = await run(client, thread, TEXT)
            assert failed["error"]["message"] == "Missing environment variable: `NO_SUCH_KEY_HERE`. Get one."
        assert model_server.requests == []


# -- images ------------------------------------------------------------------------------------------------------------


def images(request: list[Message]) -> int:
    return json.dumps(request).count('"input_image"')


async def test_an_image_that_the_model_cannot_read_is_left_out_and_it_is_asked_once_more(
    tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.reply(ANSWER, BAD_IMAGE, ANSWER, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        await run(client, thread, TEXT, IMAGE)
        assert (await run(client, thread, TEXT, IMAGE))["status"] == "completed"
        await run(client, thread, TEXT)
        assert [images(each) for each in inputs(model_server)] == [1, 2, 1, 1]
        assert "could not read it" in json.dumps(inputs(model_server)[2])
        assert "could not read an image" in (await client.hear("warning"))["message"]
        read = await client.call("thread/read", threadId=thread, includeTurns=True)
        assert [part["type"] for part in read["thread"]["turns"][1]["items"][0]["content"]] == ["text", "image"]


async def test_images_that_are_refused_again_after_a_restart_do_not_block_the_thread(
    tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.reply(BAD_IMAGE, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        await run(client, thread, TEXT, IMAGE)
    model_server.reply(BAD_IMAGE, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        assert (await run(client, thread, TEXT))["status"] == "completed"
        assert [images(each) for each in inputs(model_server)] == [1, 0, 1, 0]


async def test_without_any_image_the_refusal_of_images_is_what_it_says(
    tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.reply(BAD_IMAGE, BAD_IMAGE, BAD_IMAGE)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        failed = await run(client, thread, TEXT)
        assert (failed["status"], failed["error"]["codexErrorInfo"]) == UNUSABLE
        failed = await run(client, thread, TEXT, IMAGE)
        assert (failed["status"], failed["error"]["codexErrorInfo"]) == UNUSABLE
        assert len(model_server.requests) == 3


async def test_a_compaction_leaves_out_what_the_model_cannot_read(tmp_path: Path, model_server: ModelServer) -> None:
    model_server.reply(ANSWER, BAD_IMAGE, sse(CREATED, said("A picture."), DONE), ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        await run(client, thread, TEXT, IMAGE)
        await client.call("thread/compact/start", threadId=thread)
        await client.hear("turn/completed")
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        assert [images(each) for each in inputs(model_server)] == [1, 1, 0]


# -- in the middle of work ---------------------------------------------------------------------------------------------


async def test_a_stream_that_breaks_between_a_call_and_its_output_loses_neither(
    tmp_path: Path, model_server: ModelServer
) -> None:
    model_server.reply(sse(CREATED, called(1), end="cut"), sse(CREATED, called(2)), ANSWER, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        failed = await run(client, thread, TEXT)
        assert failed["status"] == "failed"
        assert len(client.heard("turn/plan/updated")) == 2
        assert (await run(client, thread, TEXT))["status"] == "completed"
    for request, count in zip(inputs(model_server), (0, 1, 2), strict=True):
        kinds = [(item["type"], item["call_id"]) for item in request if "call_id" in item]
        pairs = (
            [("function_call", f"call-{at}") for at in (1, 2)],
            [("function_call_output", f"call-{at}") for at in (1, 2)],
        )
        assert kinds == [each for pair in zip(*pairs, strict=True) for each in pair][: 2 * count]
        assert "aborted" not in json.dumps(request)


async def test_a_context_that_fills_up_while_tools_run_fails_the_turn_and_a_compaction_makes_room(
    tmp_path: Path, model_server: ModelServer
) -> None:
    full = failing("context_length_exceeded")
    model_server.reply(sse(CREATED, called(1), DONE), full, full, sse(CREATED, said("They planned."), DONE), ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        failed = await run(client, thread, TEXT)
        assert failed["error"]["codexErrorInfo"] == "contextWindowExceeded"
        usage = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]
        assert usage["total"]["totalTokens"] == usage["modelContextWindow"]
        assert (await run(client, thread, TEXT | {"text": "Again"}))["status"] == "completed"
        sums = [request for request in inputs(model_server) if "Sum up." in json.dumps(request)]
        assert len(sums) == 2  # the first one was too long as well, and lost its beginning
        assert "They planned." in json.dumps(inputs(model_server)[-1])


@pytest.mark.parametrize(
    "answer", [refusal("400 Bad Request"), failing("usage_not_included"), refusal("429 Too Many")], ids=str
)
async def test_a_failure_inside_a_compaction_is_that_of_its_turn(
    tmp_path: Path, model_server: ModelServer, answer: Answer
) -> None:
    model_server.reply(ANSWER, answer, ANSWER)
    async with asking(tmp_path, model_server) as server:
        client = await server.client()
        thread = await begun(client)
        await run(client, thread, TEXT)
        await client.call("thread/compact/start", threadId=thread)
        await client.hear("turn/completed")
        assert (await client.hear("turn/completed"))["turn"]["status"] == "failed"
        assert (await run(client, thread, TEXT | {"text": "Again"}))["status"] == "completed"
        assert [part["text"] for item in inputs(model_server)[-1] for part in item["content"]][-3:] == [
            "Hello",
            "Hi",
            "Again",
        ]
