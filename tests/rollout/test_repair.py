"""A repair loses nothing whole, keeps the original, and is done at once or not at all."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollout.catalog import Catalog, Query
from rollout.doctor import examine
from rollout.paths import Home
from rollout.reader import RolloutMissing, RolloutNotFile, raw_lines, read
from rollout.repair import Repair, RepairRefused, repair
from tests.support.rollouts import RolloutBuilder, Written

NOW = datetime(2026, 1, 6, 7, 8, 9, tzinfo=UTC)
HALF = b'{"timestamp":"T","type":"event_m'


def mend(path: Path) -> Repair | None:
    return repair(path, lambda: NOW)


def damaged(home: Path, **options: Any) -> tuple[Written, bytes]:
    """A rollout with every damage that can be mended, and what it should be."""
    builder = RolloutBuilder(home, **options).begin().say("one").answer("first").complete()
    lines = builder.content().splitlines(keepends=True)
    wrong = [*lines[:2], b"junk\n", HALF + lines[2], lines[3], lines[4].rstrip() + lines[5], *lines[6:], b"\n", HALF]
    written = builder.write()
    written.path.write_bytes(b"".join(wrong))
    os.utime(written.path, ns=(1, 1_700_000_000_123_456_789))
    return written, builder.content() + b"\n"


def test_all_that_can_be_mended_is_mended_and_the_original_is_kept(tmp_path: Path) -> None:
    written, mended = damaged(tmp_path)
    before = written.path.read_bytes()
    done = mend(written.path)
    assert written.path.read_bytes() == mended
    assert done is not None
    assert Path(done.kept).read_bytes() == before
    assert (done.split, done.dropped, done.dropped_bytes) == (1, 3, 2 * len(HALF) + 4)
    assert examine(raw_lines(written.path), written.path).is_healthy


def test_a_second_repair_changes_nothing(tmp_path: Path) -> None:
    written, _ = damaged(tmp_path)
    mend(written.path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()}
    assert mend(written.path) is None
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()
    } == before


def test_what_is_kept_is_no_thread(tmp_path: Path) -> None:
    written, _ = damaged(tmp_path)
    done = mend(written.path)
    assert done is not None
    kept = Path(done.kept)
    assert kept.parent == written.path.parent
    assert kept.name == "2026-01-05-000000000001.before-repair-20260106T070809Z"
    assert written.thread_id not in kept.name
    catalog = Catalog(Home(tmp_path))
    assert catalog.find(written.thread_id) == written.path
    assert [thread.path for thread in catalog.list(Query()).threads] == [written.path]


def test_repairs_of_the_same_moment_keep_every_original(tmp_path: Path) -> None:
    written, _ = damaged(tmp_path)
    first = mend(written.path)
    with written.path.open("ab") as file:
        file.write(HALF)
    second = mend(written.path)
    assert first is not None
    assert second is not None
    assert second.kept == first.kept + "-2"
    assert Path(first.kept).exists()


def test_mode_and_time_of_the_file_stay(tmp_path: Path) -> None:
    written, _ = damaged(tmp_path)
    written.path.chmod(0o640)
    before = written.path.stat()
    mend(written.path)
    after = written.path.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert after.st_mtime_ns == before.st_mtime_ns


def test_a_file_that_keeps_its_size_gets_another_time(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first")
    written = builder.write()
    written.path.write_bytes(b"}" + builder.content()[:-1])
    before = written.path.stat()
    mend(written.path)
    after = written.path.stat()
    assert written.path.read_bytes() == builder.content()
    assert after.st_size == before.st_size
    assert after.st_mtime_ns == before.st_mtime_ns + 1_000


def test_lines_that_are_not_understood_stay_byte_for_byte(tmp_path: Path) -> None:
    odd = b' {"timestamp":"T","type":"world_state","payload":{"a":1.0}}\r\n{"any":"thing"}\n\n'
    builder = RolloutBuilder(tmp_path).raw(odd).turn("one", "first")
    written = builder.raw(HALF).write()
    mend(written.path)
    assert written.path.read_bytes() == builder.content().removesuffix(HALF)


def test_a_turn_that_was_glued_to_a_torn_line_comes_back(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).turn("one", "first").begin().say("lost").raw(HALF)
    written = builder.turn("two", "second").write()
    turns = [entry for entry in read(written.path).entries if type(entry).__name__ == "TaskStarted"]
    assert len(turns) == 2
    mend(written.path)
    assert read(written.path).entries == builder.entries


@pytest.mark.parametrize("content", [b"junk\n", b"a,b\n1,2\n", HALF])
def test_a_file_without_any_whole_line_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    with pytest.raises(RepairRefused, match="no line of it is whole"):
        mend(path)
    assert [each.name for each in tmp_path.iterdir()] == ["some.csv"]
    assert path.read_bytes() == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RolloutMissing):
        mend(tmp_path / "gone")
    with pytest.raises(RolloutNotFile):
        mend(tmp_path)


def test_a_file_that_grows_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, _ = damaged(tmp_path)
    link = os.link

    def link_and_grow(source: Path, target: Path) -> None:
        link(source, target)
        with written.path.open("ab") as file:
            file.write(b"\n")

    monkeypatch.setattr(os, "link", link_and_grow)
    before = written.path.read_bytes()
    with pytest.raises(RepairRefused, match="somebody writes to it"):
        mend(written.path)
    assert written.path.read_bytes() == before + b"\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [written.path]


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, _ = damaged(tmp_path)
    before = written.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        mend(written.path)
    assert written.path.read_bytes() == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [written.path]


def test_where_files_cannot_have_two_names_the_original_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, mended = damaged(tmp_path)
    before = written.path.read_bytes()

    def refuse(*_: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    done = mend(written.path)
    assert done is not None
    assert Path(done.kept).read_bytes() == before
    assert written.path.read_bytes() == mended
