"""The file of what clients have set about threads: the newest line wins, whoever wrote it, and bad lines are passed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.thread import GitInfo
from rollout.catalog import Catalog, Query
from rollout.paths import Home
from tests.support.rollouts import plain, with_git

NOW = datetime(2026, 1, 6, tzinfo=UTC)
MAIN = GitInfo(sha="c0ffee", branch="main", origin_url="https://x/r.git")


def catalog(home: Path) -> Catalog:
    return Catalog(Home(home), lambda: NOW)


def test_without_the_file_a_thread_is_as_its_rollout_says(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    assert catalog(tmp_path).summary(written.path).git_info == MAIN
    assert not (tmp_path / "threadcast/metadata.jsonl").exists()


def test_what_was_set_is_read_by_every_catalogue_and_in_lists(tmp_path: Path) -> None:
    written, other = with_git(tmp_path, number=1), plain(tmp_path, number=2)
    reader, writer = catalog(tmp_path), catalog(tmp_path)
    reader.summary(written.path)
    writer.set_git(written.thread_id, GitInfo(sha="1", branch="dev"))
    writer.set_git(written.thread_id, GitInfo(sha="2", branch="dev"))
    assert reader.summary(written.path).git_info == GitInfo(sha="2", branch="dev")
    assert [found.git_info for found in reader.list(Query()).threads] == [None, GitInfo(sha="2", branch="dev")]
    assert reader.summary(other.path).git_info is None


def test_a_repository_can_be_taken_away(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    threads = catalog(tmp_path)
    threads.set_git(written.thread_id, None)
    assert threads.summary(written.path).git_info is None


def test_the_file_is_appended_to_and_bad_lines_do_no_harm(tmp_path: Path) -> None:
    written = plain(tmp_path)
    threads = catalog(tmp_path)
    threads.set_git(written.thread_id, MAIN)
    path = tmp_path / "threadcast/metadata.jsonl"
    first = path.read_bytes()
    path.write_bytes(first + b'{"id":"x"}\nnonsense\n{"id":"' + written.thread_id.encode())  # torn by a crash
    assert threads.summary(written.path).git_info == MAIN
    threads.set_git(written.thread_id, GitInfo(sha="2"))
    assert path.read_bytes().startswith(first)
    assert catalog(tmp_path).summary(written.path).git_info == GitInfo(sha="2")


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "threadcast").write_text("in the way")
    with pytest.raises(OSError, match="threadcast"):
        catalog(tmp_path).set_git("x", MAIN)
