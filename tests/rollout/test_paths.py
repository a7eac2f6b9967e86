"""Where files lie, and what their names say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from rollout.paths import Home, archived_path, new_rollout_path, parse_name, unarchived_path
from tests.support.rollouts import thread_id

HOME = Home(Path("/h"))
NOW = datetime(2026, 3, 4, 5, 6, 7, 890)
ID = thread_id(1)


def test_a_rollout_lies_in_the_folder_of_its_day() -> None:
    assert new_rollout_path(HOME, ID, NOW) == Path(f"/h/sessions/2026/03/04/rollout-2026-03-04T05-06-07-{ID}.jsonl")


def test_a_name_tells_the_time_and_the_thread() -> None:
    name = parse_name(new_rollout_path(HOME, ID, NOW).name)
    assert name is not None
    assert (name.created, name.thread_id) == (NOW.replace(microsecond=0), ID)


@pytest.mark.parametrize(
    "name",
    [
        "x.jsonl",
        f"rollout-{ID}.jsonl",
        f"rollout-2026-13-04T05-06-07-{ID}.jsonl",
        "rollout-2026-03-04T05-06-07-x.jsonl",
    ],
)
def test_other_names_tell_nothing(name: str) -> None:
    assert parse_name(name) is None


def test_an_id_of_any_uuid_version_is_read_in_lower_case() -> None:
    name = parse_name("rollout-2026-03-04T05-06-07-67E55044-10B1-426F-9247-BB680E5FE0C8.jsonl")
    assert name is not None
    assert name.thread_id == "67e55044-10b1-426f-9247-bb680e5fe0c8"


def test_a_rollout_goes_to_the_archive_and_back() -> None:
    path = new_rollout_path(HOME, ID, NOW)
    archived = archived_path(HOME, path)
    assert archived == Path("/h/archived_sessions") / path.name
    assert unarchived_path(HOME, archived) == path


def test_a_file_that_is_no_rollout_cannot_come_back() -> None:
    with pytest.raises(ValueError, match="rollout"):
        unarchived_path(HOME, Path("/h/archived_sessions/notes.txt"))
