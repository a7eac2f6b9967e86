"""Who hears what of a thread: subscribers its turns, everybody its status; and threads whose clients leave."""

from pathlib import Path

from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, running
from tests.support.older import older_methods
from tests.support.rollouts import with_usage


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def test_turns_are_heard_by_subscribers_and_the_status_by_everybody(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await client.run_turn(thread, "Hello")
        await other.settle()
        assert older_methods(other.methods()) == ["thread/started", "thread/status/changed", "thread/status/changed"]
        assert {params["threadId"] for params in other.heard("thread/status/changed")} == {thread}


async def test_a_client_that_follows_two_threads_hears_both_and_each_thread_only_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()], [message("Hi"), completed()]) as server:
        both, one = await server.client(), await server.client()
        first, second = await start_thread(both), await start_thread(both)
        await both.run_turn(first, "Hello")
        await one.call("thread/resume", threadId=first)
        await both.run_turn(second, "Hello")
        await one.settle()
        assert {params["threadId"] for params in both.heard("turn/completed")} == {first, second}
        assert one.heard("turn/completed") == []


async def test_who_starts_a_turn_without_following_the_thread_hears_only_the_reply(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, stranger = await server.client(), await server.client()
        thread = await start_thread(client)
        await stranger.hear("thread/started")
        already = len(stranger.log)
        turn_id = await stranger.start_turn(thread, "Hello")
        assert (await client.hear("turn/completed"))["turn"]["id"] == turn_id
        await stranger.settle()
        assert sorted(older_methods(stranger.methods(already))) == [
            "reply",
            "thread/status/changed",
            "thread/status/changed",
        ]
        assert await stranger.call("thread/unsubscribe", threadId=thread) == {"status": "notSubscribed"}


async def test_a_turn_goes_on_when_its_only_client_leaves_and_its_result_is_on_disk(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate, " there"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await client.hear("item/agentMessage/delta")
        await client.close()
        await other.settle()
        gate.open()
        await other.hear("thread/status/changed", status={"type": "idle"})
        turns = (await other.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [(turn["id"], turn["status"]) for turn in turns] == [(turn_id, "completed")]
        assert turns[0]["items"][1]["text"] == "Hi there"
    async with running(tmp_path) as server:
        client = await server.client()
        read = await client.call("thread/read", threadId=thread, includeTurns=True)
        assert read["thread"]["turns"][0]["items"][1]["text"] == "Hi there"


async def test_who_hangs_up_hears_nothing_and_holds_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await other.hear("thread/started")
        await other.close()
        await client.run_turn(thread, "Hello")
        assert len(server.app.subscriptions.everybody()) == 1
        assert len(server.app.subscriptions.of(thread)) == 1
        await client.close()
        watcher = await server.client()
        await watcher.settle()
        assert server.app.subscriptions.of(thread) == frozenset()


async def test_a_torn_connection_is_forgotten_like_a_closed_one(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["Hi", gate, " there"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        await client.start_turn(thread, "Hello")
        await other.call("thread/resume", threadId=thread)
        await client.hear("item/agentMessage/delta")
        client.socket.transport.abort()
        await client.closed()
        gate.open()
        assert (await other.hear("turn/completed"))["turn"]["status"] == "completed"
        await other.settle()
        assert len(server.app.subscriptions.of(thread)) == 1


async def test_two_clients_get_the_same_events_in_the_same_order(tmp_path: Path) -> None:
    rollout = with_usage(tmp_path)
    async with running(tmp_path, [message(deltas=["a", "b", "c"]), completed()]) as server:
        clients = [await server.client() for _ in range(3)]
        for client in clients:
            await client.call("thread/resume", threadId=rollout.thread_id)
        for client in clients:
            await client.settle()
            client.log.clear()
        await clients[0].start_turn(rollout.thread_id, "three")
        for client in clients:
            await client.hear("turn/completed")
        told = [[m for m in client.log if "method" in m] for client in clients]
        assert told[0] == told[1] == told[2]
        assert len(told[0]) > 8


async def test_a_start_whose_client_is_gone_leaves_a_thread_that_others_can_use(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client, other = await server.client(), await server.client()
        await client.post("thread/start", {"cwd": "/"})
        client.socket.transport.abort()
        thread = (await other.hear("thread/started"))["thread"]["id"]
        turn_id = await other.start_turn(thread, "Hello")
        await other.hear("thread/status/changed", status={"type": "idle"})
        resumed = await other.call("thread/resume", threadId=thread)
        assert [turn["id"] for turn in resumed["thread"]["turns"]] == [turn_id]
