"""thread/memoryMode/set through the wire: a line in the rollout that repeats its first with the mode."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import plain, thread_id

SET = "thread/memoryMode/set"


def lines(path: str | Path) -> list[Message]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


async def set_mode(client: Client, thread: str, mode: Any = "disabled") -> Any:
    return await client.call(SET, threadId=thread, mode=mode)


@pytest.mark.parametrize("loaded", [False, True])
async def test_the_mode_is_a_copy_of_the_first_line_at_the_end(tmp_path: Path, loaded: bool) -> None:
    written = plain(tmp_path)
    before = lines(written.path)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        if loaded:
            await client.call("thread/resume", threadId=written.thread_id)
        await other.settle()
        other.log.clear()
        assert await set_mode(client, written.thread_id) == {}
        assert await set_mode(client, written.thread_id, "enabled") == {}
        await other.settle()
        assert other.log == []
    *old, first, second = lines(written.path)
    assert old == before
    for line, mode in ((first, "disabled"), (second, "enabled")):
        assert line["type"] == "session_meta"
        assert line["payload"] == before[0]["payload"] | {"memory_mode": mode}


async def test_the_thread_is_the_same_as_before_also_after_a_restart(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        before = (await client.call("thread/read", threadId=written.thread_id, includeTurns=True))["thread"]
        await set_mode(client, written.thread_id)
    async with running(tmp_path) as server:
        client = await server.client()
        after = (await client.call("thread/read", threadId=written.thread_id, includeTurns=True))["thread"]
    assert after | {"updatedAt": 0} == before | {"updatedAt": 0}


async def test_a_new_thread_is_put_on_disk_with_its_mode(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]
        await set_mode(client, thread["id"])
        assert [line["payload"].get("memory_mode") for line in lines(thread["path"])] == [None, "disabled"]


async def test_a_fork_gets_a_mode_of_its_own(tmp_path: Path) -> None:
    written = plain(tmp_path)
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        await set_mode(client, child["id"])
        last = lines(child["path"])[-1]["payload"]
        assert (last["id"], last["forked_from_id"], last["memory_mode"]) == (
            child["id"],
            written.thread_id,
            "disabled",
        )
    assert written.path.read_bytes() == before


async def test_what_has_no_mode_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        ephemeral = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        refusals = {
            ephemeral: f"ephemeral thread does not support memory mode updates: {ephemeral}",
            thread_id(99): f"thread not found: {thread_id(99)}",
            "nonsense": "invalid thread id",
        }
        for thread, reason in refusals.items():
            with pytest.raises(Refused, match=f"-32600: {reason}"):
                await set_mode(client, thread)
        with pytest.raises(Refused, match="-32600: Invalid request"):
            await set_mode(client, ephemeral, "sometimes")


async def test_the_method_needs_the_experimental_capability(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client(experimental=False)
        with pytest.raises(Refused, match=f"-32600: {SET} requires experimentalApi capability"):
            await set_mode(client, written.thread_id)
