"""What an operator sees of a running server at /metrics, and who may see it."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from protocol.dialects.versions import V0_169
from server.providers.scripted import Gate, Response, completed, message
from tests.server.test_listener import GUARDED, TOKEN, stalled
from tests.support.harness import PATIENCE, Client, Server, running
from tests.support.pages import UPGRADE, Reply, ask, exchange
from tests.support.rollouts import plain

Numbers = dict[str, float]


def parsed(text: str) -> Numbers:
    """Every number by its name, and by its label where it has one: ``name{value}``."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value for sample in samples
    }


async def numbers(server: Server) -> Numbers:
    reply = await ask(server, "GET", "/metrics")
    assert reply.status == 200
    return parsed(reply.body)


async def start_thread(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


async def test_the_numbers_say_what_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [[message(deltas=["a", gate]), completed()]]
    async with running(tmp_path, *script, flags={"max-requests": "1", "max-connections": "4"}) as server:
        clients = [await server.client(), await server.client(), await server.client(version=V0_169)]
        await server.connect()
        assert (await ask(server, "GET", "/", **UPGRADE)).status == 503
        thread = await start_thread(clients[0])
        await clients[1].call("thread/resume", threadId=thread)
        await clients[0].start_turn(thread, "Hello")
        await clients[1].hear("item/agentMessage/delta")
        posts = [await clients[2].post("thread/read", threadId=thread) for _ in range(3)]
        refused = [await clients[2].reply(post) for post in posts]
        said = await numbers(server)
        assert said["threadcast_connections{0.125}"] == 2
        assert said["threadcast_connections{0.169}"] == 1
        assert said["threadcast_connections{none}"] == 1
        assert said["threadcast_subscriptions"] == 2
        assert said["threadcast_threads_loaded"] == said["threadcast_turns_running"] == 1
        assert said["threadcast_requests_refused_total"] == sum("error" in reply for reply in refused) > 0
        assert said["threadcast_connections_refused_total"] == 1
        assert said["threadcast_outbox_bytes"] == said["threadcast_draining"] == 0
        assert said["process_resident_memory_bytes"] > 1 << 20
        gate.open()
        await clients[0].hear("turn/completed")
        assert (await numbers(server))["threadcast_turns_running"] == 0


def on_the_wire(text: bytes) -> int:
    """Bytes of the frame that holds this text."""
    return len(text) + (2 if len(text) < 126 else 4 if len(text) < 1 << 16 else 10)


async def test_what_is_sent_is_counted_to_the_byte(tmp_path: Path) -> None:
    hello = {"clientInfo": {"name": "x", "version": "1"}}
    async with asyncio.timeout(PATIENCE), running(tmp_path) as server, connect(server.url, compression=None) as socket:
        await socket.send(json.dumps({"id": 1, "method": "initialize", "params": hello}))
        await socket.send(json.dumps({"id": 2, "method": "thread/start", "params": {"cwd": "/"}}))
        received = [await socket.recv(decode=False) for _ in range(3)]  # two replies and thread/started
        said = await numbers(server)
        assert said["threadcast_messages_sent_total"] == 3
        assert said["threadcast_bytes_sent_total"] == sum(map(on_the_wire, received))


async def test_slow_clients_and_what_waits_for_them_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"outbox-limit": "1000000"}) as server:
        lazy = await stalled(server)
        said = await numbers(server)
        assert said["threadcast_slow_disconnects_total"] == 1
        lazy.transport.abort()


async def test_of_threads_that_left_memory_nothing_is_kept_for_those_who_saw_them(tmp_path: Path) -> None:
    rollouts = [plain(tmp_path, number=number).thread_id for number in range(1, 4)]
    async with running(tmp_path, flags={"idle-unload-seconds": "0"}) as server:
        observers = [await server.client() for _ in range(3)]
        before = await numbers(server)
        living = []
        for thread in rollouts:
            for client in observers:
                await client.call("thread/resume", threadId=thread)
            living.append(weakref.ref(server.app.loaded.require(thread)))
        for thread in rollouts:
            for client in observers:
                await client.call("thread/unsubscribe", threadId=thread)
            await observers[0].hear("thread/closed", threadId=thread)
        after = await numbers(server)
        assert after["threadcast_threads_loaded"] == after["threadcast_subscriptions"] == 0
        assert after["threadcast_connections{0.125}"] == before["threadcast_connections{0.125}"] == 3
        gc.collect()
        assert [each() for each in living] == [None] * 3


async def test_numbers_are_for_those_who_may_come_in(tmp_path: Path) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        assert (await ask(server, "GET", "/metrics")).status == 401
        assert (await ask(server, "GET", "/metrics", Authorization="Bearer wrong")).status == 401
        told = await ask(server, "GET", "/metrics", Authorization=f"Bearer {TOKEN}")
        assert (told.status, told.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert (await ask(server, "POST", "/metrics", Authorization=f"Bearer {TOKEN}")).status == 405
        raw = await exchange(server, b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\n\r\n")
        assert Reply(raw).status == 403
