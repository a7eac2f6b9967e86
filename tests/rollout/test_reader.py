"""Files to entries, whatever state they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollout import events
from rollout.lines import OTHER_ITEM, ResponseItem
from rollout.reader import (
    HEAD_LINES,
    MORE_HEAD_LINES,
    RolloutEmpty,
    RolloutError,
    RolloutMissing,
    RolloutNotFile,
    RolloutWithoutMeta,
    read,
    read_head,
)
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, assistant_item, call_items


def test_a_rollout_is_read_as_it_was_written(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first")
    rollout = read(builder.write().path)
    assert rollout.entries == builder.entries
    assert rollout.meta.id == builder.thread_id
    assert (rollout.torn, rollout.skipped) == (False, 0)


def test_without_items_every_entry_keeps_its_position(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin().say("one").add(*call_items("c", "out")).answer("first").complete()
    path = builder.write().path
    whole, lean = read(path).entries, read(path, items=False).entries
    assert len(whole) == len(lean)
    assert all(a == b or b is OTHER_ITEM for a, b in zip(whole, lean, strict=True))
    assert sum(isinstance(entry, ResponseItem) for entry in lean) == 1


def test_a_torn_tail_costs_only_itself(tmp_path: Path) -> None:
    rollout = read(rollouts.torn(tmp_path).path)
    assert rollout.torn
    assert rollout.skipped == 0
    assert isinstance(rollout.entries[-1], events.TaskComplete)


def test_a_last_line_that_only_lacks_its_end_counts(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first")
    path = builder.write().path
    path.write_bytes(builder.content()[:-1])
    rollout = read(path)
    assert not rollout.torn
    assert rollout.entries == builder.entries


def test_garbage_in_the_middle_is_skipped_and_counted(tmp_path: Path) -> None:
    rollout = read(rollouts.with_garbage(tmp_path).path)
    assert (rollout.torn, rollout.skipped) == (False, 1)
    assert sum(isinstance(entry, events.TaskComplete) for entry in rollout.entries) == 2


def test_lines_end_at_newlines_only(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("a\u2028b\u0085c\x1cd\re", "x\x0by")
    assert read(builder.write().path).entries == builder.entries


def test_blank_lines_do_not_count(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).raw(b"\n  \n").turn("one", "first").raw(b"\r\n")
    rollout = read(builder.write().path)
    assert (rollout.entries, rollout.skipped) == (builder.entries, 0)


def test_the_first_meta_of_a_file_counts(tmp_path: Path) -> None:
    source = RolloutBuilder(tmp_path, number=1).turn("one", "first")
    child = RolloutBuilder(tmp_path, number=2, forked_from=source.thread_id).add(*source.entries)
    assert read(child.write().path).meta.id == child.thread_id


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", RolloutEmpty), (b"\n \n", RolloutEmpty), (b"{}\n", RolloutWithoutMeta), (b"junk", RolloutWithoutMeta)],
)
def test_a_file_without_what_matters_is_refused_by_name(tmp_path: Path, content: bytes, kind: type[Exception]) -> None:
    path = tmp_path / "rollout-x.jsonl"
    path.write_bytes(content)
    with pytest.raises(kind, match=r"rollout-x\.jsonl"):
        read(path)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RolloutMissing, match="gone"):
        read(tmp_path / "gone")
    with pytest.raises(RolloutNotFile, match="is not a file"):
        read(tmp_path)
    with pytest.raises(RolloutError, match="cannot be read"):
        read(tmp_path / ("x" * 300))


def test_the_head_holds_the_meta_and_the_first_words(tmp_path: Path) -> None:
    head = read_head(rollouts.plain(tmp_path).path)
    assert head is not None
    assert (head.meta.id, head.first_message) == (rollouts.thread_id(1), "Say hello")


def test_images_without_words_have_a_word_in_the_head(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).say("", local_images=["/a.png"])
    head = read_head(builder.write().path)
    assert head is not None
    assert head.first_message == "[Image]"


@pytest.mark.parametrize(("lines_before", "found"), [(HEAD_LINES + MORE_HEAD_LINES - 2, True), (250, False)])
def test_the_head_looks_for_the_first_words_for_so_long(tmp_path: Path, lines_before: int, found: bool) -> None:
    builder = RolloutBuilder(tmp_path).add(*[assistant_item("x")] * lines_before)
    builder.add(events.UserMessage(message="late"))
    head = read_head(builder.write().path)
    assert head is not None
    assert head.first_message == ("late" if found else None)


def test_a_file_whose_meta_comes_late_has_no_head(tmp_path: Path) -> None:
    early = RolloutBuilder(tmp_path, with_meta=False).add(*[assistant_item("x")] * HEAD_LINES)
    path = early.raw(RolloutBuilder(tmp_path).content()).write().path
    assert read_head(path) is None


def test_the_head_of_a_fork_is_its_own(tmp_path: Path) -> None:
    source = RolloutBuilder(tmp_path, number=1).turn("one", "first")
    child = RolloutBuilder(tmp_path, number=2).add(*source.entries)
    head = read_head(child.write().path)
    assert head is not None
    assert (head.meta.id, head.first_message) == (child.thread_id, "one")
