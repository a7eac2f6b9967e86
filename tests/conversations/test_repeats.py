"""Input that is sent again under the same id, for nobody knows whether it arrived: the thread has it once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import PATIENCE, Client, Message, Refused, Server, running
from tests.support.rollouts import RolloutBuilder, usage_info

FORMS = ["legacy", "paginated"]


async def start(client: Client, thread: str, name: str | None, text: str = "Hello", **more: Any) -> Message:
    """The turn that has the input of this id."""
    content = [{"type": "text", "text": text}]
    asked = {"threadId": thread, "input": content, "clientUserMessageId": name}
    turn: Message = (await client.call("turn/start", **asked, **more))["turn"]
    return turn


async def steer(client: Client, thread: str, turn: str, name: str, text: str = "More") -> str:
    content = [{"type": "text", "text": text}]
    asked = {"threadId": thread, "expectedTurnId": turn, "input": content, "clientUserMessageId": name}
    turn_id: str = (await client.call("turn/steer", **asked))["turnId"]
    return turn_id


async def run(client: Client, thread: str, name: str, text: str = "Hello") -> str:
    """A turn from its begin to its end."""
    turn: str = (await start(client, thread, name, text))["id"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
    return turn


async def new_thread(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


async def said(client: Client, thread: str) -> list[str]:
    """What the user said in the thread, as it is kept."""
    turns = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
    items = [item for turn in turns for item in turn["items"]]
    return [item["content"][0]["text"] for item in items if item["type"] == "userMessage"]


def answers(count: int) -> list[Response]:
    return [[message(f"answer {number}", id=f"msg-{number}"), completed()] for number in range(count)]


async def reached(gate: Gate) -> None:
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()


async def test_input_that_comes_again_names_its_turn_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, *answers(2)) as server:
        client, other = await server.client(), await server.client()
        thread = await new_thread(client)
        turn = await run(client, thread, "id-1")
        await other.call("thread/resume", threadId=thread)
        await client.settle()
        before = len(client.log)
        again = await start(other, thread, "id-1", model="gpt-5.4", effort="high")
        assert (again["id"], again["status"], again["items"]) == (turn, "completed", [])
        await client.settle()
        assert client.methods(before) == []
        assert (await other.call("thread/resume", threadId=thread))["model"] == "test-model"
        assert await said(client, thread) == ["Hello"]
        assert await run(client, thread, "id-2", "Hello") != turn
        assert len(server.provider.requests) == 2


async def test_input_without_an_id_is_new_each_time(tmp_path: Path) -> None:
    async with running(tmp_path, *answers(3)) as server:
        client = await server.client()
        thread = await new_thread(client)
        for name in (None, None, ""):
            await start(client, thread, name)
            await client.hear("turn/completed")
        assert await said(client, thread) == ["Hello"] * 3


async def test_two_of_one_id_at_the_same_moment_make_one_turn(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("one"), completed()]) as server:
        clients = [await server.client() for _ in range(2)]
        thread = await new_thread(clients[0])
        await clients[1].call("thread/resume", threadId=thread)
        turns = await asyncio.gather(*(start(client, thread, "id-1") for client in clients * 3))
        assert len({turn["id"] for turn in turns}) == 1
        assert {turn["status"] for turn in turns} == {"inProgress"}
        gate.open()
        await clients[0].hear("turn/completed")
        assert await said(clients[0], thread) == ["Hello"]
        assert len(clients[0].heard("turn/started")) == len(server.provider.requests) == 1


async def test_steered_input_is_known_while_it_waits_and_after_it_was_taken_in(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("one"), completed()], *answers(1)) as server:
        client = await server.client()
        thread = await new_thread(client)
        turn = (await start(client, thread, "id-1"))["id"]
        await reached(gate)
        for _ in range(2):
            assert await steer(client, thread, turn, "id-2") == turn
            assert (await start(client, thread, "id-2", "More"))["id"] == turn
            assert await steer(client, thread, turn, "id-1", "Hello") == turn
        gate.open()
        await client.hear("turn/completed")
        assert await steer(client, thread, turn, "id-2") == turn
        assert (await start(client, thread, "id-2", "More"))["status"] == "completed"
        assert await said(client, thread) == ["Hello", "More"]
        with pytest.raises(Refused, match="no active turn to steer"):
            await steer(client, thread, turn, "id-3")


async def test_what_an_interrupted_turn_discarded_may_be_said_again_and_what_it_began_with_not(tmp_path: Path) -> None:
    async with running(tmp_path, [message(deltas=["a", Gate()])], *answers(1)) as server:
        client = await server.client()
        thread = await new_thread(client)
        turn = (await start(client, thread, "id-1"))["id"]
        await client.hear("item/agentMessage/delta")
        await steer(client, thread, turn, "id-2")
        stop = await client.post("turn/interrupt", threadId=thread, turnId=turn)
        content = [{"type": "text", "text": "More"}]
        again = await client.post("turn/start", threadId=thread, input=content, clientUserMessageId="id-2")
        await client.reply(stop)
        later = (await client.reply(again))["result"]["turn"]["id"]
        assert later != turn
        await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == later)
        known = await start(client, thread, "id-1")
        assert (known["id"], known["status"]) == (turn, "interrupted")
        assert await said(client, thread) == ["Hello", "More"]


async def test_a_turn_that_is_stopped_before_it_does_anything_has_its_input(tmp_path: Path) -> None:
    async with running(tmp_path, [Gate()]) as server:
        client = await server.client()
        thread = await new_thread(client)
        content = [{"type": "text", "text": "Hello"}]
        asked = {"threadId": thread, "input": content, "clientUserMessageId": "id-1"}
        first = await client.post("turn/start", asked)
        turn = (await client.reply(first))["result"]["turn"]["id"]
        posts = [await client.post("turn/interrupt", threadId=thread, turnId=turn)]
        posts += [
            await client.post("turn/start", asked),
            await client.post("turn/steer", asked | {"expectedTurnId": "x"}),
        ]
        replies = [(await client.reply(post))["result"] for post in posts]
        assert replies[1]["turn"]["id"] == replies[2]["turnId"] == turn
        await client.hear("turn/completed")
        assert await said(client, thread) == ["Hello"]


@pytest.mark.parametrize("form", FORMS)
async def test_the_thread_knows_its_input_after_a_restart(tmp_path: Path, form: str) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write()
    gate = Gate()
    script: list[Response] = [[gate, message("a"), completed()], *answers(1)]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        turn = (await start(client, written.thread_id, "id-1"))["id"]
        await reached(gate)
        await steer(client, written.thread_id, turn, "id-2")
        gate.open()
        await client.hear("turn/completed")
    before = written.path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        first, second = [await start(client, written.thread_id, name) for name in ("id-1", "id-2")]
        assert (first["id"], first["status"]) == (second["id"], second["status"]) == (turn, "completed")
        assert await steer(client, written.thread_id, turn, "id-2") == turn
    assert written.path.read_bytes() == before
    assert [json.dumps(line).count("id-2") for line in before.decode().splitlines()].count(1) >= 1


@pytest.mark.parametrize("form", FORMS)
async def test_a_turn_that_a_crash_cut_off_has_its_input(tmp_path: Path, form: str) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write()
    async with running(tmp_path, [message(deltas=["a", Gate()])]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        turn = (await start(client, written.thread_id, "id-1"))["id"]
        await client.hear("item/agentMessage/delta")
        cut_off = written.path.read_bytes()
    written.path.write_bytes(cut_off)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        again = await start(client, written.thread_id, "id-1")
        assert (again["id"], again["status"]) == (turn, "interrupted")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_rolled_back_may_be_said_again(tmp_path: Path, form: str, restarted: bool) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write()
    thread = written.thread_id

    async def take_back(server: Server) -> tuple[str, str]:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        turns = await run(client, thread, "id-1"), await run(client, thread, "id-2")
        await client.call("thread/rollback", threadId=thread, numTurns=1)
        return turns

    async def say_again(server: Server, kept: str, gone: str) -> None:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        assert (await start(client, thread, "id-1"))["id"] == kept
        assert await run(client, thread, "id-2") != gone

    async with running(tmp_path, *answers(3)) as server:
        turns = await take_back(server)
        if not restarted:
            await say_again(server, *turns)
    if restarted:
        async with running(tmp_path, *answers(1)) as server:
            await say_again(server, *turns)


async def test_a_fork_knows_what_it_has_of_its_source_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path, *answers(4)) as server:
        client = await server.client()
        thread = await new_thread(client)
        first, second = await run(client, thread, "id-1"), await run(client, thread, "id-2")
        fork = (await client.call("thread/fork", threadId=thread, lastTurnId=first))["thread"]["id"]
        assert (await start(client, fork, "id-1"))["id"] == first
        assert await run(client, fork, "id-2") != second
        await run(client, fork, "id-3")
        assert await said(client, fork) == ["Hello"] * 3
        assert await said(client, thread) == ["Hello"] * 2
