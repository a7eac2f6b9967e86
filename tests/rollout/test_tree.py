"""Which rollout files changed, told by the kernel or seen by their times."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout import watch
from rollout.paths import Home
from rollout.tree import Tree, newest
from tests.support.rollouts import plain, thread_id


@pytest.fixture(params=[True, False], ids=["told", "seen"])
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tree]:
    tree = Tree(Home(tmp_path), watched=request.param)
    yield tree
    tree.close()


def found(tree: Tree) -> set[Path]:
    return {Path(path) for path in tree.changes().found}


def age(path: Path) -> None:
    """Give a file a time of its own, long past, as if it had not been touched for years."""
    os.utime(path, (1, 1))


def test_all_files_are_new_at_first(tmp_path: Path, tree: Tree) -> None:
    paths = {plain(tmp_path, number=number).path for number in (1, 2)}
    (tmp_path / "sessions/rollout-odd.jsonl").touch()
    (tmp_path / "sessions/notes.txt").touch()
    assert found(tree) == paths


def test_only_what_changed_is_told_again(tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.tree.SETTLED_NS", -(10**12))
    one, two = (plain(tmp_path, number=number).path for number in (1, 2))
    assert found(tree) == {one, two}
    assert found(tree) == set()
    age(one)
    assert found(tree) == {one}
    two.unlink()
    assert tree.changes().gone == {str(two)}
    assert tree.changes() == ({}, set())


def test_what_changed_a_moment_ago_counts_as_changed_where_only_times_tell(tmp_path: Path) -> None:
    path = plain(tmp_path).path
    tree = Tree(Home(tmp_path), watched=False)
    assert found(tree) == found(tree) == {path}


def test_folders_may_come_move_and_go(tmp_path: Path, tree: Tree) -> None:
    assert found(tree) == set()
    path = plain(tmp_path).path
    assert found(tree) == {path}
    year, moved = tmp_path / "sessions/2026", tmp_path / "sessions/2025"
    year.rename(moved)
    changes = tree.changes()
    assert changes.gone == {str(path)}
    assert set(changes.found) == {str(moved / path.relative_to(year))}
    shutil.rmtree(tmp_path / "sessions")
    assert tree.changes().gone == set(changes.found)
    (tmp_path / "sessions").mkdir()
    assert found(tree) == set()
    assert found(tree) | {path} == {plain(tmp_path).path}


def test_links_are_followed_to_files_that_change_elsewhere(tmp_path: Path, tree: Tree) -> None:
    path = plain(tmp_path).path
    outside = tmp_path / "outside.jsonl"
    path.rename(outside)
    path.symlink_to(outside)
    assert found(tree) == {path}
    with outside.open("a") as file:
        file.write("\n")
    assert found(tree) == {path}
    outside.unlink()
    assert tree.changes().gone == {str(path)}
    outside.write_text("back")
    assert found(tree) == {path}


def test_without_a_watch_that_can_be_relied_on_every_file_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LOCAL", frozenset[int]())
    path = plain(tmp_path).path
    tree = Tree(Home(tmp_path))
    assert found(tree) == {path}
    assert not tree.is_watched
    age(path)
    assert found(tree) == {path}


def test_the_newest_file_of_a_thread_is_found(tmp_path: Path) -> None:
    path = plain(tmp_path).path
    later = path.with_name(path.name.replace("2026-01", "2026-02"))
    shutil.copy(path, later)
    assert newest(tmp_path / "sessions", thread_id(1).upper()) == later
    assert newest(tmp_path / "sessions", thread_id(2)) is None
    assert newest(tmp_path / "nowhere", thread_id(1)) is None
