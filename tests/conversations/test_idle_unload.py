"""Threads that nobody follows and that do nothing leave memory after a while, and not before."""

from pathlib import Path

from server.errors import TurnError
from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Message, running
from tests.support.rollouts import plain, with_usage

SOON: dict[str, str | None] = {"idle-unload-seconds": "0.05"}
AT_ONCE: dict[str, str | None] = {"idle-unload-seconds": "0"}


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def loaded(client: Client) -> list[str]:
    ids: list[str] = (await client.call("thread/loaded/list"))["data"]
    return ids


async def test_a_thread_that_nobody_follows_is_unloaded_and_everybody_hears_of_it(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    before = rollout.path.read_bytes()
    async with running(tmp_path, flags=SOON) as server:
        client, other = await server.client(), await server.client()
        await client.call("thread/resume", threadId=rollout.thread_id)
        await client.call("thread/unsubscribe", threadId=rollout.thread_id)
        assert await other.hear("thread/closed") == {"threadId": rollout.thread_id}
        assert other.methods() == ["thread/status/changed", "thread/status/changed", "thread/closed"]
        statuses = [params["status"]["type"] for params in other.heard("thread/status/changed")]
        assert statuses == ["idle", "notLoaded"]
        await client.hear("thread/closed")
        assert await loaded(other) == []
    assert rollout.path.read_bytes() == before


async def test_a_thread_is_unloaded_after_its_last_client_hangs_up(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path, flags=SOON) as server:
        client, other, watcher = [await server.client() for _ in range(3)]
        await client.call("thread/resume", threadId=rollout.thread_id)
        await other.call("thread/resume", threadId=rollout.thread_id)
        await client.close()
        await watcher.settle()
        assert watcher.heard("thread/closed") == []
        await other.close()
        await watcher.hear("thread/closed")


async def test_a_thread_that_is_followed_stays(tmp_path: Path) -> None:
    first, second = plain(tmp_path, number=1), plain(tmp_path, number=2)
    async with running(tmp_path, flags=AT_ONCE) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=first.thread_id)
        await client.call("thread/resume", threadId=second.thread_id)
        await client.call("thread/unsubscribe", threadId=second.thread_id)
        await client.hear("thread/closed", threadId=second.thread_id)  # its time is over, and so would the other's be
        assert await loaded(client) == [first.thread_id]
        assert len(client.heard("thread/closed")) == 1


async def test_a_thread_whose_turn_runs_stays_until_the_turn_is_over(tmp_path: Path) -> None:
    gate, idle = Gate(), plain(tmp_path)
    async with running(tmp_path, [gate, message("Hi"), completed()], flags=AT_ONCE) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("thread/unsubscribe", threadId=thread)
        await client.call("thread/resume", threadId=idle.thread_id)
        await client.call("thread/unsubscribe", threadId=idle.thread_id)
        await client.hear("thread/closed", threadId=idle.thread_id)
        assert await loaded(client) == [thread]
        gate.open()
        await client.hear("thread/closed", threadId=thread)
        told = [params["status"]["type"] for params in client.heard("thread/status/changed")]
        assert told[-2:] == ["idle", "notLoaded"]
        read = await client.call("thread/read", threadId=thread, includeTurns=True)
        assert read["thread"]["turns"][0]["status"] == "completed"


async def test_a_thread_whose_turn_failed_is_unloaded_like_any_other(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, TurnError("why")], flags=SOON) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("thread/unsubscribe", threadId=thread)
        gate.open()
        await client.hear("thread/closed", threadId=thread)


async def test_a_thread_is_unloaded_after_a_turn_that_a_stranger_started(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()], flags={"idle-unload-seconds": "0.2"}) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.call("thread/unsubscribe", threadId=thread)
        await client.start_turn(thread, "Hello")
        await client.hear("thread/status/changed", status={"type": "idle"})
        await client.hear("thread/closed", threadId=thread)


async def test_an_unloaded_thread_comes_back_as_it_was(tmp_path: Path) -> None:
    rollout = with_usage(tmp_path)
    async with running(tmp_path, [message("third"), completed()], flags=SOON) as server:
        client = await server.client()
        before: Message = await client.call("thread/resume", threadId=rollout.thread_id)
        await client.call("thread/unsubscribe", threadId=rollout.thread_id)
        await client.hear("thread/closed")
        assert await client.call("thread/resume", threadId=rollout.thread_id) == before
        assert len(client.heard("thread/tokenUsage/updated")) == 2
        assert (await client.run_turn(rollout.thread_id, "three"))["status"] == "completed"


async def test_a_thread_that_has_said_nothing_is_gone_for_good(tmp_path: Path) -> None:
    async with running(tmp_path, flags=SOON) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.call("thread/unsubscribe", threadId=thread)
        await client.hear("thread/closed")
        assert (await client.call("thread/unsubscribe", threadId=thread))["status"] == "notLoaded"
        told = await client.reply(await client.post("thread/resume", threadId=thread))
        assert told["error"]["message"] == f"no rollout found for thread id {thread}"


async def test_who_attaches_after_the_clock_rang_keeps_the_thread(tmp_path: Path) -> None:
    rollout = plain(tmp_path)
    async with running(tmp_path, [message("third"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=rollout.thread_id)
        await client.call("thread/unsubscribe", threadId=rollout.thread_id)
        live = server.app.loaded.require(rollout.thread_id)
        (connection,) = server.app.subscriptions.everybody()
        server.app.loaded._unload(live)  # the clock rings, and in the same breath:
        live.attach(connection)
        await client.settle()
        assert client.heard("thread/closed") == []
        assert (await client.run_turn(rollout.thread_id, "three"))["status"] == "completed"
