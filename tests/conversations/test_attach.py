"""thread/resume and thread/fork through the wire: reply, usage replay, live events; to whom, in which order, once."""

from pathlib import Path
from typing import Any

import pytest

from rollout.events import ThreadRolledBack, TokenUsage, TokenUsageInfo
from server.providers.scripted import Gate, completed, message
from tests.support import rollouts
from tests.support.harness import Client, Message, Refused, running
from tests.support.older import older
from tests.support.rollouts import RolloutBuilder, usage_info

REPLAY = "thread/tokenUsage/updated"


def state_of(path: Path) -> tuple[bytes, int, int]:
    """All that a write would change."""
    stat = path.stat()
    return path.read_bytes(), stat.st_size, stat.st_mtime_ns


def wire(info: TokenUsageInfo) -> Message:
    """What a replay of this usage must say."""
    return {
        "total": _counters(info.total_token_usage),
        "last": _counters(info.last_token_usage),
        "modelContextWindow": info.model_context_window,
    }


def _counters(usage: TokenUsage) -> Message:
    return {
        "totalTokens": usage.total_tokens,
        "inputTokens": usage.input_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningOutputTokens": usage.reasoning_output_tokens,
    }


async def resume(client: Client, thread_id: str, **params: Any) -> Message:
    result: Message = await client.call("thread/resume", threadId=thread_id, **params)
    return result


def texts(turn: Message) -> list[str]:
    """What a turn's messages say."""
    return [item.get("text") or item["content"][0]["text"] for item in turn["items"]]


# -- cold resume -------------------------------------------------------------------------------------------------------


async def test_cold_resume_answers_then_replays_usage_once_and_writes_nothing(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    before = state_of(written.path)
    async with running(tmp_path) as server:
        client = await server.client()
        result = await resume(client, written.thread_id)
        await client.settle()
        assert client.methods() == ["thread/status/changed", "reply", REPLAY]
        assert [texts(turn) for turn in result["thread"]["turns"]] == [["one", "first"], ["two", "second"]]
        assert older(client.heard(REPLAY)) == [
            {
                "threadId": written.thread_id,
                "turnId": written.turn_ids[1],
                "tokenUsage": wire(usage_info(2)),
            }
        ]
    assert state_of(written.path) == before


async def test_resuming_again_and_again_never_counts_twice(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    before = state_of(written.path)
    for _ in range(3):
        async with running(tmp_path) as server:
            client = await server.client()
            for _ in range(3):
                await resume(client, written.thread_id)
            await client.settle()
            assert [older(told["tokenUsage"]) for told in client.heard(REPLAY)] == [wire(usage_info(2))] * 3
    assert state_of(written.path) == before


async def test_the_next_turn_adds_to_the_restored_usage(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path, [message("more"), completed(1, 2, 3, 4, total=5)]) as server:
        client = await server.client()
        await resume(client, written.thread_id)
        turn = await client.run_turn(written.thread_id, "go on")
        live = client.heard(REPLAY)[1:]
        before = wire(usage_info(2))["total"]
        assert [told["turnId"] for told in live] == [turn["id"]]
        assert older(live[0]["tokenUsage"]["total"]) == {
            "totalTokens": before["totalTokens"] + 5,
            "inputTokens": before["inputTokens"] + 1,
            "cachedInputTokens": before["cachedInputTokens"] + 2,
            "outputTokens": before["outputTokens"] + 3,
            "reasoningOutputTokens": before["reasoningOutputTokens"] + 4,
        }
        assert live[0]["tokenUsage"]["last"]["totalTokens"] == 5


@pytest.mark.parametrize("write", [rollouts.plain, rollouts.with_null_usage])
async def test_without_usage_in_the_rollout_nothing_is_replayed(tmp_path: Path, write: Any) -> None:
    written = write(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await resume(client, written.thread_id)
        await client.settle()
        assert client.methods() == ["thread/status/changed", "reply"]


async def test_a_count_without_numbers_owns_the_usage_but_does_not_erase_it(tmp_path: Path) -> None:
    written = rollouts.with_usage_then_null(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await resume(client, written.thread_id)
        replay = await client.hear(REPLAY)
        assert (replay["turnId"], older(replay["tokenUsage"])) == (written.turn_ids[1], wire(usage_info(1)))


async def test_after_a_rollback_usage_is_shown_for_the_turn_that_has_the_owners_place(tmp_path: Path) -> None:
    written = rollouts.rolled_back(tmp_path)  # turns 1 and 4 are left; the newest count was made in turn 3
    async with running(tmp_path) as server:
        client = await server.client()
        result = await resume(client, written.thread_id)
        replay = await client.hear(REPLAY)
        assert [turn["id"] for turn in result["thread"]["turns"]] == [written.turn_ids[0], written.turn_ids[3]]
        assert (replay["turnId"], older(replay["tokenUsage"])) == (written.turn_ids[3], wire(usage_info(3)))


async def test_usage_of_a_rolled_back_turn_takes_the_turn_that_has_its_position(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first").turn("two", "second", usage_info(2))
    builder.add(ThreadRolledBack(num_turns=1))
    written = builder.turn("three", "third").turn("four", "fourth").write()
    async with running(tmp_path) as server:
        client = await server.client()
        await resume(client, written.thread_id)
        assert (await client.hear(REPLAY))["turnId"] == written.turn_ids[2]


async def test_a_legacy_rollout_without_turn_events_names_its_turn_by_position(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).say("one").answer("first").count(usage_info(1)).say("two").answer("second")
    written = builder.write()
    async with running(tmp_path) as server:
        client = await server.client()
        turns = (await resume(client, written.thread_id))["thread"]["turns"]
        assert [turn["id"] for turn in turns] == ["rollout-2", "rollout-7"]
        assert (await client.hear(REPLAY))["turnId"] == "rollout-2"


async def test_a_turn_that_a_crash_cut_short_is_shown_as_interrupted(tmp_path: Path) -> None:
    written = rollouts.mid_turn(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        result = await resume(client, written.thread_id)
        assert [turn["status"] for turn in result["thread"]["turns"]] == ["completed", "interrupted"]
        assert (await client.hear(REPLAY))["turnId"] == written.turn_ids[0]


async def test_excluding_turns_leaves_them_out_and_replays_usage_all_the_same(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        result = await resume(client, written.thread_id, excludeTurns=True)
        assert result["thread"]["turns"] == []
        assert (await client.hear(REPLAY))["turnId"] == written.turn_ids[1]


async def test_only_the_attacher_hears_its_replay(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path) as server:
        first, second, bystander = await server.client(), await server.client(), await server.client()
        await resume(first, written.thread_id)
        await resume(second, written.thread_id)
        for client in (first, second, bystander):
            await client.settle()
        assert len(first.heard(REPLAY)) == len(second.heard(REPLAY)) == 1
        assert bystander.methods() == ["thread/status/changed"]


async def test_every_replay_decision_is_one_structured_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used, unused = rollouts.with_usage(tmp_path, number=1), rollouts.plain(tmp_path, number=2)
    async with running(tmp_path) as server:
        client = await server.client()
        await resume(client, used.thread_id)
        await resume(client, unused.thread_id)
    lines = [line for line in capsys.readouterr().out.splitlines() if "usage_replay" in line]
    assert len(lines) == 2
    for part in ("connection=1", "decision=sent", "reason=owner-id", used.thread_id, used.turn_ids[1]):
        assert part in lines[0]
    for part in ("connection=1", "not sent", "reason=no-usage-in-rollout", unused.thread_id):
        assert part in lines[1]


async def test_resume_by_path_and_by_history_are_other_ways_in(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        by_path = await resume(client, "anything", path=str(written.path))
        assert by_path["thread"]["id"] == written.thread_id
        items = [rollouts.user_item("earlier").payload, rollouts.assistant_item("yes").payload]
        by_history = await resume(client, "anything", history=items)
        assert by_history["thread"]["turns"] == []
        assert by_history["thread"]["id"] not in ("anything", written.thread_id)
        await client.settle()
        assert len(client.heard(REPLAY)) == 1
        with pytest.raises(Refused, match="history must not be empty"):
            await resume(client, "anything", history=[])
        with pytest.raises(Refused, match="with history while it is already running"):
            await resume(client, written.thread_id, history=items)
        with pytest.raises(Refused, match="mismatched path"):
            await resume(client, written.thread_id, path="/elsewhere.jsonl")


# -- rejoin ------------------------------------------------------------------------------------------------------------


async def test_a_joiner_gets_the_text_so_far_and_then_every_delta_once(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(id="m", deltas=["Hel", "lo ", gate, "wor", "ld"]), completed()]) as server:
        author, joiner = await server.client(), await server.client()
        thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        turn_id = await author.start_turn(thread_id, "hi")
        await gate.reached.wait()
        joiner.log.clear()

        result = await resume(joiner, thread_id)
        (turn,) = result["thread"]["turns"]
        assert (turn["id"], turn["status"], result["thread"]["status"]["type"]) == (turn_id, "inProgress", "active")
        assert texts(turn) == ["hi", "Hello "]
        assert turn["items"][1]["id"] == "m"  # the id that the coming deltas carry

        gate.open()
        await joiner.hear("turn/completed")
        deltas = [told["delta"] for told in joiner.heard("item/agentMessage/delta")]
        assert deltas == ["wor", "ld"]
        assert joiner.heard("item/completed")[0]["item"]["text"] == "Hello world"
        assert "item/started" not in joiner.methods()


async def test_a_joiner_of_a_running_turn_gets_usage_after_its_reply_and_before_live_events(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    gate = Gate()
    async with running(tmp_path, [message(deltas=["a", gate, "b"]), completed()]) as server:
        author, joiner = await server.client(), await server.client()
        await resume(author, written.thread_id)
        await author.start_turn(written.thread_id, "three")
        await gate.reached.wait()
        await joiner.settle()
        joiner.log.clear()
        heard_by_author = len(author.heard(REPLAY))
        await resume(joiner, written.thread_id)
        gate.open()
        await joiner.hear("turn/completed")
        assert joiner.methods()[:3] == ["reply", REPLAY, "item/agentMessage/delta"]
        assert joiner.heard(REPLAY)[0]["turnId"] == written.turn_ids[1]
        assert len(author.heard(REPLAY)) == heard_by_author + 1  # its own live update; not the other's replay


async def test_after_its_turn_a_thread_shows_what_the_rollout_says(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello", id="m"), completed()]) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread_id, "hi")
        live = (await resume(client, thread_id))["thread"]
    async with running(tmp_path) as server:
        client = await server.client()
        cold = (await resume(client, thread_id))["thread"]
    assert live["turns"] == cold["turns"]
    assert [item["id"] for item in cold["turns"][0]["items"]] == ["item-1", "item-2"]
    assert live == cold


async def test_a_thread_without_a_turn_can_be_joined_before_anything_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        author, joiner = await server.client(), await server.client()
        thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
        assert (await resume(joiner, thread_id))["thread"]["turns"] == []
        await author.start_turn(thread_id, "hi")
        await joiner.hear("turn/completed")


# -- fork --------------------------------------------------------------------------------------------------------------


async def test_fork_answers_then_replays_then_announces_and_leaves_the_source_alone(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    before = state_of(written.path)
    async with running(tmp_path) as server:
        client, bystander = await server.client(), await server.client()
        result = await client.call("thread/fork", threadId=written.thread_id)
        child = result["thread"]
        await client.settle()
        await bystander.settle()
        assert client.methods() == ["reply", REPLAY, "thread/started"]
        assert bystander.methods() == ["thread/started"]
        assert (child["forkedFromId"], child["preview"], child["name"]) == (written.thread_id, "one", None)
        assert [turn["id"] for turn in child["turns"]] == written.turn_ids
        assert bystander.heard("thread/started") == [{"thread": child | {"turns": []}}]
        replay = client.heard(REPLAY)[0]
        assert (replay["threadId"], replay["turnId"]) == (child["id"], written.turn_ids[1])
        assert older(replay["tokenUsage"]) == wire(usage_info(2))
    assert state_of(written.path) == before


async def test_a_fork_goes_its_own_way(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path, [message("in the fork"), completed(1, 1, 1, 1, total=2)]) as server:
        client, follower = await server.client(), await server.client()
        await resume(follower, written.thread_id)
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        await client.run_turn(child["id"], "three")
        await follower.settle()
        assert follower.heard("turn/started") == []
        asked = server.provider.requests[0].input
        said = [item["content"][0]["text"] for item in asked if item.get("role") in ("user", "assistant")]
        assert [text for text in said if not text.startswith("<")] == ["one", "first", "two", "second", "three"]
    async with running(tmp_path) as server:
        client = await server.client()
        again = await resume(client, child["id"])
        assert [texts(turn)[0] for turn in again["thread"]["turns"]] == ["one", "two", "three"]
        total = (await client.hear(REPLAY))["tokenUsage"]["total"]
        assert total["totalTokens"] == wire(usage_info(2))["total"]["totalTokens"] + 2


async def test_a_fork_of_a_running_thread_ends_its_copied_turn_and_disturbs_nobody(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["a", gate, "b"]), completed()]) as server:
        author, forker = await server.client(), await server.client()
        source = (await author.call("thread/start", cwd="/"))["thread"]
        await author.start_turn(source["id"], "hi")
        await gate.reached.wait()
        child = (await forker.call("thread/fork", threadId=source["id"]))["thread"]
        (turn,) = child["turns"]
        assert (turn["status"], turn["completedAt"], texts(turn)) == ("interrupted", None, ["hi"])
        assert child["status"] == {"type": "idle"}
        gate.open()
        assert (await author.hear("turn/completed"))["turn"]["status"] == "completed"
        assert forker.heard("turn/completed") == []


async def test_an_ephemeral_fork_leaves_no_file_and_still_replays(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        child = (await client.call("thread/fork", threadId=written.thread_id, ephemeral=True))["thread"]
        assert (child["path"], child["ephemeral"], len(child["turns"])) == (None, True, 2)
        assert (await client.hear(REPLAY))["turnId"] == written.turn_ids[1]
    assert list((tmp_path / "sessions").rglob("*.jsonl")) == [written.path]


async def test_a_thread_in_the_newer_form_is_shown_and_forked_into_the_older_one(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path, history_mode="paginated").turn("one", "first", usage_info(1)).write()
    before = state_of(written.path)
    async with running(tmp_path, [message("in the fork"), completed()]) as server:
        client = await server.client()
        assert len((await resume(client, written.thread_id))["thread"]["turns"]) == 1
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        assert (await client.run_turn(child["id"], "two"))["status"] == "completed"
    assert state_of(written.path) == before
