"""One writer per thread: the lock between processes, and the note that says who has it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollout.lock import Owner, WriterLock
from rollout.paths import Home

ROOT = Path(__file__).resolve().parents[2]
THREAD = "01900000-0000-7000-8000-000000000001"
HOLD = f"""
import sys
from pathlib import Path
from rollout.lock import WriterLock
from rollout.paths import Home
lock = WriterLock(Home(Path(sys.argv[1])), {THREAD!r})
print(lock.take(), flush=True)
sys.stdin.read()
lock.release()
"""


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until the end of the block."""
    command = [sys.executable, "-c", HOLD, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process


def lock_of(home: Path) -> WriterLock:
    return WriterLock(Home(home), THREAD)


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "thread-writer-locks").iterdir())


def test_only_one_has_it_until_it_is_released(tmp_path: Path) -> None:
    one, two = lock_of(tmp_path), lock_of(tmp_path)
    assert (one.take(), two.take(), one.held, two.held) == (True, False, True, False)
    assert one.take()
    one.release()
    assert not one.held
    assert two.take()
    two.release()
    assert files(tmp_path) == [".coordination.lock"]


def test_threads_do_not_share_a_lock(tmp_path: Path) -> None:
    one, two = lock_of(tmp_path), WriterLock(Home(tmp_path), THREAD.replace("1", "2"))
    assert one.take()
    assert two.take()
    one.release()
    two.release()


def test_who_has_it_in_another_process_is_named(tmp_path: Path) -> None:
    ours = lock_of(tmp_path)
    with another_process(tmp_path) as process:
        assert not ours.take()
        owner = ours.owner()
        assert (owner.pid, owner.host) == (process.pid, socket.gethostname())
        assert str(owner).startswith(f"process {process.pid} on {socket.gethostname()}, since 20")


def test_the_lock_of_a_dead_process_is_free_at_once_and_its_note_is_replaced(tmp_path: Path) -> None:
    ours = lock_of(tmp_path)
    with another_process(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert files(tmp_path) == [f"{THREAD}.lock", f"{THREAD}.owner.json"]
    assert ours.take()
    assert json.loads((tmp_path / "thread-writer-locks" / f"{THREAD}.owner.json").read_bytes())["pid"] == os.getpid()
    ours.release()
    assert files(tmp_path) == [".coordination.lock"]


def foreign(home: Path) -> int:
    """Somebody has the lock who leaves no note."""
    folder = home / "thread-writer-locks"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{THREAD}.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@pytest.mark.parametrize(
    "note",
    [
        None,
        "no json",
        '{"pid":"x"}',
        json.dumps({"pid": 1 << 30, "host": socket.gethostname(), "started": "2026-01-05T12:00:00Z"}),
        json.dumps({"pid": os.getppid(), "host": socket.gethostname(), "started": "2026-01-05T12:00:00Z"}),
    ],
)
def test_an_owner_without_a_note_of_its_own_is_another_process(tmp_path: Path, note: str | None) -> None:
    descriptor = foreign(tmp_path)
    if note is not None:
        (tmp_path / "thread-writer-locks" / f"{THREAD}.owner.json").write_text(note)
    assert lock_of(tmp_path).owner() == Owner(pid=os.getpid())
    assert str(lock_of(tmp_path).owner()) == f"another process (pid {os.getpid()})"
    os.close(descriptor)
    assert str(Owner()) == "another process"


def test_a_lock_whose_file_was_removed_by_its_last_owner_is_not_taken_for_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "thread-writer-locks" / f"{THREAD}.lock"
    flock = fcntl.flock
    removed: list[int] = []

    def remove_first(descriptor: int, how: int) -> None:
        if not removed:
            removed.append(descriptor)
            path.unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    one, two = lock_of(tmp_path), lock_of(tmp_path)
    assert one.take()
    assert path.exists()
    assert not two.take()
    one.release()


def test_a_file_that_somebody_is_about_to_open_is_left(tmp_path: Path) -> None:
    one, two = lock_of(tmp_path), lock_of(tmp_path)
    assert one.take()
    coordination = os.open(tmp_path / "thread-writer-locks" / ".coordination.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(coordination, fcntl.LOCK_EX)
    one.release()
    assert files(tmp_path) == [".coordination.lock", f"{THREAD}.lock"]
    os.close(coordination)
    assert two.take()
    two.release()
    assert files(tmp_path) == [".coordination.lock"]


@pytest.mark.parametrize(("code", "usable"), [(errno.ENOLCK, True), (errno.EIO, False)])
def test_a_file_system_without_locks_is_used_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, usable: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = lock_of(tmp_path)
    if usable:
        assert lock.take()
        assert lock.held
    else:
        with pytest.raises(OSError, match="error"):
            lock.take()
    lock.release()
