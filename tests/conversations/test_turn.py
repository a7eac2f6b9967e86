"""turn/start through the wire: what a turn tells, what the model is asked, which settings stick."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_166, Version
from rollout.events import RateLimits, RateLimitWindow
from server.providers.provider import ItemAdded, ItemDone, RateLimitsSeen, ReasoningDelta
from server.providers.scripted import Response, completed, completed_without_usage, message, reasoning
from tests.support.harness import Client, Message, Refused, running
from tests.support.older import older, older_methods

TEXT = [{"type": "text", "text": "Hello"}]


async def start_thread(client: Client, **params: Any) -> str:
    thread_id: str = (await client.call("thread/start", **{"cwd": "/"} | params))["thread"]["id"]
    return thread_id


async def refused(client: Client, thread: str, **params: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await client.call("turn/start", threadId=thread, **{"input": TEXT} | params)
    return caught.value


def said(items: list[Message]) -> list[tuple[str, str]]:
    """Role and text of the messages in a model input, without what the server says of itself."""
    spoken = [(item["role"], item["content"][0]["text"]) for item in items if item["type"] == "message"]
    return [(role, text) for role, text in spoken if not text.startswith("<") and role != "developer"]


PLAIN_TURN = [
    "reply",
    "thread/status/changed",
    "turn/started",
    "item/started",
    "item/completed",
    "item/started",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/summaryTextDelta",
    "item/completed",
    "item/started",
    "item/agentMessage/delta",
    "item/agentMessage/delta",
    "item/completed",
    "thread/tokenUsage/updated",
    "thread/readState/changed",
    "thread/status/changed",
    "turn/completed",
]


async def test_a_plain_turn_tells_its_events_in_order(tmp_path: Path, dialect: Version) -> None:
    script: Response = [reasoning("think"), message(deltas=["Hel", "lo"]), completed()]
    async with running(tmp_path, script) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.settle()
        client.log.clear()
        turn_id = await client.start_turn(thread, "Hello")
        await client.hear("turn/completed")
        await client.settle()
        assert client.methods() == (PLAIN_TURN if dialect >= V0_166 else older_methods(PLAIN_TURN))
        assert older(client.log[0]["result"]["turn"]) == {
            "id": turn_id,
            "items": [],
            "status": "inProgress",
            "error": None,
            "startedAt": None,
            "completedAt": None,
            "durationMs": None,
        }
        statuses = client.heard("thread/status/changed")
        assert statuses[0] == {"threadId": thread, "status": {"type": "active", "activeFlags": []}}
        assert statuses[1] == {"threadId": thread, "status": {"type": "idle"}}
        told = [params for params in (m.get("params") for m in client.log) if params and "turnId" in params]
        assert {(params["threadId"], params["turnId"]) for params in told} == {(thread, turn_id)}


async def test_a_turn_begins_and_ends_with_its_times_and_what_its_version_shows_of_it(
    tmp_path: Path, dialect: Version
) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        ended = await client.run_turn(thread, "Hello")
        begun = client.heard("turn/started")[0]
        assert begun["threadId"] == thread
        assert (begun["turn"]["id"], begun["turn"]["status"], begun["turn"]["items"]) == (ended["id"], "inProgress", [])
        assert begun["turn"]["completedAt"] is None
        assert (ended["status"], ended["error"]) == ("completed", None)
        assert [item["type"] for item in ended["items"]] == ([] if dialect == V0_125 else ["agentMessage"])
        assert begun["turn"]["startedAt"] == ended["startedAt"] <= ended["completedAt"]
        assert ended["durationMs"] >= 0


async def test_items_are_told_as_they_begin_and_as_they_are(tmp_path: Path) -> None:
    script: Response = [
        reasoning("think", id="rs-1"),
        message(deltas=["Hel", "lo"], id="msg-1", phase="final_answer"),
        completed(),
    ]
    async with running(tmp_path, script) as server:
        client = await server.client()
        content = [{"type": "text", "text": "Hello", "text_elements": []}]
        thread = await start_thread(client)
        await client.run_turn(thread, "Hello")
        begun = [params["item"] for params in client.heard("item/started")]
        done = [params["item"] for params in client.heard("item/completed")]
        assert [item["type"] for item in done] == ["userMessage", "reasoning", "agentMessage"]
        assert [item["id"] for item in begun] == [item["id"] for item in done]
        assert begun[0] == done[0]
        assert done[0]["content"] == content
        assert begun[1] == {"type": "reasoning", "id": "rs-1", "summary": [], "content": []}
        assert done[1] == {"type": "reasoning", "id": "rs-1", "summary": ["think"], "content": []}
        assert begun[2]["text"] == ""
        assert (done[2]["id"], done[2]["text"], done[2]["phase"]) == ("msg-1", "Hello", "final_answer")
        assert [params["delta"] for params in client.heard("item/agentMessage/delta")] == ["Hel", "lo"]
        assert {params["itemId"] for params in client.heard("item/agentMessage/delta")} == {"msg-1"}


async def test_an_item_that_comes_whole_begins_with_all_its_text(tmp_path: Path) -> None:
    async with running(tmp_path, [message("All at once", deltas=[]), completed()]) as server:
        client = await server.client()
        await client.run_turn(await start_thread(client), "Hello")
        assert client.heard("item/agentMessage/delta") == []
        assert client.heard("item/started")[1]["item"] == client.heard("item/completed")[1]["item"]
        assert client.heard("item/started")[1]["item"]["text"] == "All at once"


async def test_raw_reasoning_is_told_as_it_comes(tmp_path: Path) -> None:
    item = {"type": "reasoning", "id": "rs-1", "summary": []}
    whole = item | {"content": [{"type": "reasoning_text", "text": "Hm, well"}]}
    raw = [ReasoningDelta(delta=text, index=0) for text in ("Hm, ", "well")]
    async with running(tmp_path, [ItemAdded(item=item), *raw, ItemDone(item=whole), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn = await client.run_turn(thread, "Hello")
        at = {"threadId": thread, "turnId": turn["id"], "itemId": "rs-1", "contentIndex": 0}
        assert client.heard("item/reasoning/textDelta") == [at | {"delta": "Hm, "}, at | {"delta": "well"}]
        assert client.heard("item/completed")[1]["item"]["content"] == ["Hm, well"]


async def test_usage_adds_up_over_the_turns(tmp_path: Path) -> None:
    first, second = completed(70, 10, 20, 5), completed(200, 80, 30, 7)
    async with running(tmp_path, [message("a"), first], [message("b"), second]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turns = [(await client.run_turn(thread, text))["id"] for text in ("one", "two")]
        told = client.heard("thread/tokenUsage/updated")
        assert [params["turnId"] for params in told] == turns
        assert older(told[1]["tokenUsage"]["last"]) == {
            "totalTokens": 230,
            "inputTokens": 200,
            "cachedInputTokens": 80,
            "outputTokens": 30,
            "reasoningOutputTokens": 7,
        }
        assert older(told[1]["tokenUsage"]["total"]) == {
            "totalTokens": 320,
            "inputTokens": 270,
            "cachedInputTokens": 90,
            "outputTokens": 50,
            "reasoningOutputTokens": 12,
        }


async def test_a_provider_that_counts_nothing_makes_no_usage(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed_without_usage()]) as server:
        client = await server.client()
        assert (await client.run_turn(await start_thread(client), "Hello"))["status"] == "completed"
        assert client.heard("thread/tokenUsage/updated") == []
        assert client.heard("account/rateLimits/updated") == []


def limits(percent: float) -> RateLimitsSeen:
    window = RateLimitWindow(used_percent=percent, window_minutes=300, resets_at=1_795_400_000)
    return RateLimitsSeen(rate_limits=RateLimits(limit_id="codex", primary=window))


async def test_rate_limits_are_told_to_subscribers_when_the_provider_says_some(tmp_path: Path) -> None:
    script: list[Response] = [[limits(12.0), message("a"), completed()], [limits(34.0), message("b"), completed()]]
    async with running(tmp_path, *script) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "one")
        told = client.heard("account/rateLimits/updated")
        assert [params["rateLimits"]["primary"]["usedPercent"] for params in told] == [12, 12]
        assert told[0]["rateLimits"]["primary"] == {
            "usedPercent": 12,
            "windowDurationMins": 300,
            "resetsAt": 1_795_400_000,
        }
        methods = older_methods(client.methods())
        assert methods.index("account/rateLimits/updated") < methods.index("item/agentMessage/delta")
        assert methods[-4:-2] == ["thread/tokenUsage/updated", "account/rateLimits/updated"]
        await client.run_turn(thread, "two")
        assert client.heard("account/rateLimits/updated")[-1]["rateLimits"]["primary"]["usedPercent"] == 34
        await other.settle()
        assert other.heard("account/rateLimits/updated") == []
        known = await other.call("account/rateLimits/read")
        assert known["rateLimits"]["primary"]["usedPercent"] == 34


async def test_the_model_is_told_everything_once(tmp_path: Path) -> None:
    async with running(tmp_path, [message("first"), completed()], [message("second"), completed()]) as server:
        client = await server.client("probe")
        thread = await start_thread(client)
        turns = [(await client.run_turn(thread, text))["id"] for text in ("one", "two")]
        asked = server.provider.requests
        assert said(asked[0].input) == [("user", "one")]
        assert said(asked[1].input) == [("user", "one"), ("assistant", "first"), ("user", "two")]
        assert asked[1].input[: len(asked[0].input)] == asked[0].input
        assert [request.turn_id for request in asked] == turns
        assert {(request.thread_id, request.client_name) for request in asked} == {(thread, "probe")}
        assert asked[0].model == "test-model"


async def test_the_model_is_told_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, [message("first"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "one")
        before = server.provider.requests[0].input
    async with running(tmp_path, [message("second"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        await client.run_turn(thread, "two")
        asked = server.provider.requests[0].input
        assert asked[: len(before)] == before
        assert said(asked) == [("user", "one"), ("assistant", "first"), ("user", "two")]


async def test_settings_given_with_a_turn_stick_and_an_output_schema_does_not(tmp_path: Path) -> None:
    schema = {"type": "object"}
    async with running(tmp_path, [message("x"), completed()], [message("x"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        overrides = {"model": "gpt-5.4", "cwd": "/elsewhere", "effort": "high", "serviceTier": "flex"}
        policies = {"approvalPolicy": "on-request", "sandboxPolicy": {"type": "dangerFullAccess"}}
        await client.call("turn/start", threadId=thread, input=TEXT, outputSchema=schema, **overrides, **policies)
        await client.hear("turn/completed")
        await client.run_turn(thread, "Again")
        first, second = server.provider.requests
        assert (first.output_schema, second.output_schema) == (schema, None)
        for request in (first, second):
            assert (request.model, request.service_tier) == ("gpt-5.4", "flex")
            assert request.reasoning is not None
            assert request.reasoning.effort == "high"
        assert "/elsewhere" in json.dumps(first.input)
        session = await other.call("thread/resume", threadId=thread)
        assert (session["model"], session["cwd"], session["reasoningEffort"]) == ("gpt-5.4", "/elsewhere", "high")
        assert (session["approvalPolicy"], session["sandbox"]) == ("on-request", {"type": "dangerFullAccess"})


async def test_a_folder_given_with_a_turn_is_one_of_the_thread(tmp_path: Path) -> None:
    script: list[Response] = [[message("x"), completed()] for _ in range(3)]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client, cwd="/project")
        for cwd, expected in (("sub", "/project/sub"), ("", "/project/sub"), ("/other", "/other")):
            await client.call("turn/start", threadId=thread, input=TEXT, cwd=cwd)
            await client.hear("turn/completed")
            assert (await client.call("thread/resume", threadId=thread))["cwd"] == expected


async def test_a_model_that_was_set_with_a_turn_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, [message("x"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.call("turn/start", threadId=thread, input=TEXT, model="gpt-5.4")
        await client.hear("turn/completed")
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call("thread/resume", threadId=thread))["model"] == "gpt-5.4"


async def test_input_that_cannot_be_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await other.hear("thread/started")
        already = len(other.log)
        error = await refused(client, thread, input=[], model="other-model")
        assert (error.code, error.message) == (-32600, "input must not be empty")
        error = await refused(
            client, thread, sandboxPolicy={"type": "readOnly"}, permissionProfile={"type": "disabled"}
        )
        assert error.message == "`permissionProfile` cannot be combined with `sandboxPolicy`"
        error = await refused(client, thread, environments=[{"environmentId": "x", "cwd": "/"}])
        assert error.message == "unknown turn environment id `x`"
        await other.settle()
        assert len(other.log) == already
        assert (await client.run_turn(thread, "Hello"))["status"] == "completed"
        assert server.provider.requests[0].model == "test-model"


async def test_input_may_be_large_and_not_too_large(tmp_path: Path) -> None:
    most = 1 << 20
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        error = await refused(client, thread, input=[{"type": "text", "text": "ä" * most}, *TEXT])
        assert (error.code, error.message) == (-32602, f"Input exceeds the maximum length of {most} characters.")
        assert error.data == {"input_error_code": "input_too_large", "max_chars": most, "actual_chars": most + 5}
        assert (await client.run_turn(thread, "ä" * most))["status"] == "completed"
        assert said(server.provider.requests[0].input) == [("user", "ä" * most)]


async def test_a_thread_that_is_not_loaded_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "Hello")
    async with running(tmp_path) as server:
        client = await server.client()
        error = await refused(client, thread)
        assert (error.code, error.message) == (-32600, f"thread not found: {thread}")
        assert server.provider.requests == []


async def test_images_reach_the_model_and_come_back_in_the_turn(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(b"GIF89a")
    content = [
        {"type": "text", "text": "Look", "text_elements": [{"byteRange": {"start": 0, "end": 4}, "placeholder": None}]},
        {"type": "image", "url": "https://example.org/a.png"},
        {"type": "localImage", "path": str(tmp_path / "dot.png")},
        {"type": "localImage", "path": "/no/such.png"},
    ]
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.call("turn/start", threadId=thread, input=content)
        await client.hear("turn/completed")
        assert older(client.heard("item/completed")[0]["item"]["content"]) == content
        parts = [part for item in server.provider.requests[0].input for part in item.get("content", [])]
        images = [part["image_url"] for part in parts if part["type"] == "input_image"]
        assert images == ["https://example.org/a.png", "data:image/gif;base64,R0lGODlh"]
        assert any("which was left out" in part.get("text", "") for part in parts)
        read = await client.call("thread/read", threadId=thread, includeTurns=True)
        assert read["thread"]["preview"] == "Look"
