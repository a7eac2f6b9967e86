"""A socket in the file system: who may use it, both ways in which clients begin to speak, whose file it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect

from server.config import Config
from server.listen import SOCKET_IN_HOME
from tests.server.test_cli import run, serving
from tests.server.test_stdio import spawned
from tests.support.harness import PATIENCE, Client, running

HELLO = {"clientInfo": {"name": "test", "version": "1.0"}}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder whose name leaves room in the 107 bytes that the path of a socket may have."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def flags(*urls: str) -> dict[str, str | None]:
    return {"listen": ",".join(urls)}


async def upgraded(path: Path) -> Client:
    """A client that asks for an upgrade first, after its handshake."""
    client = Client(await unix_connect(str(path), compression=None))
    await client.call("initialize", **HELLO)
    client.log.clear()
    return client


class Plain:
    """A client that begins with frames at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, path: Path) -> Plain:
        return cls(*await asyncio.open_unix_connection(str(path)))

    def frame(self, first: int, payload: bytes) -> None:
        """Send one masked frame; the mask is zero."""
        self.writer.write(struct.pack("!BBH4s", first, 0x80 | 126, len(payload), bytes(4)) + payload)

    def say(self, message: object) -> None:
        self.frame(0x81, json.dumps(message).encode())

    async def hear(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame."""
        async with asyncio.timeout(PATIENCE):
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
            return first, await self.reader.readexactly(size)

    async def call(self, method: str, **params: object) -> dict[str, object]:
        self.say({"id": 1, "method": method, "params": params})
        while "id" not in (message := json.loads((await self.hear())[1])):
            pass
        result: dict[str, object] = message["result"]
        return result

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_clients_with_and_without_an_upgrade_and_over_tcp_share_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "sockets" / "s"
    async with running(tmp_path / "home", flags=flags("ws://127.0.0.1:0", f"unix://{path}")) as server:
        over_tcp, plain, asking = await server.client(), await Plain.connect(path), await upgraded(path)
        thread = (await over_tcp.call("thread/start", cwd="/"))["thread"]["id"]
        await plain.call("initialize", **HELLO)
        await plain.call("thread/resume", threadId=thread)
        await asking.call("thread/resume", threadId=thread)
        turn = await over_tcp.run_turn(thread, "Hello")
        assert (await asking.hear("turn/completed"))["turn"]["id"] == turn["id"]
        while json.loads((await plain.hear())[1]).get("method") != "turn/completed":
            pass
        await plain.close()
        await asking.close()


async def test_a_client_that_started_the_server_shares_its_thread_with_who_joins(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with spawned(
        tmp_path, "app-server", "--listen", "stdio://", "--stdio", "--listen", f"unix://{path}"
    ) as server:
        thread = await server.thread()
        joining = await upgraded(path)
        await joining.call("thread/resume", threadId=thread)
        turn_id = await server.turn(thread, "Hello")
        assert (await joining.hear("turn/completed"))["turn"]["id"] == turn_id
        mine = await joining.start_turn(thread, "Hello yourself")
        while (await server.hear("turn/completed"))["turn"]["id"] != mine:
            pass
        server.input.write_eof()
        assert (await joining.closed())[0] == 1001
        assert (await server.ended())[0] == 0
    assert not path.exists()


async def test_a_client_without_an_upgrade_may_ping_send_in_pieces_and_close(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        plain = await Plain.connect(path)
        text = json.dumps({"id": 1, "method": "initialize", "params": HELLO}).encode()
        plain.frame(0x01, text[:10])
        plain.frame(0x89, b"ping")
        plain.frame(0x80, text[10:])
        heard = dict([await plain.hear(), await plain.hear()])
        assert heard[0x8A] == b"ping"
        assert json.loads(heard[0x81])["id"] == 1
        plain.frame(0x88, struct.pack("!H", 1000))
        assert await plain.hear() == (0x88, struct.pack("!H", 1000))
        assert await plain.reader.read() == b""
        await plain.close()


@pytest.mark.parametrize("raw", [b'{"id":1}\n', b"\x00", b"\xff\xff", b"GARBAGE\r\n\r\n", b"\x81\x05hello", b""])
async def test_garbage_ends_its_connection_and_no_other(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "s"
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        client, broken = await upgraded(path), await Plain.connect(path)
        broken.writer.write(raw)
        broken.writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            await broken.reader.read()
        await client.settle()
        await broken.close()
        await client.close()


async def test_a_client_without_an_upgrade_is_told_when_the_server_ends(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        plain = await Plain.connect(path)
        await plain.call("initialize", **HELLO)
        waiting = asyncio.create_task(plain.hear())
        await asyncio.sleep(0)
    first, payload = await waiting  # its answer to the close frame is not waited for longer than a moment
    assert (first, payload[:2]) == (0x88, struct.pack("!H", 1001))
    await plain.close()


async def test_the_socket_and_its_folder_are_private_and_it_is_removed_in_the_end(tmp_path: Path) -> None:
    async with running(tmp_path / "home", flags=flags("unix://")) as server:
        path = server.home / SOCKET_IN_HOME
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        await (await upgraded(path)).close()
    assert not path.exists()


async def test_the_token_of_the_address_is_not_asked_for_where_the_file_is_private(tmp_path: Path) -> None:
    guarded = {"ws-auth": "capability-token", "ws-token-sha256": "0" * 64} | flags(f"unix://{tmp_path / 's'}")
    async with running(tmp_path / "home", flags=guarded):
        await (await upgraded(tmp_path / "s")).close()


async def test_a_server_that_lives_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with running(tmp_path / "one", flags=flags(f"unix://{path}")):
        ran = await asyncio.to_thread(run, ["serve", "--listen", f"unix://{path}"], tmp_path / "two")
        assert ran.returncode == 1
        assert f"another server already listens here: '{path}'" in ran.stderr
        await (await upgraded(path)).close()


async def test_what_a_killed_server_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with serving(tmp_path / "home", "--listen", f"unix://{path}") as server:
        server.process.send_signal(signal.SIGKILL)
        await server.ended()
    assert path.is_socket()
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        await (await upgraded(path)).close()


async def test_a_link_that_leads_nowhere_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.symlink_to(tmp_path / "gone")
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        assert path.is_socket()
        assert not path.is_symlink()


async def refused(home: Path, path: Path) -> str:
    """What a server says that cannot listen at this path."""
    with pytest.raises(OSError, match=r"socket|too long") as caught:
        async with running(home, flags=flags("ws://127.0.0.1:0", f"unix://{path}")):
            pass
    assert caught.value.filename in (str(path), str(path.parent))
    return str(caught.value)


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for path in (tmp_path / "file", tmp_path / "link", tmp_path / "home"):
        assert "this is no socket" in await refused(tmp_path / "home", path)
    assert (tmp_path / "link").read_text() == "mine"


async def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    assert "too long" in await refused(tmp_path / "home", tmp_path / ("x" * 108))


async def test_a_folder_in_which_others_could_replace_the_socket_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert "others may write" in await refused(tmp_path / "home", shared / "s")
    shared.chmod(0o1777)
    async with running(tmp_path / "home", flags=flags(f"unix://{shared / 's'}")):
        pass


async def test_a_file_that_came_in_its_place_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with running(tmp_path / "home", flags=flags(f"unix://{path}")):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.is_socket()


async def test_of_many_servers_that_start_at_once_one_gets_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listen = ["serve", "--drain-seconds", "0", "--listen", f"unix://{path}"]
    async with serving(tmp_path / "home", *listen[1:]):
        tried = [asyncio.to_thread(run, listen, tmp_path / f"home{number}") for number in range(3)]
        assert [ran.returncode for ran in await asyncio.gather(*tried)] == [1, 1, 1]


def test_nothing_but_its_addresses_is_in_a_configuration(tmp_path: Path) -> None:
    config = Config.load({"codex-home": str(tmp_path), **flags("unix://")}, {})
    assert repr(config) == f"Config(codex_home='{tmp_path}', listen=['unix://{tmp_path / SOCKET_IN_HOME}'])"
    assert os.listdir(tmp_path) == []
