"""Lists while files come, change, move and go behind the server's back, and whatever becomes of its index."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rollout import events
from rollout.paths import Home
from server.providers.scripted import completed, message
from tests.support.harness import Client, Refused, Server, running
from tests.support.rollouts import RolloutBuilder, Written, plain, thread_id


def write(home: Path, number: int, text: str = "Say hello") -> Written:
    """A thread of the provider that lists show by default."""
    return RolloutBuilder(home, number=number, provider="scripted").turn(text, "Hello.").write()


async def ids(client: Client, **params: Any) -> list[str]:
    return [thread["id"] for thread in (await client.call("thread/list", **params))["data"]]


def numbered(*numbers: int) -> list[str]:
    return [thread_id(number) for number in numbers]


async def indexed(server: Server) -> None:
    """Return when the index is complete."""
    task = server.app._indexing
    assert task is not None
    async with asyncio.timeout(10):
        await asyncio.wait([task])


@asynccontextmanager
async def listing(home: Path, **options: Any) -> AsyncIterator[tuple[Server, Client]]:
    """A server whose index is complete, and a client."""
    async with running(home, **options) as server:
        await indexed(server)
        yield server, await server.client()


# Behind the server's back


async def test_a_thread_that_another_process_makes_is_listed_and_found(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with listing(tmp_path) as (_, client):
        assert await ids(client) == numbered(1)
        write(tmp_path, 2)
        assert await ids(client) == numbered(2, 1)
        later = tmp_path / "sessions/2027/02/03" / f"rollout-2027-02-03T00-00-00-{thread_id(3)}.jsonl"
        RolloutBuilder(tmp_path, number=3, provider="scripted").turn("New day", "Yes.").write(later)
        assert await ids(client) == numbered(3, 2, 1)
        assert (await client.call("thread/read", threadId=thread_id(3)))["thread"]["preview"] == "New day"


async def test_a_thread_that_another_process_archives_moves_to_the_other_list(tmp_path: Path) -> None:
    paths = [write(tmp_path, number).path for number in (1, 2)]
    async with listing(tmp_path) as (_, client):
        (tmp_path / "archived_sessions").mkdir()
        paths[0].rename(tmp_path / "archived_sessions" / paths[0].name)
        assert await ids(client) == numbered(2)
        assert await ids(client, archived=True) == numbered(1)
        with pytest.raises(Refused, match="no rollout found"):
            await client.call("thread/archive", threadId=thread_id(1))
        await client.call("thread/unarchive", threadId=thread_id(1))
        assert await ids(client) == numbered(2, 1)


async def test_a_thread_that_is_deleted_is_neither_listed_nor_found(tmp_path: Path) -> None:
    paths = [write(tmp_path, number).path for number in (1, 2)]
    async with listing(tmp_path) as (_, client):
        paths[1].unlink()
        assert await ids(client) == numbered(1)
        with pytest.raises(Refused):
            await client.call("thread/read", threadId=thread_id(2))
        shutil.rmtree(tmp_path / "sessions")
        assert await ids(client) == []
        write(tmp_path, 3)
        assert await ids(client) == numbered(3)


async def test_a_file_changed_in_place_is_noticed_even_if_it_looks_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, 1, "Mend the roof").path
    async with listing(tmp_path) as (_, client):
        assert await ids(client, searchTerm="ROOF") == numbered(1)
        before = path.stat()
        path.write_bytes(path.read_bytes().replace(b"roof", b"door"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert await ids(client, searchTerm="roof") == []
        assert (await client.call("thread/list"))["data"][0]["preview"] == "Mend the door"


async def test_a_first_message_that_another_process_appends_makes_a_thread_listed(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path, provider="scripted")
    builder.write()
    async with listing(tmp_path) as (_, client):
        assert await ids(client) == []
        builder.say("At last").write()
        assert await ids(client) == numbered(1)


async def test_a_name_that_a_rollout_records_is_listed_and_searched(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path, provider="scripted").turn("one", "first")
    path = builder.write().path
    async with listing(tmp_path) as (_, client):
        builder.add(events.ThreadNameUpdated(thread_id=builder.thread_id, thread_name="Große Pläne")).write(path)
        assert await ids(client, searchTerm="GROSSE PLÄ") == numbered(1)
        assert (await client.call("thread/list"))["data"][0]["name"] == "Große Pläne"
        with (tmp_path / "session_index.jsonl").open("a") as file:
            file.write(json.dumps({"id": builder.thread_id, "thread_name": "Kleine Pläne", "updated_at": ""}) + "\n")
        assert await ids(client, searchTerm="große") == []
        assert await ids(client, searchTerm="kleine") == numbered(1)


async def test_threads_that_the_server_writes_itself_move_up_in_the_list_of_changes(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number)
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        assert await ids(client, sortKey="updated_at") == numbered(3, 2, 1)
        await client.call("thread/resume", threadId=thread_id(1))
        await client.run_turn(thread_id(1), "Hello")
        assert await ids(client, sortKey="updated_at") == numbered(1, 3, 2)


# Whatever becomes of the index


async def test_lists_are_right_while_the_index_is_being_built(tmp_path: Path) -> None:
    for number in range(1, 120):
        plain(tmp_path, number=number, provider="scripted")
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, sortDirection="asc", limit=3) == numbered(1, 2, 3)
        assert await ids(client, searchTerm="nowhere") == []
        found = await ids(client, limit=100)
        assert found == numbered(*range(119, 19, -1))
        await indexed(server)
        assert await ids(client, limit=100) == found


async def test_the_list_of_the_state_alone_is_the_same_list(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, useStateDbOnly=True) == numbered(1)
        write(tmp_path, 2)
        assert await ids(client, useStateDbOnly=True) == numbered(2, 1)


def _forget(home: Path) -> None:
    shutil.rmtree(home / "threadcast")


def _spoil(home: Path) -> None:
    Home(home).index_file.write_bytes(b"no database" * 1000)


def _outdate(home: Path) -> None:
    connection = sqlite3.connect(Home(home).index_file)
    connection.executescript("DROP TABLE rollouts; CREATE TABLE rollouts (x); PRAGMA user_version = 3;")
    connection.close()


def _obstruct(home: Path) -> None:
    _forget(home)
    (home / "threadcast").write_text("a file where the folder should be")


def _keep(home: Path) -> None:
    assert Home(home).index_file.exists()


@pytest.mark.parametrize("change", [_keep, _forget, _spoil, _outdate, _obstruct])
async def test_after_a_restart_lists_are_the_same_whatever_became_of_the_index(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number)
    async with listing(tmp_path) as (_, client):
        before = await client.call("thread/list")
    change(tmp_path)
    async with listing(tmp_path) as (_, client):
        assert await client.call("thread/list") == before
        assert await ids(client, searchTerm="HELLO", sortKey="updated_at", limit=2) == numbered(3, 2)


async def test_an_index_deleted_while_the_server_runs_is_not_missed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with listing(tmp_path) as (_, client):
        _forget(tmp_path)
        write(tmp_path, 2)
        assert await ids(client) == numbered(2, 1)


async def test_two_servers_on_one_home_list_the_same(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with listing(tmp_path) as (_, client), listing(tmp_path) as (_, other):
        write(tmp_path, 2)
        assert await ids(client) == await ids(other) == numbered(2, 1)
        await other.call("thread/name/set", threadId=thread_id(1), name="Mine")
        assert await ids(client, searchTerm="mine") == numbered(1)
