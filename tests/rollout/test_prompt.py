"""What the model remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout import events
from rollout.boundaries import texts
from rollout.lines import OTHER_ITEM, Compacted, ResponseItem
from rollout.prompt import SUMMARY_BUDGET, Prompt, build, summary_form
from rollout.reader import read
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, assistant_item, call_items, turn_context, turn_id, user_item

CONTEXT = user_item("<environment_context>\n<cwd>/project</cwd>\n</environment_context>")


@pytest.fixture
def thread(tmp_path: Path) -> RolloutBuilder:
    return RolloutBuilder(tmp_path)


def words(prompt: Prompt) -> list[str]:
    return [text for item in prompt.items for text in texts(item)]


def remembered(thread: RolloutBuilder) -> list[str]:
    return words(build(thread.entries))


def test_model_items_are_the_history_and_events_are_not(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").add(events.AgentMessage(message="only shown"))
    assert remembered(thread) == ["one", "first"]


def test_system_messages_and_unknown_items_are_left_out() -> None:
    system = ResponseItem(payload={"type": "message", "role": "system", "content": []})
    assert build([system, OTHER_ITEM, user_item("one")]).items == [user_item("one").payload]


def test_the_last_context_told_with_a_message_is_the_reference(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").turn("two", "second")
    prompt = build(thread.entries)
    assert prompt.reference == turn_context(turn_id(1, 2))
    assert prompt.previous_model == "mock-model"


def test_a_context_without_a_message_tells_nothing(thread: RolloutBuilder) -> None:
    prompt = build(thread.begin().entries)
    assert (prompt.reference, prompt.previous_model) == (None, None)


def test_a_compaction_replaces_the_history_and_wants_all_told_anew(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").add(Compacted(message="s", replacement_history=[user_item("s").payload]))
    prompt = build(thread.entries)
    assert words(prompt) == ["s"]
    assert prompt.reference is None
    assert prompt.previous_model == "mock-model"


def test_a_context_told_after_a_compaction_in_mid_turn_is_the_reference(thread: RolloutBuilder) -> None:
    thread.begin().say("one").add(Compacted(message="s", replacement_history=[]), turn_context(turn_id(1, 1), "newer"))
    prompt = build(thread.entries)
    assert prompt.reference is not None
    assert prompt.reference.model == "newer"


def test_an_old_compaction_keeps_the_users_words_and_its_summary() -> None:
    prompt = build(
        [
            CONTEXT,
            user_item("one"),
            assistant_item("first"),
            Compacted(message="s1"),
            user_item("two"),
            Compacted(message="s2"),
        ]
    )
    assert words(prompt) == ["one", "two", "s2"]


def test_the_newest_words_survive_a_compaction_within_the_budget() -> None:
    long = "x" * (SUMMARY_BUDGET * 4 - 400)
    items = [user_item(text).payload for text in ("lost", "y" * 1_000, long)]
    kept = [texts(item)[0] for item in summary_form(items, "s")]
    assert len(kept) == 3
    assert kept[0].startswith("y")
    assert len(kept[0]) <= 400
    assert kept[1:] == [long, "s"]


def test_a_rollback_takes_turns_from_the_model_too(tmp_path: Path) -> None:
    prompt = build(read(rollouts.rolled_back(tmp_path).path).entries)
    assert words(prompt) == ["one", "first", "four", "fourth"]


def test_a_rolled_back_turn_takes_its_context_and_its_reference_along(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").begin()
    thread.add(CONTEXT, turn_context(thread.turn_ids[-1], "other")).say("two").complete()
    prompt = build(thread.add(events.ThreadRolledBack(num_turns=1)).entries)
    assert words(prompt) == ["one", "first"]
    assert prompt.reference == turn_context(turn_id(1, 1))


def test_a_rolled_back_turn_goes_with_its_steering(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").begin().say("two").say("steered").complete()
    assert remembered(thread.add(events.ThreadRolledBack(num_turns=1))) == ["one", "first"]


def test_a_rollback_of_a_compaction_brings_the_history_back(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").begin().add(Compacted(message="s", replacement_history=[user_item("s").payload]))
    thread.complete().add(events.ThreadRolledBack(num_turns=1))
    prompt = build(thread.entries)
    assert words(prompt) == ["one", "first"]
    assert prompt.reference == turn_context(turn_id(1, 1))


def test_a_rollback_across_a_compaction_goes_back_before_it(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").begin().add(Compacted(message="s", replacement_history=[user_item("s").payload]))
    thread.complete().turn("two", "second").add(events.ThreadRolledBack(num_turns=2))
    assert remembered(thread) == ["one", "first"]


def test_rollbacks_add_up(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").turn("two", "second").turn("three", "third")
    thread.add(events.ThreadRolledBack(num_turns=1), events.ThreadRolledBack(num_turns=1))
    assert remembered(thread) == ["one", "first"]


def test_a_rollback_of_all_turns_leaves_nothing(thread: RolloutBuilder) -> None:
    prompt = build(thread.turn("one", "first").add(events.ThreadRolledBack(num_turns=5)).entries)
    assert (prompt.items, prompt.reference) == ([], None)


def test_an_old_turn_is_rolled_back_with_its_message_and_context(thread: RolloutBuilder) -> None:
    thread.say("one").answer("first").add(CONTEXT, turn_context(None)).say("two").answer("second")
    prompt = build(thread.add(events.ThreadRolledBack(num_turns=1)).entries)
    assert words(prompt) == ["one", "first"]
    assert prompt.reference is None


def test_long_tool_outputs_are_cut_by_the_turns_policy() -> None:
    prompt = build([turn_context("t"), *call_items("c", "x" * 20_000), *call_items("d", "y" * 11_000)])
    assert len(prompt.items[1]["output"]) <= 12_000
    assert prompt.items[3]["output"] == "y" * 11_000


def test_feeding_on_is_the_same_as_building_anew(tmp_path: Path) -> None:
    entries = read(rollouts.compacted(tmp_path).path).entries
    prompt = build(entries[:5])
    for entry in entries[5:]:
        prompt.feed(entry)
    assert (prompt.items, prompt.reference) == (build(entries).items, build(entries).reference)


def test_a_rollback_cannot_be_fed() -> None:
    with pytest.raises(ValueError, match="anew"):
        Prompt().feed(events.ThreadRolledBack(num_turns=1))
