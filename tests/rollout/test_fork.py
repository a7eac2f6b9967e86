"""A copy of a thread under a new id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.item import AgentMessage
from protocol.wire import UNSET, UnsetType
from rollout import events, fork, prompt
from rollout.boundaries import is_contextual_user
from rollout.history import rebuild
from rollout.lines import Entry, ResponseItem, SessionMeta, encode_line
from rollout.reader import Rollout, RolloutEmpty, RolloutError, RolloutWithoutMeta, read
from rollout.usage import Usage
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, Written, command_end, thread_id

NOW = "2026-11-22T12:00:00.000Z"


def copied(source: Written, folder: Path) -> Rollout:
    """Copy it, and see that what was said of the copy beforehand is what it says."""
    survey = fork.survey(source.path)
    path = folder / "copy.jsonl"
    fork.write(survey, replace(survey.fold.meta, id=thread_id(9), forked_from_id=source.thread_id), path, NOW)
    copy = read(path)
    history = rebuild(copy.entries)
    assert survey.fold.history.turns() == history.turns()
    assert survey.fold.usage.info == Usage.of(copy.entries).info
    assert survey.fold.usage.owner == history.usage_owner
    assert prompt.build(survey.entries()).items == prompt.build(copy.entries).items
    assert (copy.torn, copy.skipped) == (False, 0)
    assert [each.name for each in folder.iterdir() if each.is_file()] == [path.name]
    return copy


def test_a_child_has_its_own_meta_first_and_then_all_of_its_source(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    copy = copied(source, tmp_path)
    assert (copy.meta.id, copy.meta.forked_from_id) == (thread_id(9), source.thread_id)
    assert copy.entries[1:] == read(source.path).entries


def test_lines_of_the_source_are_copied_to_the_byte(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    first, rest = copied(source, tmp_path).path.read_bytes().split(b"\n", 1)
    assert NOW.encode() in first
    assert rest == source.path.read_bytes()


def test_turns_and_their_ids_are_the_sources(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    child, parent = rebuild(copied(source, tmp_path).entries), rebuild(read(source.path).entries)
    assert child.turns() == parent.turns()
    assert child.usage_owner == parent.usage_owner


def test_a_source_in_mid_turn_is_ended_in_the_copy(tmp_path: Path) -> None:
    source = rollouts.mid_turn(tmp_path)
    marker, aborted = copied(source, tmp_path).entries[-2:]
    assert isinstance(marker, ResponseItem)
    assert is_contextual_user(marker.payload)
    assert aborted == events.TurnAborted(turn_id=source.turn_ids[1], reason="interrupted")
    assert isinstance(aborted, events.TurnAborted)
    assert aborted.completed_at is UNSET


def test_an_old_source_that_ends_with_the_user_is_ended_without_an_id(tmp_path: Path) -> None:
    source = RolloutBuilder(tmp_path).say("one").write()
    entries = copied(source, tmp_path).entries
    assert entries[-1] == events.TurnAborted(turn_id=None, reason="interrupted")
    assert rebuild(entries).turns()[0].status == "interrupted"


def test_the_source_is_not_touched(tmp_path: Path) -> None:
    source = rollouts.mid_turn(tmp_path)
    before = (source.path.read_bytes(), source.path.stat().st_mtime_ns)
    copied(source, tmp_path)
    assert (source.path.read_bytes(), source.path.stat().st_mtime_ns) == before


def test_a_torn_tail_and_what_cannot_be_read_stay_behind(tmp_path: Path) -> None:
    for number, damaged in enumerate((rollouts.torn, rollouts.with_garbage)):
        folder = tmp_path / str(number)
        source = damaged(folder / "home")
        assert copied(source, folder).entries[1:] == read(source.path).entries


def test_a_last_line_that_only_lacks_its_end_is_ended(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    entries: list[Entry] = read(source.path).entries
    source.path.write_bytes(source.path.read_bytes()[:-1])
    assert copied(source, tmp_path).entries[1:] == entries


def test_output_beyond_what_is_recorded_of_it_is_cut_in_the_copy(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin()
    long = command_end("c", builder.turn_ids[0], "x" * 50_000)
    builder.raw(encode_line(long, NOW))
    source = builder.complete().write()
    copy = copied(source, tmp_path)
    stored = next(entry for entry in copy.entries if isinstance(entry, events.ExecCommandEnd))
    assert len(stored.aggregated_output) <= 10_000
    assert len(copy.entries) == 1 + len(read(source.path).entries)


def with_stored_items(home: Path, mode: str | UnsetType) -> Written:
    """A rollout with lines of the newer form, one of them of a kind that nobody knows."""
    builder = RolloutBuilder(home, history_mode=mode).begin()
    item = {"type": "AgentMessage", "id": "msg-1", "content": [{"type": "Text", "text": "hi"}]}
    completed = {"type": "item_completed", "thread_id": "h", "turn_id": builder.turn_ids[0], "item": item}
    for kind, payload in (("event_msg", completed), ("response_item", {"type": "dream"})):
        builder.raw(json.dumps({"timestamp": "T", "ordinal": 7, "type": kind, "payload": payload}).encode() + b"\n")
    return builder.complete().write()


@pytest.mark.parametrize("mode", ["paginated", UNSET])
def test_what_a_source_says_in_the_newer_form_is_copied_in_the_old_one(tmp_path: Path, mode: str | UnsetType) -> None:
    copy = copied(with_stored_items(tmp_path, mode), tmp_path)
    assert b"item_completed" not in copy.path.read_bytes()
    assert rebuild(copy.entries).turns()[0].items == [AgentMessage(id="item-1", text="hi")]


def test_a_copy_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    survey = fork.survey(rollouts.plain(tmp_path).path)
    survey.path = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        fork.write(survey, survey.fold.meta, tmp_path / "copy.jsonl", NOW)
    assert not [each for each in tmp_path.iterdir() if each.is_file()]


def test_a_source_that_shrinks_meanwhile_is_not_copied(tmp_path: Path) -> None:
    source = rollouts.plain(tmp_path)
    survey = fork.survey(source.path)
    source.path.write_bytes(b"")
    with pytest.raises(RolloutError):
        fork.write(survey, survey.fold.meta, tmp_path / "copy.jsonl", NOW)
    assert not [each for each in tmp_path.iterdir() if each.is_file()]


def test_what_is_no_rollout_is_not_copied(tmp_path: Path) -> None:
    blank = tmp_path / "blank"
    blank.write_text("\n \n")
    with pytest.raises(RolloutEmpty):
        fork.survey(blank)
    with pytest.raises(RolloutWithoutMeta):
        fork.survey(rollouts.without_meta(tmp_path).path)


def test_a_meta_names_its_source(tmp_path: Path) -> None:
    survey = fork.survey(rollouts.plain(tmp_path).path)
    assert isinstance(survey.fold.meta, SessionMeta)
