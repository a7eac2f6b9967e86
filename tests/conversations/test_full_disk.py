"""A disk that is really full, and a limit that the system really sets, under a server in a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.dialects.versions import NEWEST
from rollout.reader import read
from tests.peer.clients import attached, rollout_of
from tests.support.app_server import ours, serving
from tests.support.harness import Client, Message

pytestmark = pytest.mark.since(NEWEST)  # once is enough: the disk does not ask who speaks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all that is left; the file to remove to give it back."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


async def warned(client: Client, part: str) -> None:
    await client.find(lambda m: m.get("method") == "warning" and part in m["params"]["message"])


async def turns_of(client: Client, thread_id: str) -> list[Message]:
    turns: list[Message] = (await client.call("thread/read", threadId=thread_id, includeTurns=True))["thread"]["turns"]
    return turns


async def same_after_a_restart(home: Path, thread_id: str, turns: list[Message]) -> None:
    """Everything is in the file, whole, and a new server tells the same of it."""
    rollout = read(rollout_of(home, thread_id))
    assert (rollout.skipped, rollout.torn) == (0, False)
    async with serving(ours(), home) as server, attached(server) as client:
        assert await turns_of(client, thread_id) == turns


async def test_turns_on_a_full_disk_go_on_and_are_written_when_there_is_room(small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    async with serving(ours(), home) as server, attached(server) as client:
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread_id, "there is room")
        filler = fill(small_disk)
        size = rollout_of(home, thread_id).stat().st_size
        assert (await client.run_turn(thread_id, "x" * 100_000))["status"] == "completed"
        await warned(client, "No space left on device")
        assert rollout_of(home, thread_id).stat().st_size - size < 4096  # what was left of its last page
        assert (await client.run_turn(thread_id, "still full"))["status"] == "completed"
        filler.unlink()
        await warned(client, "again; nothing was lost")
        turns = await turns_of(client, thread_id)
    assert len(turns) == 3
    await same_after_a_restart(home, thread_id, turns)


async def test_a_thread_that_begins_on_a_full_disk_gets_its_file_later(small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir()
    async with serving(ours(), home) as server, attached(server) as client:
        filler = fill(small_disk)
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        assert (await client.run_turn(thread_id, "no room " * 1000))["status"] == "completed"
        await warned(client, "No space left on device")
        filler.unlink()
        await warned(client, "again; nothing was lost")
        turns = await turns_of(client, thread_id)
    await same_after_a_restart(home, thread_id, turns)


async def test_a_file_that_may_not_grow_stops_in_the_middle_of_a_line_and_goes_on_there(tmp_path: Path) -> None:
    async with serving(ours(), tmp_path) as server, attached(server) as client:
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread_id, "no limit")
        path = rollout_of(tmp_path, thread_id)
        limit = path.stat().st_size + 100
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        assert (await client.run_turn(thread_id, "limited"))["status"] == "completed"
        await warned(client, "File too large")
        assert path.stat().st_size == limit
        assert read(path).torn
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await warned(client, "again; nothing was lost")
        turns = await turns_of(client, thread_id)
    await same_after_a_restart(tmp_path, thread_id, turns)
