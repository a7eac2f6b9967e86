"""Rollouts that a crash, an editor or a full disk left behind: what clients get, and that no byte of them changes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollout.paths import Home, new_rollout_path
from server.providers.scripted import completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import BEGIN, RolloutBuilder, plain, thread_id, torn, with_garbage, without_meta

GOOD, BAD = 1, 2
META_WITHOUT_CWD = b'{"timestamp":"2026-01-05T12:00:00.000Z","type":"session_meta","payload":{"id":"%b"}}\n'


def place(home: Path) -> Path:
    """Where the bad thread's rollout is."""
    path = new_rollout_path(Home(home), thread_id(BAD), BEGIN)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def with_content(content: bytes) -> Callable[[Path], Path]:
    def write(home: Path) -> Path:
        path = place(home)
        path.write_bytes(content)
        return path

    return write


def meta_too_late(home: Path) -> Path:
    content = RolloutBuilder(home, number=BAD).turn("one", "first").content()
    path = place(home)
    path.write_bytes(b"".join(b'{"x":%d}\n' % number for number in range(20)) + content)
    return path


def loop(home: Path) -> Path:
    path = place(home)
    path.symlink_to(path.name)
    return path


def dangling(home: Path) -> Path:
    path = place(home)
    path.symlink_to("nothing-there")
    return path


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty": (with_content(b""), "is empty"),
    "blank": (with_content(b" \n\t\n\r\n"), "is empty"),
    "zeros": (with_content(b"\0" * 4096), "has no readable session_meta line"),
    "not a rollout": (with_content(b"hello\nworld\n"), "has no readable session_meta line"),
    "no UTF-8": (with_content(b'{"timestamp":"\xff\xfe"}\n' * 3), "has no readable session_meta line"),
    "half a meta": (with_content(META_WITHOUT_CWD[:60]), "has no readable session_meta line"),
    "thin meta": (with_content(META_WITHOUT_CWD % thread_id(BAD).encode()), "has no readable session_meta line"),
    "without meta": (lambda home: without_meta(home, number=BAD).path, "has no readable session_meta line"),
    "a loop": (loop, "cannot be read"),
    "dangling": (dangling, "does not exist"),
}


def state_of(path: Path) -> tuple[bytes | None, int, str | None]:
    """All that a write would change."""
    content = path.read_bytes() if path.is_file() else None
    return content, path.lstat().st_mtime_ns, os.readlink(path) if path.is_symlink() else None


def files(home: Path) -> list[Path]:
    return list(home.rglob("rollout-*"))


async def refusal(client: Client, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    assert caught.value.code == -32600, method
    return caught.value.message


async def listed(client: Client) -> list[str]:
    page = await client.call("thread/list", modelProviders=[])
    return [thread["id"] for thread in page["data"]]


@pytest.mark.parametrize("damage", UNREADABLE)
async def test_a_rollout_that_says_nothing_of_its_thread_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    write, reason = UNREADABLE[damage]
    good, bad = plain(tmp_path, number=GOOD), write(tmp_path)
    before = state_of(bad)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        for method in ("thread/resume", "thread/fork"):
            told = await refusal(client, method, threadId=thread_id(BAD))
            assert told.startswith(f"failed to load rollout `{bad}`: "), method
            assert reason in told, method
        for with_turns in (False, True):
            told = await refusal(client, "thread/read", threadId=thread_id(BAD), includeTurns=with_turns)
            assert told.startswith(f"failed to load rollout `{bad}`: ")
        assert await listed(client) == [good.thread_id]
        assert (await client.call("thread/loaded/list"))["data"] == []
        await other.settle()
        assert other.log == []
        resumed = await other.call("thread/resume", threadId=good.thread_id)
        assert len(resumed["thread"]["turns"]) == 2
    assert state_of(bad) == before


async def test_a_folder_with_the_name_of_a_rollout_is_no_thread(tmp_path: Path) -> None:
    folder = place(tmp_path)
    folder.mkdir()
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("thread/read", "thread/resume", "thread/fork"):
            assert await refusal(client, method, threadId=thread_id(BAD))
        assert await refusal(client, "thread/name/set", threadId=thread_id(BAD), name="A name")
        assert "is not a file" in await refusal(client, "thread/resume", threadId="x", path=str(folder))
        assert "is not a file" in await refusal(client, "thread/fork", threadId="x", path=str(folder))
        assert await listed(client) == []
    assert list(folder.iterdir()) == []


def forbid(monkeypatch: pytest.MonkeyPatch, path: Path, name: str, owner: Any) -> None:
    """Let the operating system refuse to open this file, as it does to anyone but root."""
    allowed = getattr(owner, name)

    def refusing(opened: Any, *args: Any, **options: Any) -> Any:
        if Path(opened) == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return allowed(opened, *args, **options)

    monkeypatch.setattr(owner, name, refusing)


async def test_a_rollout_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = plain(tmp_path, number=BAD)
    forbid(monkeypatch, bad.path, "open", Path)
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("thread/read", "thread/resume", "thread/fork"):
            assert "cannot be read" in await refusal(client, method, threadId=bad.thread_id)
        assert await listed(client) == []


async def test_a_rollout_that_may_not_be_written_can_be_read_but_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = plain(tmp_path, number=BAD)
    forbid(monkeypatch, bad.path, "open", os)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await client.call("thread/read", threadId=bad.thread_id)
        assert "failed to load rollout" in await refusal(client, "thread/resume", threadId=bad.thread_id)


def said(turns: list[Message]) -> list[list[str]]:
    """What user and model said, turn by turn."""
    return [
        [item["text"] if item["type"] == "agentMessage" else item["content"][0]["text"] for item in turn["items"]]
        for turn in turns
    ]


TOLERATED: dict[str, tuple[Callable[..., Any], list[list[str]]]] = {
    "torn tail": (torn, [["one", "first"]]),
    "garbage within": (with_garbage, [["one", "first"], ["two", "second"]]),
}


@pytest.mark.parametrize("damage", TOLERATED)
async def test_a_damaged_line_costs_nothing_but_itself(tmp_path: Path, damage: str) -> None:
    write, turns = TOLERATED[damage]
    bad = write(tmp_path, number=BAD)
    before = state_of(bad.path)
    async with running(tmp_path) as server:
        client = await server.client()
        read = await client.call("thread/read", threadId=bad.thread_id, includeTurns=True)
        assert said(read["thread"]["turns"]) == turns
        assert await listed(client) == [bad.thread_id]
        forked = await client.call("thread/fork", threadId=bad.thread_id)
        assert said(forked["thread"]["turns"]) == turns
        resumed = await client.call("thread/resume", threadId=bad.thread_id)
        assert said(resumed["thread"]["turns"]) == turns
        assert [turn["status"] for turn in resumed["thread"]["turns"]] == ["completed"] * len(turns)
    assert state_of(bad.path) == before


async def test_a_turn_after_a_torn_tail_is_not_glued_to_it_and_loses_nothing(tmp_path: Path) -> None:
    bad = torn(tmp_path)
    before = bad.path.read_bytes()
    async with running(tmp_path, [message("second"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=bad.thread_id)
        await client.run_turn(bad.thread_id, "two")
    after = bad.path.read_bytes()
    assert after.startswith(before + b"\n{")
    assert after.endswith(b"}\n")
    async with running(tmp_path) as server:
        client = await server.client()
        read = await client.call("thread/read", threadId=bad.thread_id, includeTurns=True)
        assert said(read["thread"]["turns"]) == [["one", "first"], ["two", "second"]]


async def test_a_last_line_that_only_lacks_its_newline_counts(tmp_path: Path) -> None:
    whole = RolloutBuilder(tmp_path).turn("one", "first")
    bad = whole.write()
    bad.path.write_bytes(whole.content().removesuffix(b"\n"))
    async with running(tmp_path, [message("second"), completed()]) as server:
        client = await server.client()
        resumed = await client.call("thread/resume", threadId=bad.thread_id)
        assert resumed["thread"]["turns"][0]["status"] == "completed"
        await client.run_turn(bad.thread_id, "two")
        read = await client.call("thread/read", threadId=bad.thread_id, includeTurns=True)
        assert said(read["thread"]["turns"]) == [["one", "first"], ["two", "second"]]
    assert bad.path.read_bytes().startswith(whole.content())


async def test_a_meta_far_from_the_head_can_be_no_worse_than_an_error(tmp_path: Path) -> None:
    bad = meta_too_late(tmp_path)
    before = state_of(bad)
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("thread/read", "thread/resume", "thread/fork"):
            assert "has no readable session_meta line" in await refusal(client, method, threadId=thread_id(BAD))
        assert (await client.call("thread/loaded/list"))["data"] == []
    assert state_of(bad) == before
    assert files(tmp_path) == [bad]


async def test_a_rollout_that_is_cut_off_while_its_thread_is_loaded_stops_nobody(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path, [message("third"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=rollout.thread_id)
        rollout.path.unlink()
        turn = await client.run_turn(rollout.thread_id, "three")
        assert turn["status"] in ("completed", "failed")
        assert (await client.call("thread/read", threadId=rollout.thread_id))["thread"]["id"] == rollout.thread_id
        assert await listed(client) == []
        await client.settle()


async def test_a_folder_that_may_not_be_read_hides_its_own_threads_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, hidden = plain(tmp_path, number=GOOD), plain(tmp_path, number=BAD)
    elsewhere = tmp_path / "sessions" / "1999" / "01" / "01"
    elsewhere.mkdir(parents=True)
    hidden.path.rename(elsewhere / hidden.path.name)
    forbid(monkeypatch, elsewhere, "scandir", os)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await client.call("thread/read", threadId=good.thread_id)
        assert await listed(client) == [good.thread_id]
        assert await refusal(client, "thread/read", threadId=hidden.thread_id)


async def test_a_pipe_that_is_named_like_a_rollout_holds_nobody_up(tmp_path: Path) -> None:
    pipe = place(tmp_path)
    os.mkfifo(pipe)
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("thread/read", "thread/resume", "thread/fork"):
            assert "is not a file" in await refusal(client, method, threadId=thread_id(BAD))
        assert await listed(client) == []


async def test_a_rollout_that_names_no_thread_is_not_renamed(tmp_path: Path) -> None:
    bad = without_meta(tmp_path, number=BAD)
    before = bad.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        assert await refusal(client, "thread/name/set", threadId=bad.thread_id, name="A name")
    assert bad.path.read_bytes() == before
