"""thread/fork with lastTurnId and beforeTurnId: a copy of the beginning of a thread, for clients and model alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import completed, message
from tests.support.harness import Client, Message, Refused, Server, running

USAGE = "thread/tokenUsage/updated"


async def three_turns(server: Server) -> tuple[Client, str, list[str]]:
    """A client, a thread of three turns, and their ids."""
    client = await server.client()
    thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    turns = []
    for words in ("one", "two", "three"):
        server.provider.push([*message(f"re: {words}"), completed(10, 2)])
        turns.append((await client.run_turn(thread_id, words))["id"])
    return client, thread_id, turns


def stored(thread: Message) -> str:
    """Its rollout."""
    return Path(thread["path"]).read_text()


def said(thread: Message) -> list[str]:
    """What the user said, turn by turn."""
    return [turn["items"][0]["content"][0]["text"] for turn in thread["turns"]]


async def test_a_copy_ends_with_or_before_the_turn_that_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, thread_id, turns = await three_turns(server)
        for params, kept in (
            ({"lastTurnId": turns[0]}, ["one"]),
            ({"lastTurnId": turns[2]}, ["one", "two", "three"]),
            ({"beforeTurnId": turns[2]}, ["one", "two"]),
        ):
            child = (await client.call("thread/fork", threadId=thread_id, **params))["thread"]
            assert (said(child), child["preview"]) == (kept, "one")
            replay = await client.hear(USAGE, threadId=child["id"])
            assert replay["turnId"] == turns[len(kept) - 1]
            assert replay["tokenUsage"]["total"]["inputTokens"] == 10 * len(kept)
            read = (await client.call("thread/read", threadId=child["id"], includeTurns=True))["thread"]
            assert said(read) == kept


async def test_the_model_of_the_copy_never_saw_what_came_later(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, thread_id, turns = await three_turns(server)
        child = (await client.call("thread/fork", threadId=thread_id, lastTurnId=turns[0]))["thread"]
        server.provider.push([*message("re: other"), completed()])
        await client.run_turn(child["id"], "other")
        texts = [part["text"] for item in server.provider.requests[-1].input for part in item.get("content", [])]
        assert [text for text in texts if not text.startswith("<")] == ["one", "re: one", "other"]
        assert "three" not in stored(child)


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_copy_that_ends_before_the_first_turn_is_empty(tmp_path: Path, ephemeral: bool) -> None:
    async with running(tmp_path) as server:
        client, thread_id, turns = await three_turns(server)
        client.log.clear()
        params: dict[str, Any] = {"threadId": thread_id, "beforeTurnId": turns[0], "ephemeral": ephemeral}
        child = (await client.call("thread/fork", **params))["thread"]
        await client.settle()
        assert (child["turns"], child["preview"]) == ([], "")
        assert client.heard(USAGE) == []


async def test_turns_that_were_taken_back_cannot_be_named(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, thread_id, turns = await three_turns(server)
        await client.call("thread/rollback", threadId=thread_id, numTurns=1)
        server.provider.push([*message("re: four"), completed()])
        four = (await client.run_turn(thread_id, "four"))["id"]
        for params, told in (
            ({"lastTurnId": turns[2]}, f"turn not found: {turns[2]}"),
            ({"beforeTurnId": "none"}, "turn not found: none"),
            (
                {"beforeTurnId": turns[0], "lastTurnId": turns[0]},
                "`beforeTurnId` cannot be combined with `lastTurnId`",
            ),
        ):
            with pytest.raises(Refused) as refused:
                await client.call("thread/fork", threadId=thread_id, **params)
            assert (refused.value.code, refused.value.message) == (-32600, told)
        child = (await client.call("thread/fork", threadId=thread_id, beforeTurnId=four))["thread"]
        assert said(child) == ["one", "two"]
