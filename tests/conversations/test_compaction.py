"""The model history is summed up: when somebody wants it, and when it grows too long. Clients keep their turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_169
from server.errors import TurnError
from server.providers.provider import ModelRequest
from server.providers.scripted import Gate, Response, completed, function_call, message
from tests.support.harness import CONFIG, Client, Message, Refused, running

ANSWER: Response = [message("Sunny."), completed()]
SUMMARY: Response = [message("They asked for the weather; it is sunny."), completed(100, output=30)]
LIMIT = f"model_auto_compact_token_limit = 1000\n{CONFIG}"
FULL = TurnError("too long", "contextWindowExceeded", context_full=True)


def said(request: ModelRequest) -> list[str]:
    """The texts of a request, context left out."""
    texts = [part["text"] for item in request.input for part in item.get("content", [])]
    return [text for text in texts if not text.startswith(("<environment_context>", "<permissions", "# AGENTS.md"))]


def rollouts(home: Path) -> list[Path]:
    return list(home.glob("sessions/*/*/*/*.jsonl"))


def lines(home: Path) -> list[tuple[str, Any]]:
    (path,) = rollouts(home)
    found = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    return [(line["payload"].get("type") or line["type"], line["payload"]) for line in found]


async def begun(client: Client, **params: Any) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/", **params))["thread"]["id"]
    return thread_id


async def compacted(client: Client, thread_id: str) -> Message:
    """Sum it up; the turn as it ends."""
    before = len(client.heard("turn/completed"))
    await client.call("thread/compact/start", threadId=thread_id)
    return await ended(client, before + 1)


async def ended(client: Client, count: int) -> Message:
    """The last of so many turns, as it ends."""
    await client.find(lambda _message: len(client.heard("turn/completed")) >= count)
    turn: Message = client.heard("turn/completed")[count - 1]["turn"]
    return turn


async def test_a_compaction_is_a_turn_with_an_item_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY) as server:
        client, other = await server.client(version=V0_169), await server.client(version=V0_125)
        thread_id = await begun(client)
        await client.run_turn(thread_id, "How is the weather?")
        await other.call("thread/resume", threadId=thread_id)
        await client.settle()
        since = len(client.log)
        await compacted(client, thread_id)
        assert client.methods(since) == [
            "reply",
            "thread/status/changed",
            "turn/started",
            "item/started",
            "thread/tokenUsage/updated",
            "thread/tokenUsage/updated",
            "item/completed",
            "thread/status/changed",
            "turn/completed",
        ]
        item = client.heard("item/completed")[-1]["item"]
        assert item["type"] == "contextCompaction"
        assert client.heard("item/started")[-1]["item"]["id"] == item["id"]
        read = await other.call("thread/read", threadId=thread_id, includeTurns=True)
        kinds = [[item["type"] for item in turn["items"]] for turn in read["thread"]["turns"]]
        assert kinds == [["userMessage", "agentMessage"], ["contextCompaction"]]


async def test_the_next_turn_gets_the_users_words_the_summary_and_the_context_anew(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "How is the weather?")
        await compacted(client, thread_id)
        await client.run_turn(thread_id, "And tomorrow?")
        asked, after = server.provider.requests[1:]
        assert said(asked)[:2] == ["How is the weather?", "Sunny."]
        assert len(said(asked)) == 3
        assert asked.tools == []
        words, summary, question = said(after)
        assert (words, question) == ("How is the weather?", "And tomorrow?")
        assert summary.endswith("\nThey asked for the weather; it is sunny.")
        context = [item for item in after.input if "<environment_context>" in item["content"][0]["text"]]
        assert after.input.index(context[0]) == 3  # behind what it may do
        assert (asked.window, after.window) == (0, 1)


async def test_usage_goes_on_and_the_context_is_what_is_left(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "How is the weather?")
        await compacted(client, thread_id)
        usage = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]
        assert usage["total"]["totalTokens"] == 90 + 130
        assert usage["last"]["inputTokens"] == 0
        assert 0 < usage["last"]["totalTokens"] < 1000


async def test_summaries_are_not_taken_for_the_users_words_the_next_time(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY, ANSWER, SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        for words in ("one", "two"):
            await client.run_turn(thread_id, words)
            await compacted(client, thread_id)
        await client.run_turn(thread_id, "three")
        texts = said(server.provider.requests[-1])
        assert [texts[0], texts[1], texts[3]] == ["one", "two", "three"]
        assert len(texts) == 4


async def test_a_compacted_thread_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "How is the weather?")
        await compacted(client, thread_id)
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        resumed = await client.call("thread/resume", threadId=thread_id)
        assert resumed["thread"]["turns"][1]["items"][0]["type"] == "contextCompaction"
        await client.run_turn(thread_id, "And tomorrow?")
        words, summary, question = said(server.provider.requests[0])
        assert (words, question) == ("How is the weather?", "And tomorrow?")
        assert "it is sunny" in summary


async def test_a_stopped_compaction_changes_nothing(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, ANSWER, [message(deltas=["They", gate]), completed()], ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await gate.reached.wait()
        turn_id = client.heard("turn/started")[-1]["turn"]["id"]
        await client.call("turn/interrupt", threadId=thread_id, turnId=turn_id)
        assert (await client.hear("turn/completed", threadId=thread_id))["turn"]["status"] == "completed"
        assert (await client.hear("turn/completed", threadId=thread_id))["turn"]["status"] == "interrupted"
        await client.run_turn(thread_id, "two")
        assert said(server.provider.requests[-1])[:2] == ["one", "Sunny."]
        assert "compacted" not in [kind for kind, _ in lines(tmp_path)]


async def test_a_failed_compaction_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, [TurnError("no")], ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        turn = await compacted(client, thread_id)
        assert turn["status"] == "failed"
        assert turn["error"]["message"] == "no"
        assert client.heard("item/completed")[-1]["item"]["type"] == "agentMessage"
        assert (await client.run_turn(thread_id, "two"))["status"] == "completed"
        assert said(server.provider.requests[-1]) == ["one", "Sunny.", "two"]


async def test_input_during_a_compaction_is_the_next_turn(tmp_path: Path) -> None:
    gate = Gate()
    summary: Response = [message(deltas=["It is ", gate, "sunny."]), completed()]
    async with running(tmp_path, ANSWER, summary, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await gate.reached.wait()
        running_id = client.heard("turn/started")[-1]["turn"]["id"]
        first = await client.start_turn(thread_id, "two")
        second = await client.start_turn(thread_id, "three")
        assert first == second != running_id
        gate.open()
        ended = [(await client.hear("turn/completed", threadId=thread_id))["turn"]["id"] for _ in range(3)]
        assert ended[1:] == [running_id, first]
        texts = said(server.provider.requests[-1])
        assert [texts[0], *texts[2:]] == ["one", "two", "three"]


async def test_input_that_waits_for_a_compaction_survives_its_interruption(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, ANSWER, [gate], ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await gate.reached.wait()
        running_id = client.heard("turn/started")[-1]["turn"]["id"]
        turn_id = await client.start_turn(thread_id, "two")
        await client.call("turn/interrupt", threadId=thread_id, turnId=running_id)
        ended = [(await client.hear("turn/completed", threadId=thread_id))["turn"] for _ in range(3)]
        assert [turn["status"] for turn in ended] == ["completed", "interrupted", "completed"]
        assert ended[-1]["id"] == turn_id


async def test_a_compaction_cannot_be_steered(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, ANSWER, [gate, *SUMMARY]) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await gate.reached.wait()
        turn_id = client.heard("turn/started")[-1]["turn"]["id"]
        words = [{"type": "text", "text": "more"}]
        with pytest.raises(Refused, match="cannot steer a compact turn") as refused:
            await client.call("turn/steer", threadId=thread_id, expectedTurnId=turn_id, input=words)
        data: Message = refused.value.data or {}
        assert data["codexErrorInfo"] == {"activeTurnNotSteerable": {"turnKind": "compact"}}
        gate.open()


async def test_an_ephemeral_thread_is_compacted_too(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client, ephemeral=True)
        await client.run_turn(thread_id, "one")
        await compacted(client, thread_id)
        await client.run_turn(thread_id, "two")
        assert "it is sunny" in said(server.provider.requests[-1])[1]
        assert rollouts(tmp_path) == []


async def test_what_is_injected_meanwhile_stays(tmp_path: Path) -> None:
    gate = Gate()
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "As I said."}]}
    async with running(tmp_path, ANSWER, [gate, *SUMMARY], ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await client.call("thread/compact/start", threadId=thread_id)
        await gate.reached.wait()
        await client.call("thread/inject_items", threadId=thread_id, items=[item])
        gate.open()
        await ended(client, 2)
        await client.run_turn(thread_id, "two")
        texts = said(server.provider.requests[-1])
        assert [texts[0], *texts[2:]] == ["one", "As I said.", "two"]


async def test_a_history_that_is_too_long_to_be_summed_up_loses_its_beginning(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, [FULL], [FULL], SUMMARY, ANSWER) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        assert (await compacted(client, thread_id))["status"] == "completed"
        assert [len(request.input) for request in server.provider.requests[1:4]] == [5, 4, 2]
        await client.run_turn(thread_id, "two")
        assert said(server.provider.requests[-1])[0] == "one"


async def test_a_prompt_of_ones_own_is_used(tmp_path: Path) -> None:
    config = f'compact_prompt = "Say it in short."\n{CONFIG}'
    async with running(tmp_path, ANSWER, SUMMARY, config=config) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        await compacted(client, thread_id)
        assert said(server.provider.requests[-1])[-1] == "Say it in short."


async def test_a_full_history_is_summed_up_before_the_turn(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Long."), completed(990)], SUMMARY, ANSWER, ANSWER, config=LIMIT) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        turn = await client.run_turn(thread_id, "two")
        assert turn["status"] == "completed"
        texts = said(server.provider.requests[-1])
        assert [texts[0], texts[2]] == ["one", "two"]
        items = [told["item"]["type"] for told in client.heard("item/completed") if told["turnId"] == turn["id"]]
        assert items == ["contextCompaction", "userMessage", "agentMessage"]
        await client.run_turn(thread_id, "three")
        assert said(server.provider.requests[-1])[2:] == ["two", "Sunny.", "three"]


async def test_a_history_that_fills_up_within_a_turn_is_summed_up_and_the_turn_goes_on(tmp_path: Path) -> None:
    calls: Response = [function_call("look", "{}"), completed(990)]
    async with running(tmp_path, ANSWER, calls, SUMMARY, ANSWER, ANSWER, config=LIMIT) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        turn = await client.run_turn(thread_id, "two")
        assert turn["status"] == "completed"
        after = server.provider.requests[3]
        words, last, summary = said(after)
        assert (words, last) == ("one", "two")
        assert "it is sunny" in summary
        assert "<environment_context>" in after.input[2]["content"][0]["text"]
        await client.run_turn(thread_id, "three")
        again = [item for item in server.provider.requests[4].input if "<environment" in str(item)]
        assert len(again) == 1
        kinds = [kind for kind, _ in lines(tmp_path)]
        at = kinds.index("compacted")
        assert kinds[at : at + 4] == ["compacted", "turn_context", "token_count", "context_compacted"]


async def test_steered_input_comes_after_the_summary(tmp_path: Path) -> None:
    gate = Gate()
    long: Response = [message(deltas=["Well", gate, "."]), completed(990)]
    async with running(tmp_path, long, SUMMARY, ANSWER, config=LIMIT) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.start_turn(thread_id, "one")
        await gate.reached.wait()
        await client.start_turn(thread_id, "two")
        gate.open()
        await client.hear("turn/completed", threadId=thread_id)
        words, summary, steered = said(server.provider.requests[-1])
        assert (words, steered) == ("one", "two")
        assert "it is sunny" in summary


async def test_a_turn_that_cannot_make_room_fails_and_keeps_its_input(tmp_path: Path) -> None:
    async with running(
        tmp_path, [message("Long."), completed(990)], [TurnError("no")], SUMMARY, config=LIMIT
    ) as server:
        client = await server.client()
        thread_id = await begun(client)
        await client.run_turn(thread_id, "one")
        assert (await client.run_turn(thread_id, "two"))["status"] == "failed"
        server.provider.push(ANSWER)
        assert (await client.run_turn(thread_id, "three"))["status"] == "completed"
        texts = said(server.provider.requests[-1])
        assert [texts[0], texts[1], texts[3]] == ["one", "two", "three"]
