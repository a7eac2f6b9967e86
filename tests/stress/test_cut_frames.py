"""Cut frames: whatever pieces the network makes of a client's bytes, the answers are the same."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from tests.stress.streams import eventually, serving
from tests.stress.wire import CLOSE, PING, PONG, TEXT, UPGRADE, Wire, frame, said
from tests.support.harness import Server

CONTINUATION = 0
MASK = bytes.fromhex("a1b2c3d4")
NOWHERE = "00000000-0000-7000-8000-000000000000"

HELLO = said(
    {"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "cut", "version": "1"}, "capabilities": {}}}
)
LONG = json.dumps({"id": 3, "method": "model/list", "params": {"padding": "é" * 120}}, ensure_ascii=False).encode()
PARTED = json.dumps({"id": "vier-€", "method": "no/such-é", "params": {}}, ensure_ascii=False).encode()
WORDS = b"".join(
    (
        said({"id": 1, "method": "thread/loaded/list", "params": {}}),
        said({"method": "initialized"}),
        frame(json.dumps({"id": 2, "method": "thread/read", "params": {"threadId": NOWHERE}}).encode(), mask=MASK),
        frame(b"one", PING, mask=MASK),
        frame(LONG, mask=MASK),
        frame(PARTED[:12], fin=False, mask=MASK),
        frame(b"two", PING),
        frame(PARTED[12:15], CONTINUATION, fin=False),
        frame(b"", CONTINUATION, fin=False),
        frame(PARTED[15:], CONTINUATION, mask=MASK),
        frame(b"not JSON"),
        frame(b"three", PING),
    )
)
"""Several requests, one masked, one long, one in fragments with a ping between them; and what is none."""

ANSWERS = 8


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose name leaves room in the 107 bytes that the path of a socket may have."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


class Taken:
    """How many bytes the server has read off the connections of clients, and in how many pieces."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.size = self.pieces = 0
        received = ServerConnection.data_received

        def counted(connection: ServerConnection, data: bytes) -> None:
            received(connection, data)
            self.size += len(data)
            self.pieces += 1

        monkeypatch.setattr(ServerConnection, "data_received", counted)

    async def send(self, wire: Wire, *parts: bytes) -> None:
        """Send each part only when the server has taken the one before it."""
        for part in parts:
            wanted = self.size + len(part)
            wire.send(part)
            await eventually(lambda wanted=wanted: self.size >= wanted)  # type: ignore[misc]


async def heard(wire: Wire, count: int = ANSWERS) -> list[str]:
    """So many answers and pongs, in an order of our own: requests that need not wait for each other do not."""
    found: list[str] = []
    while len(found) < count:
        opcode, payload = await wire.hear_frame()
        assert opcode in (TEXT, PONG)
        if opcode == PONG or "method" not in json.loads(payload):
            found.append(f"{opcode} {payload.decode()}")
    return sorted(found)


def door(server: Server, home: Path, kind: str) -> str | Path:
    return server.url if kind == "tcp" else home / "s"


def opening(kind: str) -> bytes:
    """What comes before the first frame."""
    return b"" if kind == "plain" else UPGRADE


async def opened(server: Server, home: Path, kind: str) -> Wire:
    """A connection that has said hello."""
    wire = await Wire.connect(door(server, home, kind))
    if kind != "plain":
        await wire.upgrade()
    wire.send(HELLO)
    await heard(wire, 1)
    return wire


KINDS = pytest.mark.parametrize("kind", ["tcp", "unix", "plain"])
LISTEN = "ws://127.0.0.1:0,unix://{home}/s"


@KINDS
async def test_frames_cut_in_two_at_every_byte_are_answered_alike(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with serving(home, listen=LISTEN.format(home=home)) as server:
        wire = await opened(server, home, kind)
        taken = Taken(monkeypatch)
        await taken.send(wire, WORDS)
        expected = await heard(wire)
        assert len({each.split(",")[0] for each in expected}) == ANSWERS
        for cut in range(1, len(WORDS)):
            await taken.send(wire, WORDS[:cut], WORDS[cut:])
            assert await heard(wire) == expected, f"cut at byte {cut}"
        assert taken.pieces >= 2 * (len(WORDS) - 1)


@KINDS
async def test_frames_that_come_byte_by_byte_are_answered_alike(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with serving(home, listen=LISTEN.format(home=home)) as server:
        wire = await opened(server, home, kind)
        taken = Taken(monkeypatch)
        await taken.send(wire, WORDS)
        expected = await heard(wire)
        await taken.send(wire, *(WORDS[at : at + 1] for at in range(len(WORDS))))
        assert await heard(wire) == expected


@KINDS
async def test_a_connection_whose_first_words_are_cut_at_any_byte_begins_alike(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    begin = opening(kind) + HELLO
    async with serving(home, listen=LISTEN.format(home=home)) as server:
        taken = Taken(monkeypatch)
        answers = set[str]()
        for cut in range(1, len(begin)):
            wire = await Wire.connect(door(server, home, kind))
            await taken.send(wire, begin[:cut], begin[cut:])
            if kind != "plain":
                await wire.upgraded()
            answers.update(await heard(wire, 1))
            wire.abort()
        assert len(answers) == 1


@KINDS
async def test_a_close_that_is_cut_is_answered_as_well(home: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    close = frame((1000).to_bytes(2) + b"done", CLOSE, mask=MASK)
    async with serving(home, listen=LISTEN.format(home=home)) as server:
        taken = Taken(monkeypatch)
        for cut in range(1, len(close)):
            wire = await opened(server, home, kind)
            await taken.send(wire, close[:cut], close[cut:])
            assert (await wire.ended()).code == 1000
            wire.abort()
        await eventually(lambda: not server.app.subscriptions.everybody())
        async with asyncio.timeout(10):
            assert "result" in await (wire := await opened(server, home, kind)).reply(wire.post("model/list"))
