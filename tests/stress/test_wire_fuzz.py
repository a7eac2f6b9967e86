"""Fuzz of the wire: whatever up to three clients say, sense or not, the server goes on to answer and to keep order."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from protocol.methods import METHODS
from tests.stress.streams import answer_with, check_mirrors, eventually, numbered_pieces, serving
from tests.stress.wire import BINARY, CLOSE, PING, PONG, Closed, Message, Wire, frame, said, size_of
from tests.support.harness import Server

EXAMPLES = size_of("FUZZ_EXAMPLES", 60)
CLIENTS = 3
TOO_MUCH = 64 << 20
INTERNAL_ERROR = -32603
DEEP = 100_000

NOWHERE = "00000000-0000-7000-8000-000000000000"
HELLO = {"clientInfo": {"name": "fuzz", "version": "1"}, "capabilities": {"experimentalApi": True}}
NAMES = [method.name for method in METHODS]
THREAD = "the thread"
"""Stands for the id of a thread that is there."""

# -- what is said ------------------------------------------------------------------------------------------------------

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ids = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**63, -(2**63) - 1, 10**400, 1.5, None, True, [], {}, "", "x" * 50_000, "\ud800", "\0"]),
    st.text(max_size=8),
)
threads = st.sampled_from([THREAD, NOWHERE, "no id", ""])
texts = st.just([{"type": "text", "text": "go"}])
params = st.fixed_dictionaries(
    {},
    optional={
        "threadId": threads | junk,
        "turnId": st.text(max_size=5) | junk,
        "input": texts | junk,
        "limit": st.integers(-1, 2**40) | junk,
        "cursor": junk,
        "numTurns": st.integers(0, 3) | junk,
        "sinceSequence": st.fixed_dictionaries({"epoch": st.text(max_size=3), "number": st.integers()}) | junk,
        "excludeTurns": st.booleans() | junk,
        "name": st.text(max_size=5) | junk,
        "cwds": st.just(["/nowhere"]) | junk,
        "archived": st.booleans() | junk,
    },
)
useful = st.sampled_from(["thread/resume", "thread/unsubscribe", "thread/start", "turn/start", "turn/interrupt"])
methods = st.one_of(useful, useful, st.sampled_from(NAMES), st.text(max_size=12))
requests = st.fixed_dictionaries({"id": ids, "method": methods, "params": params | junk})
notices = st.fixed_dictionaries({"method": methods}, optional={"params": params | junk})
replies = st.fixed_dictionaries({"id": ids}, optional={"result": junk, "error": junk})
messages = st.one_of(requests, requests, notices, replies, junk)


def encoded(message: Any) -> bytes:
    """As JSON, lone surrogates as escapes."""
    return json.dumps(message).encode()


texts_frames = messages.map(lambda message: frame(encoded(message)))
other_frames = st.one_of(
    st.binary(max_size=40).map(lambda data: frame(data, BINARY)),
    st.binary(max_size=100).map(lambda data: frame(data, PING)),
    st.binary(max_size=100).map(lambda data: frame(data, PONG)),
    messages.map(lambda m: frame(encoded(m)[:3], fin=False) + frame(b"", PING) + frame(encoded(m)[3:], 0)),
    st.just(frame(b"[" * DEEP)),
    st.just(frame(b'{"id":1,"method":"thread/list","params":' + b'{"a":' * DEEP)),
    st.just(frame(b'{"id":1,"method":"thread/list","params":' + b"[" * DEEP + b"]" * DEEP + b"}")),
)
ending_frames = st.one_of(
    st.just(frame(b"\xff\xfe\xfd")),  # no UTF-8
    st.just(frame(b"", 0)),  # goes on with what was not begun
    st.just(frame(b"x", 3)),  # no such kind
    st.just(b"\x81\x01x"),  # without a mask
    st.just(b"\xf1\x81\0\0\0\0x"),  # with bits of extensions
    st.just(frame(b"x" * 126, PING)),  # too long a ping
    st.just(b"\x81\xff" + (TOO_MUCH + 1).to_bytes(8) + bytes(4)),
    st.just(frame(b"\x03\xe8", CLOSE)),
    st.just(frame(b"\x00\x01", CLOSE)),
    st.just(frame(b"\x03", CLOSE)),
)
says = st.one_of(
    st.tuples(st.just("says"), texts_frames),
    st.tuples(st.just("says"), texts_frames),
    st.tuples(st.just("says"), other_frames),
    st.tuples(st.just("ends"), ending_frames),
    st.tuples(st.just("breaks off"), texts_frames.map(lambda whole: whole[: len(whole) // 2 + 1])),
    st.tuples(st.just("vanishes"), st.just(b"")),
    st.tuples(st.just("waits"), st.just(b"")),
)
scripts = st.lists(st.tuples(st.integers(0, CLIENTS - 1), says), max_size=25)
Script = list[tuple[int, tuple[str, bytes]]]

# -- what must be true then --------------------------------------------------------------------------------------------


async def connect(server: Server) -> Wire:
    wire = await Wire.connect(server.url)
    await wire.upgrade()
    await wire.call("initialize", **HELLO)
    return wire


async def play(script: Script) -> None:
    """Let the clients say all this; one that ended its connection comes back as another."""
    with tempfile.TemporaryDirectory() as home:
        async with serving(Path(home), idle_unload_seconds=0.01) as server:
            answer_with(server, lambda _prompt: numbered_pieces(5))
            author = await connect(server)
            thread_id = (await author.call("thread/start", cwd="/"))["thread"]["id"]
            clients = [await connect(server) for _ in range(CLIENTS)]
            for number, (act, data) in script:
                clients[number] = await take_part(server, clients[number], act, named(data, thread_id))
                check_mirrors(server)
            for client in (*clients, author):
                check_answers([await probe(client), *client.log])
            for client in clients:
                client.abort()
            await eventually(lambda: len(server.app.subscriptions.everybody()) == 1)
            check_mirrors(server)


def named(data: bytes, thread_id: str) -> bytes:
    """The same with the id of the thread that is there; no id makes a frame longer than 125 bytes is cut here."""
    if THREAD.encode() not in data or data[1] & 0x7F == 127:
        return data
    begin = 6 if data[1] & 0x7F < 126 else 8
    return frame(data[begin:].replace(THREAD.encode(), thread_id.encode()))


async def take_part(server: Server, client: Wire, act: str, data: bytes) -> Wire:
    client.send(data)
    if act == "says":
        return client
    if act == "waits":
        await probe(client)
        return client
    if act == "ends":
        assert (await client.ended()).code is not None
    client.abort()
    return await connect(server)


async def probe(client: Wire) -> Message:
    """A request that must be answered."""
    client.send(said({"id": "probe", "method": "thread/loaded/list", "params": {}}))
    return await client.reply("probe")


def check_answers(heard: list[Message]) -> None:
    """Nothing that a client says is a fault of ours."""
    assert [message for message in heard if message.get("error", {}).get("code") == INTERNAL_ERROR] == []


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(script=scripts)
@example(script=[(number, ("says", frame(b"[" * DEEP))) for number in range(CLIENTS)])
def test_whatever_clients_say_the_server_answers_and_its_maps_stay_mirrors(script: Script) -> None:
    asyncio.run(play(script))


async def test_a_message_that_is_too_long_ends_the_connection_with_a_reason(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        wire = await connect(server)
        wire.send(b"\x81\xff" + (TOO_MUCH + 1).to_bytes(8) + bytes(4))
        closed = await wire.ended()
        assert closed.code == 1009
        assert str(TOO_MUCH) in closed.reason
        parted = await connect(server)
        half = b"x" * (TOO_MUCH // 2 + 1)
        parted.send(frame(half, fin=False))
        parted.send(frame(half, 0))
        assert (await parted.ended()).code == 1009


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (frame(b"\x81\x82", BINARY), "binary"),
        (frame(b'{"id":' + b"[" * DEEP + b"]" * DEEP + b',"method":"model/list"}'), "nested"),
        (frame(b'{"id":' + b"9" * 5000 + b',"method":"model/list"}'), "id|JSON"),
        (frame(b'{"id":9223372036854775808,"method":"model/list"}'), "64-bit"),
    ],
    ids=["binary", "deep", "an id of 5,000 digits", "an id of 65 bits"],
)
async def test_what_is_no_request_is_told_so_and_the_connection_stays(tmp_path: Path, sent: bytes, reason: str) -> None:
    async with serving(tmp_path) as server:
        wire = await connect(server)
        wire.send(sent)
        told = await wire.until(lambda message: "error" in message)
        assert told["id"] is None
        assert any(word in told["error"]["message"] for word in reason.split("|"))
        assert "result" in await probe(wire)


async def test_text_that_is_no_utf8_ends_the_connection_with_the_code_for_that(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        wire = await connect(server)
        wire.send(frame(b'{"id":1,"method":"\xff"}'))
        assert (await wire.ended()).code == 1007


async def test_an_end_in_the_middle_of_a_frame_is_an_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        wire = await connect(server)
        wire.send(said({"id": 1, "method": "model/list", "params": {}})[:-3])
        await wire.drain()
        wire.abort()
        await eventually(lambda: not server.app.subscriptions.everybody())
        with pytest.raises(Closed):
            await wire.hear()
