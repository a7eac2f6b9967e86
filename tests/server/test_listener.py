"""The door: health, plain HTTP, origins, credentials, limits. Spoken to as a browser, a probe or a script would."""

import asyncio
import hashlib
import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.errors import TRY_AGAIN_LATER
from server import websocket
from server.errors import ConfigError
from server.websocket import MAX_MESSAGE, WebSocketDoor
from tests.support.harness import PATIENCE, Server, running
from tests.support.pages import UPGRADE, Reply, ask, exchange

TOKEN = "correct horse battery staple"
GUARDED: dict[str, str | None] = {
    "ws-auth": "capability-token",
    "ws-token-sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
}


@pytest.mark.parametrize("target", ["/healthz", "/readyz", "/healthz?x=1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_healthy_server_says_so_to_anybody(tmp_path: Path, target: str, method: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        reply = await ask(server, method, target)
        assert (reply.status, reply.body) == (200, "")
        assert reply.headers["content-length"] == "0"


async def test_an_upgrade_of_a_health_address_is_just_a_health_check(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        reply = await ask(server, "GET", "/healthz", **UPGRADE)
        assert (reply.status, reply.body) == (200, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_verbs_are_not_allowed(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as server:
        health = await ask(server, method, "/readyz")
        assert (health.status, health.headers["allow"], health.body) == (405, "GET,HEAD", "")
        page = await ask(server, method, "/")
        assert (page.status, page.headers["allow"], page.body) == (405, "GET,HEAD", "")
        elsewhere = await ask(server, method, "/elsewhere")
        assert (elsewhere.status, elsewhere.headers["allow"]) == (405, "GET")


async def test_a_request_with_a_body_is_turned_away(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        answer = await exchange(server, b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        assert answer == b"" or Reply(answer).status in (400, 405)
        assert (await ask(server, "GET", "/healthz")).status == 200


async def test_a_server_without_its_sessions_folder_is_alive_but_not_ready(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        shutil.rmtree(tmp_path / "sessions")
        assert (await ask(server, "GET", "/healthz")).status == 200
        reply = await ask(server, "GET", "/readyz")
        assert (reply.status, reply.body) == (503, "the sessions folder cannot be read and written\n")
        head = await ask(server, "HEAD", "/readyz")
        assert (head.status, head.body) == (503, "")
        (tmp_path / "sessions").write_text("in the way")
        assert (await ask(server, "GET", "/readyz")).status == 503
        (tmp_path / "sessions").unlink()
        (tmp_path / "sessions").mkdir()
        assert (await ask(server, "GET", "/readyz")).status == 200


async def test_a_server_that_may_not_write_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as server:
        assert (await ask(server, "GET", "/readyz")).status == 200
        # What the operating system says to anyone but root, to whom it never says no.
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
        assert (await ask(server, "GET", "/readyz")).status == 503


@pytest.mark.parametrize("target", ["/anything", "/index.html"])
async def test_a_plain_get_is_told_what_is_spoken_here_even_without_credentials(tmp_path: Path, target: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        reply = await ask(server, "GET", target)
        assert reply.status == 400
        assert "WebSocket" in reply.body


@pytest.mark.parametrize("without", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Connection"])
async def test_half_an_upgrade_is_refused(tmp_path: Path, without: str) -> None:
    async with running(tmp_path) as server:
        headers = {name: value for name, value in UPGRADE.items() if name != without}
        assert (await ask(server, "GET", "/", **headers)).status in (400, 426)
        assert (await ask(server, "GET", "/healthz")).status == 200


@pytest.mark.parametrize(
    "raw", [b"\r\n\r\n", b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9\r\n\r\n", b""]
)
async def test_what_is_no_http_at_all_harms_nobody(tmp_path: Path, raw: bytes) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.app.listener.port)
            writer.write(raw)
            writer.write_eof()
            await reader.read()
            writer.close()
        await client.settle()


@pytest.mark.parametrize("origin", ["http://localhost:1", "https://evil.example", "null", ""])
async def test_a_request_from_a_page_of_somebody_else_is_forbidden_everywhere(tmp_path: Path, origin: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        for target in ("/healthz", "/readyz", "/"):
            reply = await ask(server, "GET", target, Origin=origin)
            assert (reply.status, reply.body) == (403, ""), target
        upgrade = await ask(server, "GET", "/", **UPGRADE, Origin=origin, Authorization=f"Bearer {TOKEN}")
        assert upgrade.status == 403


@pytest.mark.parametrize("path", ["", "/", "/any/path?x=1"])
async def test_any_path_upgrades(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as server, connect(server.url + path) as socket:
        assert await socket.ping()


REFUSED = [
    (None, "missing websocket bearer token"),
    ("", "invalid authorization header"),
    ("Bearer", "invalid authorization header"),
    (TOKEN, "invalid authorization header"),
    (f"Basic {TOKEN}", "invalid authorization header"),
    ("Bearer wrong", "invalid websocket bearer token"),
    (f"Bearer {TOKEN}x", "invalid websocket bearer token"),
]


@pytest.mark.parametrize(("header", "reason"), REFUSED)
async def test_who_has_not_the_token_is_told_what_is_missing(tmp_path: Path, header: str | None, reason: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        headers = UPGRADE if header is None else UPGRADE | {"Authorization": header}
        reply = await ask(server, "GET", "/", **headers)
        assert (reply.status, reply.body) == (401, reason)
        assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens_the_door_whatever_the_case_of_the_scheme(tmp_path: Path, scheme: str) -> None:
    async with running(tmp_path, flags=GUARDED) as server:
        client = await server.client(additional_headers={"Authorization": f"{scheme} {TOKEN}"})
        await client.settle()
        with pytest.raises(InvalidStatus) as caught:
            await server.connect()
        assert caught.value.response.status_code == 401


async def test_the_token_of_a_file_opens_the_door(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    flags: dict[str, str | None] = {"ws-auth": "capability-token", "ws-token-file": str(tmp_path / "token")}
    async with running(tmp_path / "home", flags=flags) as server:
        client = await server.client(additional_headers={"Authorization": f"Bearer {TOKEN}"})
        await client.settle()


async def test_a_token_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    flags: dict[str, str | None] = {"ws-auth": "capability-token", "ws-token-file": str(tmp_path / "none")}
    with pytest.raises(ConfigError, match="failed to read websocket auth secret"):
        async with running(tmp_path / "home", flags=flags):
            pass


async def test_a_message_up_to_the_limit_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.send_text("x" * (17 << 20))
        answer = await client.reply(None)
        assert answer["error"]["code"] == -32600
        await client.settle()


async def test_a_message_over_the_limit_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        greedy, other = await server.client(), await server.client()
        # Only the head of a frame that would be too large: nobody has to send 64 MiB to show it.
        greedy.socket.transport.write(struct.pack("!BBQ4s", 0x81, 0x80 | 127, MAX_MESSAGE + 1, b"mask"))
        code, reason = await greedy.closed()
        assert code == 1009
        assert reason is not None
        await other.settle()


async def test_broken_framing_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        broken, other = await server.client(), await server.client()
        broken.socket.transport.write(b"\x81\x05hello")  # a client must mask
        assert (await broken.closed())[0] == 1002
        await other.settle()


async def test_text_that_is_no_utf8_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        broken, other = await server.client(), await server.client()
        broken.socket.transport.write(struct.pack("!BB4s2s", 0x81, 0x80 | 2, b"\0\0\0\0", b"\xff\xfe"))
        assert (await broken.closed())[0] == 1007
        await other.settle()


async def test_the_server_keeps_quiet_connections_alive_with_pings(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"ping-interval": "0.05"}) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.app.listener.port)
        lines = ["GET / HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in UPGRADE.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b"\r\n\r\n")
            opcode, length = await reader.readexactly(2)
            assert opcode == 0x89  # a ping
            await reader.readexactly(length)
            rest = await reader.read()  # this client never answers, so the server gives it up
        assert rest
        writer.close()


async def test_a_client_that_answers_pings_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, flags={"ping-interval": "0.02"}) as server:
        client = await server.client()
        (door,) = server.app.listener._doors
        assert isinstance(door, WebSocketDoor)
        assert door._server is not None
        (socket,) = door._server.connections
        async with asyncio.timeout(PATIENCE):
            while not socket.latency:  # known once a ping was answered
                await client.settle()
        assert client.socket.close_code is None


async def test_compression_is_not_negotiated(tmp_path: Path) -> None:
    async with running(tmp_path) as server, connect(server.url, compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_the_closing_handshake_is_completed(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.socket.close(4001, "bye")
        assert await client.closed() == (4001, "bye")


async def stalled(server: Server) -> ClientConnection:
    """A client that read nothing after its handshake, and that the server has given up."""
    lazy = await connect(server.url, compression=None, max_size=None, max_queue=1)
    hello = {"clientInfo": {"name": "lazy", "version": "1"}}
    await lazy.send(json.dumps({"id": 1, "method": "initialize", "params": hello}))
    await lazy.recv()
    author = await server.client()
    started = await author.call("thread/start")
    for number in range(30):
        await author.call("thread/name/set", threadId=started["thread"]["id"], name=f"{number}" * 1_000_000)
    return lazy


async def read_all(client: ClientConnection) -> None:
    """Raises ConnectionClosed in the end."""
    while True:
        await client.recv()


async def test_a_client_that_was_too_slow_can_read_later_why_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0.01)
    async with asyncio.timeout(PATIENCE), running(tmp_path, flags={"outbox-limit": "1000000"}) as server:
        lazy = await stalled(server)
        other, clock = await server.client(), asyncio.get_running_loop().time
        begun = clock()
        while clock() < begun + 20 * websocket.CLOSE_TIMEOUT:
            await other.settle()
        with pytest.raises(ConnectionClosed):
            await read_all(lazy)
        assert lazy.close_code == TRY_AGAIN_LATER
        assert "reconnect" in str(lazy.close_reason)


async def test_a_server_that_stops_does_not_wait_for_a_client_that_was_too_slow(tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        async with running(tmp_path, flags={"outbox-limit": "1000000"}) as server:
            lazy = await stalled(server)
        lazy.transport.abort()
