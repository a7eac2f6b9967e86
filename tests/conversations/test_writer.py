"""A disk that refuses, and other processes that write: nothing is lost, everybody is told, the server lives."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rollout.events import TokenCount
from rollout.lines import encode_line
from rollout.lock import WriterLock
from rollout.paths import Home
from rollout.reader import read
from server.providers.scripted import Gate, Response, completed, function_call, message
from server.threads import writing
from tests.support import rollouts
from tests.support.harness import PATIENCE, Client, Message, Refused, running
from tests.support.rollouts import RolloutBuilder, usage_info

SOON: dict[str, str | None] = {"idle-unload-seconds": "0"}


class Disk:
    """Stands in for ``os.write`` to rollouts: full from the first ``refuse`` on until ``accept``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._write: Callable[[int, bytes], int] = os.write
        self._error: OSError | None = None
        self._left = 0
        monkeypatch.setattr(os, "write", self.write)

    def refuse(self, code: int = errno.ENOSPC, *, after: int = 0) -> None:
        """Take ``after`` bytes more, then none."""
        self._error, self._left = OSError(code, os.strerror(code)), after

    def accept(self) -> None:
        """Take everything again."""
        self._error = None

    def write(self, descriptor: int, content: bytes) -> int:
        if self._error is None or "rollout-" not in os.readlink(f"/proc/self/fd/{descriptor}"):
            return self._write(descriptor, content)
        if not self._left:
            raise self._error
        written = self._write(descriptor, bytes(content)[: self._left])
        self._left -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    monkeypatch.setattr(writing, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(writing, "LONGEST_PAUSE", 0.01)
    return Disk(monkeypatch)


@contextmanager
def held_by_another(home: Path, thread_id: str) -> Iterator[WriterLock]:
    """Somebody else writes this thread."""
    lock = WriterLock(Home(home), thread_id)
    assert lock.take()
    try:
        yield lock
    finally:
        lock.release()


async def turns_of(client: Client, thread_id: str) -> list[Message]:
    turns: list[Message] = (await client.call("thread/read", threadId=thread_id, includeTurns=True))["thread"]["turns"]
    return turns


async def warned(client: Client, part: str) -> Message:
    """The first warning that says so."""
    told = await client.find(lambda m: m.get("method") == "warning" and part in m["params"]["message"])
    params: Message = told["params"]
    return params


# -- a disk that refuses -----------------------------------------------------------------------------------------------


async def test_a_full_disk_is_told_while_the_turn_still_runs_and_forgotten_when_it_is_not_full(
    tmp_path: Path, disk: Disk
) -> None:
    written = rollouts.plain(tmp_path)
    before = written.path.read_bytes()
    gate = Gate()
    async with running(tmp_path, [gate, message("at last"), completed()]) as server:
        client, other = await server.client(), await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await other.call("thread/resume", threadId=written.thread_id)
        disk.refuse()
        await client.start_turn(written.thread_id, "three")
        await gate.reached.wait()
        for each in (client, other):
            assert "No space left" in (await warned(each, "could not be written"))["message"]
            assert each.heard("turn/completed") == []
        assert written.path.read_bytes() == before
        disk.accept()
        await warned(client, "again; nothing was lost")  # though nobody said anything meanwhile
        assert b'"three"' in written.path.read_bytes()
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        live = await turns_of(client, written.thread_id)
    async with running(tmp_path) as server:
        assert await turns_of(await server.client(), written.thread_id) == live


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_a_turn_goes_on_in_memory_and_its_lines_arrive_whole_and_in_order(
    tmp_path: Path, disk: Disk, code: int
) -> None:
    async with running(tmp_path, [message("one"), completed()], [message("two"), completed()]) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        disk.refuse(code, after=3_000)
        assert (await client.run_turn(thread_id, "first"))["status"] == "completed"
        assert (await client.run_turn(thread_id, "second"))["status"] == "completed"
        assert [text for text in _texts(server.provider.requests[-1].input) if text in ("first", "one", "second")] == [
            "first",
            "one",
            "second",
        ]
        live = await turns_of(client, thread_id)
        disk.accept()
        await warned(client, "again; nothing was lost")
    async with running(tmp_path) as server:
        assert await turns_of(await server.client(), thread_id) == live
    (path,) = (tmp_path / "sessions").rglob("*.jsonl")
    assert (read(path).skipped, read(path).torn) == (0, False)


def _texts(items: list[Message]) -> list[str]:
    return [part["text"] for item in items for part in item.get("content") or [] if "text" in part]


async def test_the_model_knows_what_could_not_be_written_before_its_history_was_read(
    tmp_path: Path, disk: Disk
) -> None:
    written = rollouts.plain(tmp_path)
    async with running(tmp_path, [message("yes"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        disk.refuse(after=40)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "injected"}]}
        await client.call("thread/inject_items", threadId=written.thread_id, items=[item])
        await client.run_turn(written.thread_id, "and now")
        asked = _texts(server.provider.requests[0].input)
        assert [text for text in asked if text in ("Again", "injected", "and now")] == ["Again", "injected", "and now"]
        disk.accept()


async def test_a_thread_with_unwritten_lines_is_not_unloaded_nor_put_away_nor_copied(
    tmp_path: Path, disk: Disk
) -> None:
    async with running(tmp_path, [message("one"), completed()], flags=SOON) as server:
        client, watcher = await server.client(), await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        disk.refuse(after=3_000)
        await client.run_turn(thread_id, "first")
        for method in ("thread/archive", "thread/fork"):
            with pytest.raises(Refused, match="could not be written yet"):
                await client.call(method, threadId=thread_id)
        await client.call("thread/unsubscribe", threadId=thread_id)
        assert (await client.call("thread/loaded/list"))["data"] == [thread_id]
        assert watcher.heard("thread/closed") == []
        disk.accept()
        await watcher.hear("thread/closed", threadId=thread_id)
        assert len(await turns_of(client, thread_id)) == 1


async def test_what_a_closing_server_could_not_write_is_told_at_least(
    tmp_path: Path, disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, [message("one"), completed()]) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        disk.refuse()
        await client.run_turn(thread_id, "first")
        stopping = asyncio.create_task(server.app.stop())
        assert "bytes could not be written" in (await warned(client, "closes the thread although"))["message"]
        async with asyncio.timeout(PATIENCE):
            await stopping
    out = capfd.readouterr()
    assert "rollout_lines_lost" in out.out + out.err


@pytest.mark.parametrize(("policy", "least"), [("never", 0), ("turn", 1), ("line", 3)])
async def test_lines_are_put_on_the_medium_as_often_as_the_policy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, least: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    async with running(tmp_path, [message("one"), completed()], flags={"fsync": policy}) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread_id, "first")
        await server.app.loaded.require(thread_id).sync()
    assert len(synced) == least if policy != "line" else len(synced) >= least


# -- another process ---------------------------------------------------------------------------------------------------


async def test_a_thread_that_another_process_writes_can_be_read_and_not_written(tmp_path: Path) -> None:
    written = rollouts.with_usage(tmp_path, provider="scripted")
    before = written.path.read_bytes()
    async with running(tmp_path, [message("mine"), completed()]) as server:
        client = await server.client()
        with held_by_another(tmp_path, written.thread_id):
            assert len((await client.call("thread/resume", threadId=written.thread_id))["thread"]["turns"]) == 2
            await client.hear("thread/tokenUsage/updated", threadId=written.thread_id)
            assert len((await client.call("thread/list"))["data"]) == 1
            content = [{"type": "text", "text": "x"}]
            for method, params in (
                ("turn/start", {"input": content}),
                ("thread/name/set", {"name": "x"}),
                ("thread/archive", {}),
                ("thread/rollback", {"numTurns": 1}),
            ):
                with pytest.raises(Refused, match=rf"active writer: process {os.getpid()} on .*, since 20") as refusal:
                    await client.call(method, threadId=written.thread_id, **params)
                assert refusal.value.code == -32600
            fork = await client.call("thread/fork", threadId=written.thread_id)
            assert len(fork["thread"]["turns"]) == 2
        assert written.path.read_bytes() == before
        assert (await client.run_turn(written.thread_id, "mine"))["status"] == "completed"


async def test_a_thread_that_is_not_loaded_is_not_touched_either(tmp_path: Path) -> None:
    written = rollouts.plain(tmp_path)
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        with held_by_another(tmp_path, written.thread_id):
            for method, params in (("thread/name/set", {"name": "x"}), ("thread/archive", {})):
                with pytest.raises(Refused, match="active writer"):
                    await client.call(method, threadId=written.thread_id, **params)
        assert written.path.read_bytes() == before
        await client.call("thread/name/set", threadId=written.thread_id, name="x")
    assert written.path.read_bytes() != before


async def test_what_another_process_wrote_meanwhile_is_known_to_clients_and_model(tmp_path: Path) -> None:
    written = rollouts.plain(tmp_path)
    async with running(tmp_path, [message("mine"), completed()]) as server:
        client = await server.client()
        with held_by_another(tmp_path, written.thread_id):
            await client.call("thread/resume", threadId=written.thread_id)
            more = RolloutBuilder(tmp_path, number=7, with_meta=False).turn("theirs", "of them", usage_info(4))
            with written.path.open("ab") as file:
                file.write(more.content())
            assert len(await turns_of(client, written.thread_id)) == 3
            assert len((await client.call("thread/resume", threadId=written.thread_id))["thread"]["turns"]) == 3
            with written.path.open("ab") as file:
                file.write(encode_line(rollouts.user_item("and more"), "2026-01-05T12:00:00.000Z"))
                file.write(encode_line(TokenCount(info=usage_info(5)), "2026-01-05T12:00:00.000Z"))
        await client.run_turn(written.thread_id, "mine")
        asked = _texts(server.provider.requests[0].input)
        said = [text for text in asked if text in ("Again", "theirs", "of them", "and more", "mine")]
        assert said == ["Again", "theirs", "of them", "and more", "mine"]
        total = client.heard("thread/tokenUsage/updated")[-1]["tokenUsage"]["total"]["totalTokens"]
        assert total > usage_info(5).total_token_usage.total_tokens


async def test_a_thread_that_was_taken_over_is_read_from_memory_again(tmp_path: Path) -> None:
    written = rollouts.plain(tmp_path)
    gate = Gate()
    begun: Response = [gate, function_call("look", "{}"), completed()]
    async with running(tmp_path, begun, [message("done"), completed()]) as server:
        client = await server.client()
        with held_by_another(tmp_path, written.thread_id):
            await client.call("thread/resume", threadId=written.thread_id)
        await client.start_turn(written.thread_id, "mine")
        await gate.reached.wait()
        assert len(await turns_of(client, written.thread_id)) == 3  # this must not take the turn's memory away
        gate.open()
        await client.hear("turn/completed")
        kinds = [item["type"] for item in server.provider.requests[1].input]
        assert kinds[-2:] == ["function_call", "function_call_output"]


async def test_of_two_servers_on_one_home_the_first_to_load_a_thread_writes_it(tmp_path: Path) -> None:
    written = rollouts.plain(tmp_path)
    async with running(tmp_path, [message("again"), completed()]) as second:
        late = await second.client()
        async with running(tmp_path, [message("first"), completed()]) as first:
            early = await first.client()
            await early.call("thread/resume", threadId=written.thread_id)
            await late.call("thread/resume", threadId=written.thread_id)
            await early.run_turn(written.thread_id, "one more")
            with pytest.raises(Refused, match="active writer"):
                await late.start_turn(written.thread_id, "and another")
            assert await turns_of(late, written.thread_id) == await turns_of(early, written.thread_id)
        await late.run_turn(written.thread_id, "and another")
        turns = await turns_of(late, written.thread_id)
        assert [turn["items"][0]["content"][0]["text"] for turn in turns[2:]] == ["one more", "and another"]


async def test_a_thread_in_memory_is_locked_and_leaves_nothing_behind(tmp_path: Path) -> None:
    written = rollouts.plain(tmp_path)
    folder = tmp_path / "thread-writer-locks"
    async with running(tmp_path, [message("one"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        new = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(new, "hello")
        for thread_id in (written.thread_id, new):
            assert not WriterLock(Home(tmp_path), thread_id).take()
            assert json.loads((folder / f"{thread_id}.owner.json").read_bytes())["pid"] == os.getpid()
    assert [path.name for path in folder.iterdir()] == [".coordination.lock"]


# -- the newer form ----------------------------------------------------------------------------------------------------


async def test_a_thread_in_the_newer_form_goes_on_in_it(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path, history_mode="paginated").turn("one", "first", usage_info(1)).write()
    count = len(written.path.read_bytes().splitlines())
    async with running(tmp_path, [message("second", id="msg-7"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await client.run_turn(written.thread_id, "two")
        shown = [told["item"] for told in client.heard("item/completed")]
        live = await turns_of(client, written.thread_id)
        assert live[-1]["items"] == shown
    records = [json.loads(line) for line in written.path.read_bytes().splitlines()[count:]]
    assert [record["ordinal"] for record in records] == list(range(count, count + len(records)))
    items = [record["payload"]["item"] for record in records if record["payload"].get("type") == "item_completed"]
    assert [(item["type"], item["id"]) for item in items] == [
        ("UserMessage", shown[0]["id"]),
        ("AgentMessage", "msg-7"),
    ]
    async with running(tmp_path) as server:
        assert await turns_of(await server.client(), written.thread_id) == live
