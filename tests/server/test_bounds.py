"""How many clients there may be, how many threads one may follow, and how long one is kept that does not answer."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from protocol.dialects.versions import VERSIONS
from server import open_files
from tests.server.test_unix_socket import Plain
from tests.support.harness import PATIENCE, Client, Refused, Server, running
from tests.support.pages import UPGRADE, ask
from tests.support.rollouts import plain


async def test_a_client_too_many_is_refused_before_the_upgrade_and_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"max-connections": "2"}) as server:
        first, _ = [await server.client() for _ in range(2)]
        refused = await ask(server, "GET", "/", **UPGRADE)
        assert refused.status == 503
        assert refused.body == "all 2 connections are taken; try again later\n"
        assert int(refused.headers["retry-after"]) > 0
        assert [(await ask(server, "GET", path)).status for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        await first.settle()
        await first.close()
        await (await admitted(server)).settle()


async def admitted(server: Server) -> Client:
    """A client that tries again until there is room."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(InvalidStatus):
                return await server.client()


async def test_a_client_too_many_that_asks_for_no_upgrade_is_told_in_a_close_frame() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        flags: dict[str, str | None] = {"max-connections": "1", "listen": f"ws://127.0.0.1:0,unix://{path}"}
        async with running(Path(folder) / "home", flags=flags) as server:
            client = await server.client()
            late = await Plain.connect(path)
            late.frame(0x81, b'{"id":1,"method":"initialize","params":{}}')
            async with asyncio.timeout(PATIENCE):
                assert (await late.reader.readexactly(2))[0] == 0x88
                code = int.from_bytes(await late.reader.readexactly(2))
            assert code == 1013
            late.writer.close()
            await client.settle()


def rollouts(home: Path) -> list[Path]:
    return sorted(home.rglob("rollout-*"))


async def threads(client: Client, count: int) -> list[str]:
    return [(await client.call("thread/start", cwd="/"))["thread"]["id"] for _ in range(count)]


async def test_a_thread_too_many_is_refused_with_nothing_half_done(tmp_path: Path) -> None:
    stored = plain(tmp_path)
    async with running(tmp_path, flags={"max-subscriptions": "2"}) as server:
        client, other = await server.client(), await server.client()
        first, _ = await threads(client, 2)
        await other.settle()
        heard, files = len(other.log), rollouts(tmp_path)
        asked = [
            ("thread/start", {"cwd": "/"}),
            ("thread/resume", {"threadId": stored.thread_id}),
            ("thread/fork", {"threadId": stored.thread_id}),
        ]
        for method, params in asked:
            with pytest.raises(Refused, match=r"-32600: this connection follows 2 threads.*unsubscribe"):
                await client.call(method, **params)
        await other.settle()
        assert len(other.log) == heard
        assert rollouts(tmp_path) == files
        assert len((await client.call("thread/loaded/list"))["data"]) == 2
        await client.call("thread/resume", threadId=first)  # it follows that one already
        await client.call("thread/unsubscribe", threadId=first)
        await client.call("thread/resume", threadId=stored.thread_id)
        await other.call("thread/resume", threadId=first)


async def test_requests_that_come_together_do_not_get_past_the_bound(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"max-subscriptions": "3"}) as server:
        client = await server.client()
        posts = [await client.post("thread/start", {"cwd": "/"}) for _ in range(10)]
        replies = [await client.reply(post) for post in posts]
        assert sum("result" in reply for reply in replies) == 3
        assert len((await client.call("thread/loaded/list"))["data"]) == 3


async def test_a_thread_that_cannot_be_had_takes_no_place(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"max-subscriptions": "1"}) as server:
        client = await server.client()
        for _ in range(3):
            with pytest.raises(Refused, match="no rollout found"):
                await client.call("thread/resume", threadId="01a2035d-d485-72a1-8205-6d2efa67a242")
        await threads(client, 1)


def raw_client(port: int) -> socket.socket:
    """A client that says what it has to and never reads again, as one whose network is gone."""
    vanished = socket.create_connection(("127.0.0.1", port))
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **UPGRADE}.items())
    vanished.sendall(f"GET / HTTP/1.1\r\n{head}\r\n".encode())
    extensions = {"threadcast/version": f"{VERSIONS[-1]}.0"}
    hello = {"clientInfo": {"name": "x", "version": "1"}, "capabilities": {"extensions": extensions}}
    for number, (method, params) in enumerate([("initialize", hello), ("thread/start", {"cwd": "/"})]):
        text = json.dumps({"id": number, "method": method, "params": params}).encode()
        vanished.sendall(b"\x81" + bytes((0x80 | 126,)) + len(text).to_bytes(2) + bytes(4) + text)
    return vanished


async def test_a_client_that_answers_no_ping_is_gone_and_so_is_all_that_it_followed(tmp_path: Path) -> None:
    flags: dict[str, str | None] = {"ping-interval": "0.2", "idle-unload-seconds": "0"}
    async with running(tmp_path, flags=flags) as server:
        watcher = await server.client()
        vanished = await asyncio.to_thread(raw_client, server.app.listener.port)
        told = await watcher.hear("thread/started")
        assert len(server.app.listener.reception.connections) == 2
        await watcher.hear("thread/closed", threadId=told["thread"]["id"])
        reception = server.app.listener.reception
        assert len(reception.connections) == len(server.app.subscriptions.everybody()) == 1
        assert server.app.subscriptions.total() == 0
        vanished.close()
        await watcher.settle()  # who answers stays


def test_files_are_asked_for_and_connections_are_as_many_as_there_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    assert open_files.room_for_connections(2000) == 2000
    assert limits[-1] == (2000 + open_files.RESERVED, 4096)
    assert open_files.room_for_connections(10_000) == 4096 - open_files.RESERVED
    assert open_files.room_for_connections(0) == 4096 - open_files.RESERVED
    before = list(limits)
    assert open_files.room_for_connections(10) == 10
    assert limits == before
