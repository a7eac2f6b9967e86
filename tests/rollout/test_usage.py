"""Token usage: what is seeded, whose it is, and the sums."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.turn import Turn, TurnStatus
from protocol.wire import encode
from rollout import events
from rollout.history import UsageOwner, rebuild
from rollout.reader import read
from rollout.usage import (
    Usage,
    append,
    attribute,
    exceeded,
    merge_limits,
    rate_limits_to_wire,
    recomputed,
    to_wire,
)
from tests.support import rollouts
from tests.support.rollouts import Written, limits, turn_id, usage_info

TWO = turn_id(1, 2)


def usage_of(written: Written) -> Usage:
    return Usage.of(read(written.path, items=False).entries)


def turn(name: str, status: TurnStatus = "completed") -> Turn:
    return Turn(id=name, items=[], status=status)


def tokens(base: int) -> events.TokenUsage:
    return events.TokenUsage(
        input_tokens=base,
        cached_input_tokens=base + 1,
        output_tokens=base + 2,
        reasoning_output_tokens=base + 3,
        total_tokens=base + 4,
    )


# Seeding


def test_the_newest_numbers_are_seeded_with_their_turn(tmp_path: Path) -> None:
    usage = usage_of(rollouts.with_usage(tmp_path))
    assert usage.info == usage_info(2)
    assert usage.owner == UsageOwner(turn_id=TWO, position=1)


def test_a_count_without_numbers_keeps_them_and_takes_them_over(tmp_path: Path) -> None:
    usage = usage_of(rollouts.with_usage_then_null(tmp_path))
    assert usage.info == usage_info(1)
    assert usage.owner == UsageOwner(turn_id=TWO, position=1)


def test_without_numbers_there_is_nothing_to_seed(tmp_path: Path) -> None:
    assert usage_of(rollouts.with_null_usage(tmp_path)).info is None
    assert usage_of(rollouts.plain(tmp_path, number=2)).owner is None


def test_rolled_back_usage_was_used_all_the_same(tmp_path: Path) -> None:
    written = rollouts.rolled_back(tmp_path)
    usage = usage_of(written)
    assert usage.info == usage_info(3)
    turns = rebuild(read(written.path).entries).turns()
    assert attribute(usage.owner, turns) == (written.turn_ids[3], "last-finished")


def test_a_newer_turn_without_a_count_does_not_take_the_usage(tmp_path: Path) -> None:
    written = rollouts.mid_turn(tmp_path)
    assert usage_of(written).owner == UsageOwner(turn_id=written.turn_ids[0], position=0)


def test_feeding_on_is_the_same_as_seeding(tmp_path: Path) -> None:
    entries = read(rollouts.with_usage(tmp_path).path).entries
    history, usage = rebuild([]), Usage()
    for entry in entries:
        history.feed(entry)
        if isinstance(entry, events.TokenCount):
            usage.feed(entry, history)
    seeded = Usage.of(entries, history)
    assert (usage.info, usage.owner) == (seeded.info, seeded.owner)


# Whose it is


@pytest.mark.parametrize(
    ("owner", "turns", "expected"),
    [
        (("a", 0), [turn("a", "interrupted"), turn("b")], ("a", "owner-id")),
        (("gone", 0), [turn("a"), turn("b")], ("a", "owner-position")),
        (("gone", 7), [turn("a"), turn("b", "failed"), turn("c", "interrupted")], ("b", "last-finished")),
        (None, [turn("a"), turn("b", "inProgress")], ("a", "last-finished")),
        (None, [turn("a", "interrupted"), turn("b", "inProgress")], ("b", "last")),
        (("gone", 0), [], ("", "none")),
    ],
)
def test_usage_is_shown_for_a_turn_that_is_there(
    owner: tuple[str, int] | None, turns: list[Turn], expected: tuple[str, str]
) -> None:
    known = None if owner is None else UsageOwner(turn_id=owner[0], position=owner[1])
    assert attribute(known, turns) == expected


# Sums


def test_the_first_response_begins_the_sums() -> None:
    info = append(None, tokens(10), 100)
    assert info == events.TokenUsageInfo(
        total_token_usage=tokens(10), last_token_usage=tokens(10), model_context_window=100
    )


def test_each_response_is_added_member_by_member() -> None:
    info = append(append(None, tokens(10), 100), tokens(20), None)
    total = info.total_token_usage
    assert (total.input_tokens, total.cached_input_tokens, total.output_tokens) == (30, 32, 34)
    assert (total.reasoning_output_tokens, total.total_tokens) == (36, 38)
    assert info.last_token_usage == tokens(20)
    assert info.model_context_window == 100


def test_a_compaction_changes_what_the_context_holds_not_what_was_used() -> None:
    info = recomputed(usage_info(), 4_321, None)
    assert info.total_token_usage == usage_info().total_token_usage
    assert info.last_token_usage.total_tokens == 4_321
    assert info.last_token_usage.input_tokens == 0


def test_a_full_context_counts_as_filled() -> None:
    info = exceeded(append(None, tokens(6), 100), 100)
    assert (info.total_token_usage.total_tokens, info.last_token_usage.total_tokens) == (100, 90)


# On the wire


def test_usage_on_the_wire_has_the_same_numbers() -> None:
    wire, info = to_wire(usage_info(7)), usage_info(7)
    assert wire.total.total_tokens == info.total_token_usage.total_tokens
    assert wire.total.cached_input_tokens == info.total_token_usage.cached_input_tokens
    assert wire.last.input_tokens == info.last_token_usage.input_tokens
    assert wire.last.output_tokens == info.last_token_usage.output_tokens
    assert wire.last.reasoning_output_tokens == info.last_token_usage.reasoning_output_tokens
    assert wire.model_context_window == info.model_context_window


@pytest.mark.parametrize(("percent", "shown"), [(12.5, 13), (12.4, 12), (13.5, 14), (0.0, 0), (99.9, 100)])
def test_percentages_are_rounded_half_up(percent: float, shown: int) -> None:
    window = rate_limits_to_wire(limits(percent)).primary
    assert window is not None
    assert (window.used_percent, window.window_duration_mins) == (shown, 300)


def test_newer_limits_replace_older_but_keep_credits_and_plan() -> None:
    left = events.Credits(has_credits=True, unlimited=False, balance="3")
    known = events.RateLimits(limit_id="x", limit_name="old", credits=left, plan_type="pro")
    merged = merge_limits(known, events.RateLimits())
    assert merged == events.RateLimits(limit_id="codex", credits=left, plan_type="pro")
    shown = rate_limits_to_wire(merged)
    assert shown.credits is not None
    assert shown.credits.balance == "3"
    assert shown.primary is None


def test_what_only_newer_versions_count_is_added_up_and_stays_uncounted_where_nobody_did() -> None:
    counted = replace(usage_info().last_token_usage, cache_write_input_tokens=7)
    info = append(append(None, usage_info().last_token_usage, None), counted, None)
    assert append(info, counted, None).total_token_usage.cache_write_input_tokens == 14
    assert to_wire(info).total.cache_write_input_tokens == 7
    plain = append(append(None, usage_info().last_token_usage, None), usage_info().last_token_usage, None)
    assert b"cache_write" not in encode(plain)
    assert to_wire(plain).total.cache_write_input_tokens == 0
