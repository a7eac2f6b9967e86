"""A real server that is told to end: what it still does, what it refuses, and that every rollout is whole then."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rollout.doctor import examine
from tests.server.test_cli import BRIEF, SLOW, Process, in_mid_turn, lines_of, serving
from tests.server.test_unix_socket import Plain
from tests.support.harness import PATIENCE, Client, Message


async def get(server: Process, path: str) -> tuple[int, str]:
    """Status and text."""
    async with aiohttp.ClientSession() as client, client.get(server.url.replace("ws:", "http:") + path) as answer:
        return answer.status, await answer.text()


async def answer(client: Client, method: str, **params: Any) -> Message:
    return await client.reply(await client.post(method, params))


def text(said: str) -> list[Message]:
    return [{"type": "text", "text": said}]


def complaints(home: Path) -> list[str]:
    """What is wrong with any rollout there, in the eyes of the doctor."""
    paths = list(home.rglob("rollout-*.jsonl"))
    assert paths
    found: list[str] = []
    for path in paths:
        with path.open("rb") as lines:
            found += [finding.text for finding in examine(lines, path).findings]
    return found


async def test_while_turns_end_those_who_are_here_are_served_and_nobody_else_comes_in(tmp_path: Path) -> None:
    async with serving(tmp_path, "--drain-seconds", "3600") as server:
        client, other = await server.client(), await server.client()
        thread, turn = await in_mid_turn(server, client, SLOW)
        idle: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        assert (await get(server, "/readyz"))[0] == 200
        server.process.terminate()
        await server.line("draining")
        assert await get(server, "/readyz") == (503, "the server is shutting down\n")
        assert (await get(server, "/healthz"))[0] == 200
        assert "\nthreadcast_draining 1.0\n" in (await get(server, "/metrics"))[1]
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"]
        assert b"shutting down" in (refused.value.response.body or b"")

        joined = await answer(other, "thread/resume", threadId=thread)
        assert joined["result"]["thread"]["status"]["type"] == "active"
        await other.hear("item/agentMessage/delta")
        late = await answer(other, "turn/start", threadId=idle, input=text("Too late"), model="gpt-5.4")
        assert late["error"]["code"] == -32600
        assert "shutting down" in late["error"]["message"]
        assert "send the input again" in late["error"]["message"]
        assert other.heard("thread/settings/updated") == []
        steered = await answer(other, "turn/steer", threadId=thread, expectedTurnId=turn, input=text("More"))
        assert steered["result"] == {"turnId": turn}
        server.process.terminate()
        assert await client.closed() == await other.closed() == (1001, "the server is shutting down")
        assert await server.ended() == 0
    assert complaints(tmp_path) == []


async def test_input_that_was_taken_in_is_known_while_the_server_goes_down_and_to_the_next_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        client = await server.client()
        thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        asked = {"threadId": thread, "input": text(BRIEF), "clientUserMessageId": "id-1"}
        turn = (await answer(client, "turn/start", **asked))["result"]["turn"]["id"]
        await client.hear("item/agentMessage/delta")
        server.process.terminate()
        await server.line("draining")
        assert (await answer(client, "turn/start", **asked))["result"]["turn"]["id"] == turn
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        assert (await client.closed())[0] == 1001
        assert await server.ended() == 0
    async with serving(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        again = (await answer(client, "turn/start", **asked))["result"]["turn"]
        assert (again["id"], again["status"]) == (turn, "completed")
    assert json.dumps(lines_of(tmp_path)).count('"type": "task_started"') == 1


async def test_a_client_without_an_upgrade_is_turned_away_with_a_close_frame(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as short:  # the name of a socket may have 107 bytes
        await turn_away(tmp_path, Path(short) / "s")


async def turn_away(home: Path, path: Path) -> None:
    listen = ("--listen", "ws://127.0.0.1:0", "--listen", f"unix://{path}")
    async with serving(home, "--drain-seconds", "3600", *listen) as server:
        client = await server.client()
        await in_mid_turn(server, client, SLOW)
        server.process.terminate()
        await server.line("draining")
        late = await Plain.connect(path)
        late.frame(0x81, b'{"id":1,"method":"initialize","params":{}}')
        async with asyncio.timeout(PATIENCE):
            first, size = await late.reader.readexactly(2)
            said = await late.reader.readexactly(size)
        assert (first, int.from_bytes(said[:2])) == (0x88, 1001)
        assert b"shutting down" in said
        late.writer.close()


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]]
)
async def test_however_it_is_ended_under_load_every_rollout_is_whole(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    async with serving(tmp_path, "--drain-seconds", "1") as server:
        clients = [await server.client() for _ in range(4)]
        threads = [await in_mid_turn(server, client, SLOW if at % 2 else BRIEF) for at, client in enumerate(clients)]
        for client, (thread, turn) in zip(clients, threads, strict=True):
            await client.post("turn/steer", threadId=thread, expectedTurnId=turn, input=text("More"))
            await client.post("thread/name/set", threadId=thread, name="Named while it ends")
            await client.post("thread/fork", threadId=thread)
        for number in signals:
            server.process.send_signal(number)
            if number is not signals[-1]:
                await server.line("draining")
        for client in clients:
            assert (await client.closed())[0] == 1001
        assert await server.ended() == 0
        for client in clients:
            assert {told["turn"]["status"] for told in client.heard("turn/completed")} <= {"completed", "interrupted"}
    assert complaints(tmp_path) == []
