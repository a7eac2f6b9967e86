"""What each turn cost, and what threads have used: asked for by clients that show it."""

from pathlib import Path

import pytest

from rollout.events import ThreadRolledBack
from rollout.usage import to_wire
from server.providers.scripted import completed, message
from tests.browser.scenery import spent
from tests.support.harness import Message, Refused, running
from tests.support.rollouts import RolloutBuilder, thread_id, with_null_usage, with_usage


def counted(spent: Message) -> tuple[int, int, int, int, int]:
    """Input, cached, output, reasoning, all."""
    names = ("inputTokens", "cachedInputTokens", "outputTokens", "reasoningOutputTokens", "totalTokens")
    given = tuple(spent[name] for name in names)
    return given[0], given[1], given[2], given[3], given[4]


async def test_what_each_turn_cost_is_known_before_any_turn_runs(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path)
    for turn in (1, 2, 3):
        builder.begin().say("more").count(spent(turn)).answer("done").count(spent(turn)).complete()
    written = builder.write()
    async with running(tmp_path) as server:
        told = await (await server.client()).call("threadcast/usage/read", threadId=written.thread_id)
        assert server.app.loaded.get(written.thread_id) is None
    assert [each["turnId"] for each in told["turns"]] == written.turn_ids
    lasts = [spent(turn).last_token_usage for turn in (1, 2, 3)]
    assert [counted(each["usage"]) for each in told["turns"]] == [
        (u.input_tokens, u.cached_input_tokens, u.output_tokens, u.reasoning_output_tokens, u.total_tokens)
        for u in lasts
    ]
    assert told["usage"]["total"]["totalTokens"] == to_wire(spent(3)).total.total_tokens


async def test_a_turn_that_runs_is_counted_with_those_before_it(tmp_path: Path) -> None:
    written = with_usage(tmp_path)
    async with running(tmp_path, [message("hi"), completed(70, 10, 20, 5)]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        turn = await client.run_turn(written.thread_id, "hello")
        told = await client.call("threadcast/usage/read", threadId=written.thread_id)
    assert [each["turnId"] for each in told["turns"]] == [*written.turn_ids, turn["id"]]
    assert counted(told["turns"][-1]["usage"]) == (70, 10, 20, 5, 90)


async def test_what_was_rolled_back_stays_spent_and_is_shown_for_no_turn(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first", spent(1)).turn("two", "second", spent(2))
    builder.add(ThreadRolledBack(num_turns=1)).turn("three", "third", spent(3))
    written = builder.write()
    async with running(tmp_path) as server:
        told = await (await server.client()).call("threadcast/usage/read", threadId=written.thread_id)
    assert [each["turnId"] for each in told["turns"]] == [written.turn_ids[0], written.turn_ids[2]]
    assert told["turns"][1]["usage"]["totalTokens"] == spent(3).last_token_usage.total_tokens


async def test_a_thread_without_usage_or_without_a_file_has_none(tmp_path: Path) -> None:
    written = with_null_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        new = (await client.call("thread/start", ephemeral=True))["thread"]["id"]
        for each in (written.thread_id, new):
            assert await client.call("threadcast/usage/read", threadId=each) == {"usage": None, "turns": []}
        with pytest.raises(Refused, match="thread not found"):
            await client.call("threadcast/usage/read", threadId=thread_id(77))


async def test_lists_are_told_what_their_threads_have_used(tmp_path: Path) -> None:
    one, two = with_usage(tmp_path, number=1), with_null_usage(tmp_path, number=2)
    async with running(tmp_path) as server:
        client = await server.client()
        asked = [one.thread_id, two.thread_id, thread_id(77)]
        stored = (await client.call("threadcast/usage/list", threadIds=asked))["usage"]
        await client.call("thread/resume", threadId=one.thread_id)
        loaded = (await client.call("threadcast/usage/list", threadIds=asked))["usage"]
        with pytest.raises(Refused, match="threadIds must contain 1 to 100 ids, not 101"):
            await client.call("threadcast/usage/list", threadIds=[thread_id(at) for at in range(101)])
    assert list(stored) == [one.thread_id]
    assert stored[one.thread_id]["total"]["totalTokens"] == 15_002
    assert loaded == stored
