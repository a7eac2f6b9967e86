"""thread/rollback through the wire: the turns go from the clients, the file's meaning and the model alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from rollout.estimate import context_tokens
from rollout.prompt import build
from rollout.reader import read
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.older import older_methods
from tests.support.rollouts import RolloutBuilder, compacted, mid_turn, thread_id, usage_info, with_usage

USAGE = "thread/tokenUsage/updated"


def lines(path: Path) -> list[Message]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def texts(thread: Message) -> list[list[str]]:
    """What was said in each turn."""
    return [[item.get("text") or item["content"][0]["text"] for item in turn["items"]] for turn in thread["turns"]]


def asked(items: list[Any]) -> list[str]:
    """What a model request holds of the talk, without its context."""
    said = [item["content"][0]["text"] for item in items if item.get("role") in ("user", "assistant")]
    return [text for text in said if not text.startswith("<")]


async def roll_back(client: Client, thread: str, turns: int = 1) -> Message:
    result: Message = await client.call("thread/rollback", threadId=thread, numTurns=turns)
    return result["thread"]  # type: ignore[no-any-return]


async def start(client: Client, **params: Any) -> Message:
    thread: Message = (await client.call("thread/start", cwd="/", **params))["thread"]
    return thread


def is_on_disk(path: str) -> bool:
    return Path(path).exists()


async def test_the_reply_holds_what_is_left_and_only_subscribers_hear_the_usage(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path) as server:
        follower, other, bystander = [await server.client() for _ in range(3)]
        await follower.call("thread/resume", threadId=written.thread_id)
        for client in (follower, other, bystander):
            await client.settle()
            client.log.clear()
        thread = await roll_back(other, written.thread_id)
        assert texts(thread) == [["one", "first"]]
        assert (thread["status"], thread["preview"]) == ({"type": "idle"}, "one")
        for client in (follower, other, bystander):
            await client.settle()
        heard = [older_methods(client.methods()) for client in (follower, other, bystander)]
        assert heard == [[USAGE], ["reply"], []]
        told = follower.heard(USAGE)[0]
        assert (told["threadId"], told["turnId"]) == (written.thread_id, written.turn_ids[0])


async def test_a_subscriber_who_asks_hears_the_usage_before_the_reply(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await client.settle()
        client.log.clear()
        await roll_back(client, written.thread_id)
        assert older_methods(client.methods()) == [USAGE, "reply"]


async def test_the_rollout_gets_a_new_estimate_and_then_the_marker_and_loses_nothing(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await roll_back(client, written.thread_id)
        told = client.heard(USAGE)[-1]["tokenUsage"]
    assert written.path.read_bytes().startswith(before)
    count, marker = (line["payload"] for line in lines(written.path)[-2:])
    assert marker == {"type": "thread_rolled_back", "num_turns": 1}
    left = build(read(written.path).entries).items
    assert asked(left) == ["one", "first"]
    estimate = context_tokens("Be brief.", left)  # the instructions that the rollout remembers
    zeros = {"input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "reasoning_output_tokens": 0}
    assert count["info"]["last_token_usage"] == zeros | {"total_tokens": estimate}
    assert count["info"]["total_token_usage"]["total_tokens"] == usage_info(2).total_token_usage.total_tokens
    assert (told["last"]["totalTokens"], told["last"]["inputTokens"]) == (estimate, 0)
    assert told["total"]["totalTokens"] == usage_info(2).total_token_usage.total_tokens


async def test_the_next_turn_asks_without_what_was_rolled_back(tmp_path: Path) -> None:
    answers: list[Response] = [[message(text), completed()] for text in ("first", "second", "third", "fourth")]
    async with running(tmp_path, *answers) as server:
        client = await server.client()
        thread = (await start(client))["id"]
        for text in ("one", "two", "three"):
            await client.run_turn(thread, text)
        assert texts(await roll_back(client, thread, 2)) == [["one", "first"]]
        await client.run_turn(thread, "four")
        assert asked(server.provider.requests[-1].input) == ["one", "first", "four"]
        read_back = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]
        assert texts(read_back) == [["one", "first"], ["four", "fourth"]]


async def test_after_a_restart_all_is_as_the_rollback_left_it(tmp_path: Path) -> None:
    answers: list[Response] = [[message(text), completed()] for text in ("first", "second")]
    async with running(tmp_path, *answers) as server:
        client = await server.client()
        thread = (await start(client))["id"]
        for text in ("one", "two"):
            await client.run_turn(thread, text)
        left = await roll_back(client, thread)
        told = client.heard(USAGE)[-1]
        joiner = await server.client()
        await joiner.call("thread/resume", threadId=thread)
        assert await joiner.hear(USAGE) == told
    async with running(tmp_path, [message("third"), completed()]) as server:
        client = await server.client()
        resumed = (await client.call("thread/resume", threadId=thread))["thread"]
        assert resumed == left
        assert await client.hear(USAGE) == told
        await client.run_turn(thread, "three")
        assert asked(server.provider.requests[0].input) == ["one", "first", "three"]


async def test_more_turns_than_there_are_take_all(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path, [message("again"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        thread = await roll_back(client, written.thread_id, 4_294_967_295)
        assert (thread["turns"], thread["preview"]) == ([], "one")
        assert client.heard(USAGE)[-1]["turnId"] == ""
        await client.run_turn(written.thread_id, "anew")
        assert asked(server.provider.requests[0].input) == ["anew"]


async def test_one_rollback_after_the_other_takes_one_turn_each(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path).turn("one", "1").turn("two", "2").turn("three", "3").write()
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        requests = [await client.post("thread/rollback", threadId=written.thread_id, numTurns=1) for _ in range(2)]
        replies = [(await client.reply(request))["result"]["thread"] for request in requests]
        assert [texts(thread) for thread in replies] == [[["one", "1"], ["two", "2"]], [["one", "1"]]]


async def test_a_rollback_across_a_compaction_brings_back_what_was_compacted(tmp_path: Path) -> None:
    written = compacted(tmp_path)
    async with running(tmp_path, [message("again"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        assert texts(await roll_back(client, written.thread_id, 2)) == [["one", "first"]]
        await client.run_turn(written.thread_id, "anew")
        assert asked(server.provider.requests[0].input) == ["one", "first", "anew"]


async def test_a_turn_that_a_crash_cut_short_can_be_rolled_back(tmp_path: Path) -> None:
    written = mid_turn(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        assert texts(await roll_back(client, written.thread_id)) == [["one", "first"]]


async def test_name_and_origin_of_a_fork_are_kept(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        await client.call("thread/name/set", threadId=child["id"], name="A branch")
        thread = await roll_back(client, child["id"])
        assert (thread["forkedFromId"], thread["name"]) == (written.thread_id, "A branch")
        assert thread["path"] == child["path"]
    assert lines(written.path)[-1]["payload"]["type"] == "task_complete"


async def test_while_a_turn_runs_the_request_fails_and_nothing_else_happens(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["a", gate, "b"]), completed()]) as server:
        author, other = await server.client(), await server.client()
        thread = (await start(author))["id"]
        await author.start_turn(thread, "hi")
        await gate.reached.wait()
        await other.settle()
        other.log.clear()
        with pytest.raises(Refused, match=r"-32600: a turn of thread .* is running"):
            await roll_back(other, thread)
        await other.settle()
        assert other.methods() == ["error"]
        gate.open()
        assert (await author.hear("turn/completed"))["turn"]["status"] == "completed"
        states = [told["status"]["type"] for told in author.heard("thread/status/changed")]
        assert states == ["active", "idle"]


async def test_what_cannot_be_rolled_back_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        new, ephemeral = await start(client), await start(client, ephemeral=True)
        refusals = {
            written.thread_id: f"thread not found: {written.thread_id}",
            thread_id(99): f"thread not found: {thread_id(99)}",
            new["id"]: "no history yet",
            ephemeral["id"]: "ephemeral thread cannot be rolled back",
            "nonsense": "invalid thread id",
        }
        for thread, reason in refusals.items():
            with pytest.raises(Refused, match=f"-32600: .*{reason}"):
                await roll_back(client, thread)
        await client.settle()
        assert "thread/status/changed" not in client.methods()
    assert not is_on_disk(new["path"])
    assert written.path.read_bytes() == before


@pytest.mark.parametrize(
    ("turns", "reason"),
    [(0, "numTurns must be >= 1"), (-1, "Invalid request"), (1 << 32, "Invalid request"), (None, "Invalid request")],
)
async def test_a_number_that_makes_no_sense_is_refused_before_the_thread_is_looked_for(
    tmp_path: Path, turns: int | None, reason: str
) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: {reason}"):
            await client.call("thread/rollback", threadId="nonsense", numTurns=turns)


async def test_a_thread_in_the_newer_form_is_rolled_back_like_any_other(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path, history_mode="paginated").turn("one", "first").turn("two", "second").write()
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        left = await roll_back(client, written.thread_id)
        assert texts(left) == [["one", "first"]]
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call("thread/resume", threadId=written.thread_id))["thread"] == left
