"""Places in a list."""

from __future__ import annotations

import pytest

from rollout.cursors import Cursor, InvalidCursor, Key, parse, write

AT = 1_767_614_400_123


def test_a_cursor_is_read_as_it_was_written() -> None:
    key = Key(AT, "id")
    assert parse(write(key)) == Cursor(AT, "id")
    assert parse(write(key, inclusive=True)) == Cursor(AT, "id", inclusive=True)
    assert "|" not in write(key)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-01-05T12:00:00Z", 1_767_614_400_000),
        ("2026-01-05T12:00:00.123Z", AT),
        ("2026-01-05T12:00:00.7Z", 1_767_614_400_700),
        ("2026-01-05T13:00:00+01:00", 1_767_614_400_000),
        ("2026-01-05T12-00-00", 1_767_614_400_000),
    ],
)
def test_bare_times_are_cursors_too(text: str, milliseconds: int) -> None:
    assert parse(text) == Cursor(milliseconds)


@pytest.mark.parametrize(
    "text", ["", "x", "2026-01-05", "2026-01-05T12:00:00", "2026-01-05T12:00:00Z|id", "2026-01-05T12:00:00Z~", "~id"]
)
def test_other_texts_are_not(text: str) -> None:
    with pytest.raises(InvalidCursor):
        parse(text)


def test_threads_of_the_same_time_are_told_apart() -> None:
    cursor = Cursor(AT, "b")
    assert cursor.passes(Key(AT, "a"), descending=True)
    assert not cursor.passes(Key(AT, "c"), descending=True)
    assert cursor.passes(Key(AT, "c"), descending=False)
    assert not cursor.passes(Key(AT, "b"), descending=True)


def test_an_inclusive_cursor_holds_its_own_thread_in_both_directions() -> None:
    cursor = Cursor(AT, "b", inclusive=True)
    assert cursor.passes(Key(AT, "b"), descending=True)
    assert cursor.passes(Key(AT, "b"), descending=False)


def test_a_bare_time_leaves_out_all_threads_of_that_time() -> None:
    cursor = Cursor(AT)
    assert not cursor.passes(Key(AT, "a"), descending=True)
    assert not cursor.passes(Key(AT, "a"), descending=False)
    assert cursor.passes(Key(AT - 1, "a"), descending=True)
    assert cursor.passes(Key(AT + 1, "a"), descending=False)
