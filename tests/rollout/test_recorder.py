"""The one writer of a file: lazy, in order, and never a line lost or written twice."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollout import events
from rollout.lines import OTHER_ITEM, SessionMeta, encode_line
from rollout.lock import WriterLock
from rollout.paths import Home
from rollout.reader import read
from rollout.recorder import Fsync, Recorder
from tests.support import rollouts
from tests.support.rollouts import command_end

NOW = datetime(2026, 1, 5, 12, 0, 0, 123_456, tzinfo=UTC)
T = "2026-01-05T12:00:00.123Z"
META = SessionMeta(id="i", timestamp=T, cwd="/", originator="o", cli_version="1")


def say(text: str) -> events.AgentMessage:
    return events.AgentMessage(message=text)


def lines(*entries: Any) -> bytes:
    return b"".join(encode_line(entry, T) for entry in entries)


def new(path: Path) -> Recorder:
    return Recorder.new(path, lambda: NOW)


def resume(path: Path) -> Recorder:
    return Recorder.resume(path, lambda: NOW)


class Disk:
    """Stands in for ``os.write``: ``limits`` are the bytes each call may write, an error to raise, or None for all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._write: Callable[..., int] = os.write
        self.limits: list[int | OSError | None] = []
        self.calls = 0
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, content: bytes) -> int:
        self.calls += 1
        limit = self.limits.pop(0) if self.limits else None
        if isinstance(limit, OSError):
            raise limit
        return self._write(descriptor, bytes(content)[:limit])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_new_thread_has_no_file_until_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "r.jsonl"
    recorder = new(path)
    recorder.append(META, say("one"))
    recorder.flush()
    assert not recorder.materialized
    assert not path.parent.exists()
    recorder.materialise()
    assert recorder.materialized
    recorder.append(say("two"))
    assert path.read_bytes() == lines(META, say("one"), say("two"))
    recorder.close()


def test_a_thread_that_says_nothing_leaves_no_file(tmp_path: Path) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.append(META)
    recorder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_appended_is_in_the_file_at_once_by_one_write(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "r.jsonl"
    recorder = new(path)
    recorder.materialise()
    recorder.append(META, say("one"), say("two"))
    assert disk.calls == 1
    assert path.read_bytes() == lines(META, say("one"), say("two"))
    recorder.close()


def test_what_is_not_durable_is_passed_over(tmp_path: Path) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    recorder.append(events.ThreadWarning(message="x"), OTHER_ITEM, say("one"))
    assert recorder.path.read_bytes() == lines(say("one"))
    recorder.close()


def test_a_commands_output_is_cut_before_it_is_written(tmp_path: Path) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    recorder.append(command_end("c", "t", "x" * 100_000))
    assert recorder.path.stat().st_size < 12_000
    recorder.close()


def test_resuming_writes_nothing(tmp_path: Path) -> None:
    path = rollouts.plain(tmp_path).path
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    recorder = resume(path)
    recorder.flush()
    recorder.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_resuming_what_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        resume(tmp_path / "gone.jsonl")


def test_a_torn_tail_is_healed_before_the_first_append_and_not_earlier(tmp_path: Path) -> None:
    path = rollouts.torn(tmp_path).path
    before = path.read_bytes()
    recorder = resume(path)
    assert path.read_bytes() == before
    recorder.append(say("on"))
    recorder.append(say("and on"))
    assert path.read_bytes() == before + b"\n" + lines(say("on"), say("and on"))
    recorder.close()
    assert read(path).entries[-2:] == [say("on"), say("and on")]


def test_a_last_line_that_only_lacks_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(lines(META, say("one"))[:-1])
    recorder = resume(path)
    recorder.append(say("two"))
    recorder.close()
    assert path.read_bytes() == lines(META, say("one"), say("two"))


def test_a_whole_tail_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(lines(META))
    recorder = resume(path)
    recorder.append(say("one"))
    recorder.close()
    assert path.read_bytes() == lines(META, say("one"))


def test_what_a_full_disk_refused_is_written_later_in_order(tmp_path: Path, disk: Disk) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    disk.limits = [FULL, FULL]
    recorder.append(say("one"))
    recorder.append(say("two"))
    assert recorder.failure is FULL
    assert recorder.path.read_bytes() == b""
    recorder.append(say("three"))
    assert recorder.failure is None
    assert recorder.path.read_bytes() == lines(say("one"), say("two"), say("three"))
    recorder.close()


@pytest.mark.parametrize("stop", [1, 40, len(lines(say("one"))), len(lines(say("one"))) + 5])
def test_a_write_cut_short_goes_on_at_the_very_byte(tmp_path: Path, disk: Disk, stop: int) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    disk.limits = [stop, FULL]
    recorder.append(say("one"), say("two"))
    assert recorder.failure is FULL
    assert recorder.path.stat().st_size == stop
    recorder.flush()
    assert recorder.failure is None
    assert recorder.path.read_bytes() == lines(say("one"), say("two"))
    recorder.close()


def test_a_tail_is_healed_once_though_the_first_write_fails(tmp_path: Path, disk: Disk) -> None:
    path = rollouts.torn(tmp_path).path
    before = path.read_bytes()
    recorder = resume(path)
    disk.limits = [FULL, 1, FULL]
    recorder.append(say("one"))
    recorder.append(say("two"))
    recorder.flush()
    assert path.read_bytes() == before + b"\n" + lines(say("one"), say("two"))
    recorder.close()


def test_a_file_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("in the way")
    recorder = new(blocked / "r.jsonl")
    recorder.append(META)
    recorder.materialise()
    assert isinstance(recorder.failure, NotADirectoryError | FileExistsError)
    assert not recorder.materialized
    blocked.unlink()
    recorder.append(say("one"))
    assert recorder.failure is None
    assert recorder.path.read_bytes() == lines(META, say("one"))
    recorder.close()


def test_closing_writes_what_waits(tmp_path: Path, disk: Disk) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    disk.limits = [FULL]
    recorder.append(say("one"))
    recorder.close()
    recorder.close()
    assert recorder.path.read_bytes() == lines(say("one"))


def test_a_closed_recorder_takes_nothing_more(tmp_path: Path) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.append(say("one"))


def test_an_archived_thread_goes_on_in_its_moved_file(tmp_path: Path) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    recorder.append(META)
    recorder.path.rename(tmp_path / "moved.jsonl")
    recorder.append(say("one"))
    recorder.close()
    assert (tmp_path / "moved.jsonl").read_bytes() == lines(META, say("one"))


async def test_syncing_writes_what_waits_on_the_medium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    recorder = new(tmp_path / "r.jsonl")
    recorder.append(META)
    await recorder.sync()
    assert synced == []
    recorder.materialise()
    await recorder.sync()
    assert synced == [len(lines(META))]
    recorder.close()


async def test_a_medium_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    recorder = new(tmp_path / "r.jsonl")
    recorder.materialise()
    monkeypatch.setattr(os, "fsync", broken)
    await recorder.sync()
    assert recorder.failure is not None
    recorder.close()


@pytest.mark.parametrize("stop", [0, 1, len(lines(say("one"))) - 1, len(lines(say("one"))), len(lines(say("one"))) + 5])
def test_what_is_not_in_the_file_is_known(tmp_path: Path, disk: Disk, stop: int) -> None:
    recorder = new(tmp_path / "r.jsonl")
    recorder.append(META)
    assert (recorder.waiting, recorder.unwritten) == (0, [META])  # nobody wants a file yet
    recorder.materialise()
    assert (recorder.waiting, recorder.unwritten) == (0, [])
    disk.limits = [stop, FULL] if stop else [FULL]
    recorder.append(say("one"), say("two"))
    whole = stop >= len(lines(say("one")))
    assert recorder.unwritten == ([say("two")] if whole else [say("one"), say("two")])
    assert recorder.waiting == len(lines(say("one"), say("two"))) - stop
    recorder.flush()
    assert (recorder.waiting, recorder.unwritten) == (0, [])
    recorder.close()


def test_nothing_is_written_while_another_writer_has_the_lock(tmp_path: Path) -> None:
    path = rollouts.plain(tmp_path).path
    before = path.read_bytes()
    theirs, ours = WriterLock(Home(tmp_path), "i"), WriterLock(Home(tmp_path), "i")
    assert theirs.take()
    recorder = Recorder.resume(path, lambda: NOW, lock=ours)
    recorder.append(say("one"))
    assert isinstance(recorder.failure, BlockingIOError)
    assert path.read_bytes() == before
    theirs.release()
    recorder.flush()
    assert path.read_bytes() == before + lines(say("one"))
    recorder.close()
    assert not ours.held


@pytest.mark.parametrize(("policy", "appended", "synced"), [("line", 2, 2), ("turn", 0, 1), ("never", 0, 0)])
async def test_the_medium_is_waited_for_as_often_as_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Fsync, appended: int, synced: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(os, "fsync", calls.append)
    recorder = Recorder.new(tmp_path / "r.jsonl", lambda: NOW, fsync=policy)
    recorder.append(META)
    recorder.materialise()
    recorder.append(say("one"))
    assert len(calls) == appended
    await recorder.sync()
    await recorder.sync()  # nothing new
    assert len(calls) == synced
    recorder.close()


def ordinals(path: Path) -> list[int | None]:
    return [json.loads(line).get("ordinal") if line.endswith(b"}") else None for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (b"", [0, 1]),
        (b'{"ordinal":7,"x":1}\n', [7, 8, 9]),
        (b'{"ordinal":7}', [7, 8, 9]),
        (b'{"ordinal":7}\n{"ordinal":8', [7, None, 8, 9]),
        (b'{"ordinal":7}\n{"no":1}\n\n', [7, None, None, 8, 9]),
        (b'{"no":1}\n{"no":2}\n', [None, None, 2, 3]),
        (b'{"ordinal":3}\n{"text":"' + b"x" * 200_000 + b'"}\n', [3, None, 4, 5]),
        (b'{"ordinal":3,"text":"' + b"x" * 200_000 + b'"}\n', [3, 4, 5]),
    ],
)
def test_ordinals_go_on_where_the_file_stops(tmp_path: Path, before: bytes, expected: list[int | None]) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(before)
    recorder = Recorder.resume(path, lambda: NOW, ordinals=True)
    recorder.append(say("one"))
    recorder.append(say("two"))
    recorder.close()
    assert ordinals(path) == expected


def test_numbered_lines_wait_for_the_disk_like_others(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'{"ordinal":7}\n')
    recorder = Recorder.resume(path, lambda: NOW, ordinals=True)
    disk.limits = [50, FULL, FULL]
    recorder.append(say("one"))
    recorder.append(say("two"))
    assert recorder.unwritten == [say("one"), say("two")]
    recorder.flush()
    assert ordinals(path) == [7, 8, 9]
    recorder.close()
