"""thread/delete through the wire: nothing is left of a thread, whatever state it was in."""

from pathlib import Path

import pytest

from protocol.dialects.versions import V0_125, V0_147, V0_166
from rollout.lock import WriterLock
from rollout.paths import Home
from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Refused, running
from tests.support.rollouts import Written, plain, thread_id

pytestmark = pytest.mark.since(V0_147)

DELETE, DELETED = "thread/delete", "thread/deleted"


def rollouts(home: Path) -> list[Path]:
    return [*home.rglob("rollout-*.jsonl")]


async def listed(client: Client, **params: object) -> list[str]:
    return [thread["id"] for thread in (await client.call("thread/list", modelProviders=[], **params))["data"]]


@pytest.mark.parametrize("state", ["stored", "archived", "loaded"])
async def test_a_deleted_thread_is_gone_and_everybody_hears_of_it(tmp_path: Path, state: str) -> None:
    written, other = plain(tmp_path), plain(tmp_path, number=2)
    async with running(tmp_path) as server:
        client, bystander, old = await server.client(), await server.client(), await server.client(version=V0_125)
        if state == "archived":
            await client.call("thread/archive", threadId=written.thread_id)
        if state == "loaded":
            await client.call("thread/resume", threadId=written.thread_id)
        assert await client.call(DELETE, threadId=written.thread_id) == {}
        await client.settle()
        assert client.methods()[-2:] == ["reply", DELETED]
        await bystander.settle()
        assert bystander.heard(DELETED) == [{"threadId": written.thread_id}]
        await old.settle()
        assert old.heard(DELETED) == []
        assert rollouts(tmp_path) == [other.path]
        assert await listed(client) == [other.thread_id]
        assert await listed(client, archived=True) == []
        for method, error in (("thread/read", "thread not loaded"), (DELETE, "no rollout found for thread id")):
            with pytest.raises(Refused, match=f"-32600: {error}"):
                await client.call(method, threadId=written.thread_id)
    async with running(tmp_path) as server:
        assert await listed(await server.client()) == [other.thread_id]


async def test_its_running_turn_is_stopped_first(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await other.call(DELETE, threadId=thread)
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
        await client.hear("thread/status/changed", status={"type": "notLoaded"})
        await client.hear(DELETED, threadId=thread)
        assert (await client.call("thread/loaded/list"))["data"] == []
        assert rollouts(tmp_path) == []


async def test_a_thread_that_has_said_nothing_can_be_deleted_and_an_ephemeral_one_cannot(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        assert await client.call(DELETE, threadId=thread) == {}
        assert (await client.call("thread/loaded/list"))["data"] == []
        assert rollouts(tmp_path) == []
        ephemeral = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        with pytest.raises(Refused, match=f"-32600: ephemeral thread has nothing that could be deleted: {ephemeral}"):
            await client.call(DELETE, threadId=ephemeral)
        assert (await client.call("thread/loaded/list"))["data"] == [ephemeral]


@pytest.mark.parametrize("loaded", [False, True])
async def test_a_thread_that_another_process_writes_stays(tmp_path: Path, loaded: bool) -> None:
    written = plain(tmp_path)
    lock = WriterLock(Home(tmp_path), written.thread_id)
    assert lock.take()
    try:
        async with running(tmp_path) as server:
            client = await server.client()
            if loaded:
                await client.call("thread/resume", threadId=written.thread_id)
            with pytest.raises(Refused, match=r"-32600: .* already has an active writer"):
                await client.call(DELETE, threadId=written.thread_id)
            await client.settle()
            assert client.heard(DELETED) == []
            assert (await client.call("thread/loaded/list"))["data"] == [written.thread_id] * loaded
            assert written.path.exists()
    finally:
        lock.release()


@pytest.mark.since(V0_166)
async def test_its_read_state_goes_with_it(tmp_path: Path) -> None:
    written: Written = plain(tmp_path)
    content = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        initial = (await client.call("thread/read", threadId=written.thread_id))["readState"]
        asked = {"expectedRevision": initial["revision"], "operation": {"type": "unread"}}
        await client.call("thread/readState/update", threadId=written.thread_id, **asked)
        await client.call(DELETE, threadId=written.thread_id)
    written.path.write_bytes(content)
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call("thread/read", threadId=written.thread_id))["readState"] == initial


async def test_what_is_no_thread_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: no rollout found for thread id {thread_id(99)}"):
            await client.call(DELETE, threadId=thread_id(99))
        with pytest.raises(Refused, match="-32600: invalid thread id"):
            await client.call(DELETE, threadId="*")
