"""Taking a rollout in line by line: the same as reading all of it, without keeping it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from protocol.item import Reasoning
from rollout import events
from rollout.fold import Chosen, fold
from rollout.history import History, rebuild
from rollout.lines import Entry, TurnContext, encode_line
from rollout.reader import RolloutEmpty, RolloutMissing, RolloutWithoutMeta, read
from rollout.usage import Usage
from tests.rollout.test_any_rollout import ENTRIES, recorded
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, call_items, thread_id, usage_info

MADE = [
    rollouts.plain,
    rollouts.with_usage,
    rollouts.with_usage_then_null,
    rollouts.with_null_usage,
    rollouts.legacy,
    rollouts.rolled_back,
    rollouts.failed,
    rollouts.interrupted,
    rollouts.mid_turn,
    rollouts.compacted,
    rollouts.torn,
    rollouts.with_garbage,
]


def check(path: Path) -> None:
    """The fold of a file says what its entries say."""
    folded, rollout = fold(path), read(path)
    history = rebuild(rollout.entries)
    assert folded.history.turns() == history.turns()
    assert folded.history.open_turn_id == history.open_turn_id
    assert (folded.usage.info, folded.usage.owner) == (Usage.of(rollout.entries).info, history.usage_owner)
    assert folded.meta == rollout.meta
    contexts = [entry for entry in rollout.entries if isinstance(entry, TurnContext)]
    assert folded.chosen == (Chosen(contexts[-1].model, contexts[-1].effort or None) if contexts else None)


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_fold_says_what_all_entries_say(tmp_path: Path, make: object) -> None:
    assert callable(make)
    check(make(tmp_path).path)


@given(ENTRIES)
def test_a_fold_of_any_rollout_says_what_its_entries_say(entries: list[Entry]) -> None:
    with TemporaryDirectory() as folder:
        check(recorded(folder, entries))


def test_it_goes_on_from_a_fold_as_from_all_entries(tmp_path: Path) -> None:
    path = RolloutBuilder(tmp_path).say("one").add(*call_items("c", "out")).write().path
    folded, history = fold(path).history, rebuild(read(path).entries)
    for each in (folded, history):
        each.feed(events.UserMessage(message="two", images=[]))
    assert folded.turns() == history.turns()


def test_what_a_file_is_not_is_said(tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.write_text("\n\n")
    with pytest.raises(RolloutEmpty):
        fold(blank)
    with pytest.raises(RolloutWithoutMeta):
        fold(rollouts.without_meta(tmp_path).path)
    with pytest.raises(RolloutMissing):
        fold(tmp_path / "none")


def test_the_last_title_of_this_thread_is_its_name(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path)
    for number, name in ((1, "mine"), (1, "mine now"), (2, "another's")):
        builder.add(events.ThreadNameUpdated(thread_id=thread_id(number), thread_name=name))
    assert fold(builder.write().path).name == "mine now"
    assert fold(rollouts.plain(tmp_path, number=3).path).name is None


def test_a_count_that_is_damaged_inside_leaves_the_one_before(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first", usage_info(1))
    stamp = "2026-01-05T10:00:00.000Z"
    line = encode_line(events.TokenCount(info=usage_info(2)), stamp)
    path = builder.raw(line.replace(b'"total_tokens":', b'"total_tokens:', 1)).write().path
    assert fold(path).usage.info == usage_info(1)


def test_the_memory_of_a_fold_does_not_grow_with_what_it_passes_over(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin().say("one")
    for number in range(200):
        builder.add(*call_items(f"call-{number}", "x" * 50_000)).count(usage_info(number + 1))
    path = builder.complete().write().path
    assert path.stat().st_size > 10_000_000
    tracemalloc.start()
    try:
        folded = fold(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert folded.usage.info == usage_info(200)
    assert peak < 2_000_000


def test_reasoning_that_was_shown_does_not_grow_in_the_hands_of_who_saw_it() -> None:
    history = History()
    history.feed(events.TaskStarted(turn_id="t"))
    history.feed(events.AgentReasoning(text="one"))
    seen = history.turns()[0]
    history.feed(events.TurnAborted(turn_id="t", reason="interrupted"))
    history.feed(events.AgentReasoning(text="two"))
    history.feed(events.AgentReasoningRawContent(text="raw"))
    assert seen.items == [Reasoning(id="item-1", summary=["one"])]
    assert history.turns()[0].items == [Reasoning(id="item-1", summary=["one", "two"], content=["raw"])]


def test_damage_to_the_newest_numbers_brings_back_the_ones_before_it(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin().say("x").count(usage_info(1)).count(usage_info(2)).count(None)
    written = builder.complete().write()
    written.path.write_bytes(written.path.read_bytes().replace(b"15002", b"15x02"))
    assert fold(written.path).usage.info == usage_info(1)
