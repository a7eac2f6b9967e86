"""What an examination finds, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollout import events
from rollout.doctor import examine
from rollout.findings import MOST_OF_A_KIND, FindingKind, Report
from rollout.lines import ResponseItem, SessionMeta, encode_line
from rollout.reader import raw_lines
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, Written, call_items, thread_id, usage_info

T = "2026-01-05T12:00:00.000Z"


def looked_at(written: Written, *, running: bool = False) -> Report:
    return examine(raw_lines(written.path), written.path, running=running)


def found(report: Report) -> list[tuple[FindingKind, int | None]]:
    return [(finding.kind, finding.line) for finding in report.findings]


def item(**members: Any) -> ResponseItem:
    return ResponseItem(payload=members)


def lines(path: Path, *parts: bytes) -> Report:
    return examine([*parts], path)


@pytest.mark.parametrize(
    "write",
    [
        rollouts.plain,
        rollouts.with_usage,
        rollouts.with_usage_then_null,
        rollouts.with_text_elements,
        rollouts.with_git,
        rollouts.legacy,
        rollouts.rolled_back,
        rollouts.failed,
        rollouts.interrupted,
        rollouts.compacted,
    ],
)
def test_a_rollout_as_it_should_be_is_healthy(write: Callable[[Path], Written], tmp_path: Path) -> None:
    report = looked_at(write(tmp_path))
    assert report.findings == []
    assert report.is_healthy
    assert not report.is_repairable


def test_a_torn_tail_is_found(tmp_path: Path) -> None:
    report = looked_at(rollouts.torn(tmp_path))
    assert found(report) == [("torn-tail", 9)]
    assert report.is_repairable


def test_a_last_line_without_its_end_is_found(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first")
    assert found(lines(tmp_path, builder.content()[:-1]))[-1][0] == "no-newline"


def test_garbage_is_found_with_its_line_and_the_reason(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path).turn("one", "first").raw(b"\n").raw(b'{"a":\xff}\n').raw(b"{oh}\n").raw(b"7\n")
    report = looked_at(written.write())
    assert found(report) == [("not-json", 10), ("not-json", 11), ("not-json", 12)]
    assert [finding.text.split(":")[0] for finding in report.findings] == [
        "is not UTF-8 at byte 6",
        "is not JSON",
        "lacks what a line must have",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"timestamp":"T","type":"event_msg","payload":{"type":"agent_message"}}\n',
        b'{"timestamp":"T","type":"response_item","payload":{"type":"message","role":"user"}}\n',
        b'{"timestamp":"T","type":"turn_context","payload":{}}\n',
        b'{"type":"event_msg","payload":{"type":"context_compacted"}}\n',
        b"{}\n",
    ],
)
def test_a_line_that_lacks_a_member_is_found_and_stays(tmp_path: Path, raw: bytes) -> None:
    report = looked_at(RolloutBuilder(tmp_path).turn("one", "first").raw(raw).write())
    assert found(report) == [("incomplete-line", 9)]
    assert "missing required field" in report.findings[0].text
    assert not report.is_repairable


def test_glued_lines_are_found_and_what_they_hold_counts(tmp_path: Path) -> None:
    half = b'{"timestamp":"T","type":"event_m'
    builder = RolloutBuilder(tmp_path).begin().say("one").raw(half).answer("first").complete()
    report = looked_at(builder.write())
    assert found(report) == [("glued", 6)]
    assert report.findings[0].text == f"holds 1 line and {len(half)} bytes that belong to none"
    assert [turn.status for turn in report.turns] == ["completed"]
    whole = encode_line(events.AgentMessage(message="a"), T)
    glued = RolloutBuilder(tmp_path, number=2).turn("one", "first").raw(whole.rstrip()).raw(whole).write()
    report = looked_at(glued)
    assert [(finding.kind, finding.text) for finding in report.findings] == [("glued", "holds 2 lines")]
    assert {count.kind: count.lines for count in report.kinds}["event_msg agent_message"] == 3


def test_metas_that_should_not_be_there_are_found(tmp_path: Path) -> None:
    meta = RolloutBuilder(tmp_path, number=1).entries[0]
    other = RolloutBuilder(tmp_path, number=2).entries[0]
    twice = RolloutBuilder(tmp_path, number=1).add(meta, other).write()
    assert found(looked_at(twice)) == [("second-meta", 2), ("foreign-meta", 3)]
    late = RolloutBuilder(tmp_path, number=3, with_meta=False).say("one").add(meta).write()
    assert found(looked_at(late)) == [("late-meta", 3), ("other-name", 3)]
    assert found(looked_at(rollouts.without_meta(tmp_path, number=4))) == [("no-meta", None)]
    assert found(lines(tmp_path, b" \n", b"\n")) == [("empty", None)]


def test_copies_of_the_meta_that_belong_there_are_not_found(tmp_path: Path) -> None:
    source = RolloutBuilder(tmp_path, number=1).turn("one", "first")
    fork = RolloutBuilder(tmp_path, number=2, forked_from=thread_id(1)).add(*source.entries)
    meta = fork.entries[0]
    assert isinstance(meta, SessionMeta)
    members = {name: getattr(meta, name) for name in meta.__struct_fields__}
    fork.add(SessionMeta(**members | {"memory_mode": "disabled"}), SessionMeta(**members | {"memory_mode": "enabled"}))
    assert looked_at(fork.write()).is_healthy


def test_calls_and_outputs_belong_together(tmp_path: Path) -> None:
    call, output = call_items("c", "out")
    custom = item(type="custom_tool_call", call_id="d", name="n", input="i")
    custom_output = item(type="custom_tool_call_output", call_id="d", output="o")
    builder = RolloutBuilder(tmp_path).begin().add(output, call, call, output, custom, call, custom_output).complete()
    assert found(looked_at(builder.write())) == [("stray-output", 4), ("unanswered-call", 6), ("unanswered-call", 9)]


def test_a_turn_that_never_ends_is_found_unless_it_may_be_running(tmp_path: Path) -> None:
    call, _ = call_items("c", "out")
    begun = RolloutBuilder(tmp_path).begin().add(call).turn("one", "first").begin().add(call).raw(b'{"timest').write()
    stale: list[tuple[FindingKind, int]] = [("unfinished-turn", 2), ("unanswered-call", 4)]
    assert found(looked_at(begun, running=True)) == sorted(stale, key=lambda each: each[1])
    everything = {("unfinished-turn", 12), ("unanswered-call", 14), ("torn-tail", 15), *stale}
    assert set(found(looked_at(begun))) == everything


def test_turns_of_two_writers_are_found(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin().begin()
    ended = [events.TaskComplete(turn_id=turn) for turn in builder.turn_ids]
    report = looked_at(builder.add(*ended).write())
    assert found(report) == [("overlapping-turns", 6)]
    assert [turn.status for turn in report.turns] == ["completed", "completed"]


def test_gaps_in_the_ordinals_of_a_paginated_rollout_are_found(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path, history_mode="paginated")
    meta = builder.content()
    event = encode_line(events.AgentMessage(message="a"), T)

    def numbered(line: bytes, ordinal: int) -> bytes:
        return line.replace(b',"type"', b',"ordinal":%d,"type"' % ordinal, 1)

    path = builder.write().path
    good = [numbered(meta, 0), numbered(event, 1), numbered(event, 2)]
    assert examine(good, path).is_healthy
    assert examine(good, path).paginated
    bad = [*good, numbered(event, 4), numbered(event, 4), event, numbered(event, 5)]
    report = examine(bad, path)
    assert found(report) == [("ordinal", 4), ("ordinal", 5), ("ordinal", 6)]
    assert report.findings[0].text == "has ordinal 4 where 3 is due"


def test_kinds_are_counted_those_of_other_versions_too(tmp_path: Path) -> None:
    news = [
        b'{"timestamp":"T","type":"world_state","payload":{}}\n',
        b'{"timestamp":"T","type":"event_msg","payload":{"type":"thread_dreamt"}}\n',
        b'{"timestamp":"T","type":"response_item","payload":{"type":"song"}}\n',
        b'{"timestamp":"T","type":"event_msg","payload":{"type":"item_completed","item":{"type":"Song"}}}\n',
    ]
    builder = RolloutBuilder(tmp_path).turn("one", "first")
    for line in news:
        builder.raw(line)
    report = looked_at(builder.write())
    assert report.is_healthy
    assert {count.kind for count in report.kinds if not count.known} == {
        "world_state",
        "event_msg thread_dreamt",
        "response_item song",
    }
    assert sum(count.lines for count in report.kinds) == report.lines == 12
    assert sum(count.bytes for count in report.kinds) == report.bytes


def test_usage_is_told_by_turn_without_counting_anything_twice(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin().say("one").count(None).count(usage_info(1)).count(usage_info(1))
    builder.complete().begin().count(usage_info(1)).count(usage_info(4)).complete()
    builder.add(events.ThreadRolledBack(num_turns=1)).turn("two", "second", usage_info(4)).say("three")
    report = looked_at(builder.write())
    assert [turn.usage.total_tokens for turn in report.turns] == [15_001, 3, 0, 0]
    assert [turn.usage.cached_input_tokens for turn in report.turns] == [12_001, 3, 0, 0]
    assert [turn.rolled_back for turn in report.turns] == [False, True, False, False]
    assert report.total is not None
    assert report.total.total_tokens == 15_004


def test_findings_past_a_hundred_of_a_kind_are_only_counted(tmp_path: Path) -> None:
    report = lines(tmp_path, *[b"junk\n"] * (MOST_OF_A_KIND + 50))
    assert report.counts == {"not-json": MOST_OF_A_KIND + 50, "no-meta": 1}
    assert len(report.findings) == MOST_OF_A_KIND + 1
