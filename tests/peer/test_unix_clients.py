"""Released programs at our socket in the file system: the newest TUI, which asks for an upgrade, and the proxies."""

from __future__ import annotations

import asyncio
import json
import shlex
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.listen import SOCKET_IN_HOME
from tests.peer.tmux import HEIGHT, WIDTH, Terminal, terminals
from tests.support import codex
from tests.support.app_server import ours, serving
from tests.support.harness import PATIENCE
from tests.support.model import ModelServer

HELLO = {"id": 1, "method": "initialize", "params": {"clientInfo": {"name": "test", "version": "1.0"}}}
UPGRADE = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
UPGRADE += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


@pytest.fixture
def home() -> Iterator[Path]:
    """A CODEX_HOME whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.codex(codex.NEWEST)
@pytest.mark.parametrize("named", [True, False])
async def test_the_newest_tui_chats_over_the_socket(home: Path, tmp_path: Path, named: bool) -> None:
    mine, project = tmp_path / "mine", tmp_path / "project"
    project.mkdir()
    path = home / "s" if named else home / SOCKET_IN_HOME
    address = f"unix://{path}" if named else "unix://"
    async with ModelServer() as model:
        codex.write_config(home, model.url)
        codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=project)
        async with (
            serving([*ours(), "--listen", address], home),
            terminals(mine if named else home, project) as tmux,
        ):
            command = shlex.join([codex.binary(codex.NEWEST), "--remote", address])
            size = ("-x", str(WIDTH), "-y", str(HEIGHT))
            await tmux.run("new-session", "-d", "-s", "new", *size, "-c", str(project), command)
            terminal = Terminal(tmux, "new")
            await terminal.sees("test-model")
            await terminal.say("good morning")
            await terminal.sees("Noted: GOOD MORNING")


@pytest.mark.codex(codex.REFERENCE, codex.NEWEST)
@pytest.mark.parametrize("version", [codex.REFERENCE, codex.NEWEST])
@pytest.mark.parametrize("upgrade", [b"", UPGRADE])
async def test_a_released_proxy_finds_the_socket_and_passes_frames(home: Path, version: str, upgrade: bytes) -> None:
    text = json.dumps(HELLO).encode()
    pipe = asyncio.subprocess.PIPE
    async with serving([*ours(), "--listen", "unix://"], home) as server:
        process = await asyncio.create_subprocess_exec(
            *(codex.binary(version), "app-server", "proxy"),
            env={"CODEX_HOME": str(server.home), "HOME": str(home)},
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(upgrade + struct.pack("!BBH4s", 0x81, 0x80 | 126, len(text), bytes(4)) + text)
        async with asyncio.timeout(PATIENCE):
            if upgrade:
                assert b" 101 " in (await process.stdout.readuntil(b"\r\n\r\n"))
            head = await process.stdout.readexactly(4)
            answer = await process.stdout.readexactly(int.from_bytes(head[2:]))
        process.kill()
        await process.communicate()
    assert (head[:2], json.loads(answer)["id"]) == (b"\x81\x7e", 1)
