"""What the kernel tells of folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout import watch
from rollout.watch import Watch


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watch]:
    opened = Watch.open()
    if opened is None or not opened.add(str(tmp_path)):
        pytest.skip("no inotify, or not on this file system")
    yield opened
    opened.close()


def test_every_kind_of_change_is_told_at_once(tmp_path: Path, watched: Watch) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    assert watched.changes() == set()
    path.write_text("x")
    assert watched.changes() == {str(path)}
    with path.open("a") as file:
        file.write("y")
        file.flush()
        assert watched.changes() == {str(path)}
    os.utime(path)
    assert watched.changes() == {str(path)}
    path.rename(other)
    assert watched.changes() == {str(path), str(other)}
    other.unlink()
    assert watched.changes() == {str(other)}
    assert watched.changes() == set()


def test_after_a_change_of_folders_anything_may_have_changed(tmp_path: Path, watched: Watch) -> None:
    (tmp_path / "folder").mkdir()
    assert watched.changes() is None
    assert watched.changes() == set()


def test_when_too_much_happened_anything_may_have_changed(tmp_path: Path, watched: Watch) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 100_000:
        pytest.skip(f"{most} changes would take too long")
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    for _ in range(most // 2 + 10):
        os.utime(tmp_path / "a")
        os.utime(tmp_path / "b")
    assert watched.changes() is None
    assert watched.changes() == set()


def test_the_end_of_a_watched_folder_is_told(tmp_path: Path, watched: Watch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    watched.forget()
    assert watched.add(str(folder))
    folder.rmdir()
    assert watched.changes() is None


def test_what_is_forgotten_is_told_no_more(tmp_path: Path, watched: Watch) -> None:
    (tmp_path / "a").touch()
    watched.forget()
    (tmp_path / "b").touch()
    assert watched.changes() == set()
    assert watched.add(str(tmp_path))
    (tmp_path / "c").touch()
    assert watched.changes() == {str(tmp_path / "c")}


def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path, watched: Watch) -> None:
    assert not watched.add(str(tmp_path / "nowhere"))


def test_a_folder_on_an_unknown_file_system_is_not_relied_on(
    tmp_path: Path, watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_LOCAL", frozenset[int]())
    assert not watched.add(str(tmp_path))


def test_other_systems_have_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert Watch.open() is None
