"""Titles of threads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollout import events
from rollout.lines import encode_line, stamp
from rollout.names import SessionIndex, named_by

NOW = datetime(2026, 1, 5, 12, 0, 0, 123_456, tzinfo=UTC)


def index(path: Path) -> SessionIndex:
    return SessionIndex(path / "session_index.jsonl", lambda: NOW)


def test_the_newest_name_counts(tmp_path: Path) -> None:
    names = index(tmp_path)
    assert names.name_of("a") is None
    names.set_name("a", "First")
    names.set_name("b", "Other")
    names.set_name("a", " Second ")
    assert names.name_of("a") == "Second"
    assert index(tmp_path).name_of("b") == "Other"


def test_a_name_is_a_line_with_its_time(tmp_path: Path) -> None:
    index(tmp_path).set_name("a", "First")
    line = json.loads((tmp_path / "session_index.jsonl").read_bytes())
    assert line == {"id": "a", "thread_name": "First", "updated_at": "2026-01-05T12:00:00.123456Z"}


def test_a_blank_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        index(tmp_path).set_name("a", " \n")
    assert not (tmp_path / "session_index.jsonl").exists()


def test_broken_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "session_index.jsonl"
    path.write_bytes(b'{"id":"a","thread_name":"Good"}\nbroken\n{"id":"a","thread_name":" "}\n{"id":"a","thr')
    names = index(tmp_path)
    assert names.name_of("a") == "Good"
    names.set_name("b", "New")
    assert (names.name_of("a"), names.name_of("b")) == ("Good", "New")


def test_a_name_given_by_another_process_is_seen(tmp_path: Path) -> None:
    ours, theirs = index(tmp_path), index(tmp_path)
    ours.set_name("a", "Ours")
    assert ours.name_of("a") == "Ours"
    theirs.set_name("a", "Theirs, newer")
    assert ours.name_of("a") == "Theirs, newer"


def test_a_line_records_a_name_of_its_own_thread_only() -> None:
    line = encode_line(events.ThreadNameUpdated(thread_id="a", thread_name="Mine"), stamp(NOW))
    assert named_by(line, "a") == "Mine"
    assert named_by(line, "b") is None
    assert named_by(encode_line(events.ThreadNameUpdated(thread_id="a", thread_name=""), stamp(NOW)), "a") is None
    assert named_by(encode_line(events.UserMessage(message='"thread_name_updated"'), stamp(NOW)), "a") is None
    assert named_by(b"thread_name_updated", "a") is None
