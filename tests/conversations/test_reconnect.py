"""Coming back after a lost connection: only what was missed, or all if that is not remembered. No gap, no repeat."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import NEWEST
from protocol.sequence import EXTENSION
from server.providers.scripted import Gate, completed, message
from tests.support.harness import Client, Message, Refused, Server, running

DELTA = "item/agentMessage/delta"
USAGE = "thread/tokenUsage/updated"


async def counting(server: Server, **options: Any) -> Client:
    """A client that wants numbers, and knows all that has one."""
    return await server.client(extensions={EXTENSION: True}, **{"version": NEWEST} | options)


def numbers(client: Client) -> list[int]:
    """The numbers that it heard, in order."""
    return [told["sequence"]["number"] for told in client.log if "sequence" in told]


def last_seen(client: Client) -> Message:
    """Where it was when it left."""
    found = [told["sequence"] for told in client.log if "sequence" in told][-1]
    return {"epoch": found["epoch"], "number": found["number"]}


def text(*clients: Client) -> str:
    """The message as it was heard by one who came back as another client."""
    return "".join(told["delta"] for client in clients for told in client.heard(DELTA))


async def begun(server: Server, client: Client, *gates: Gate) -> str:
    """A thread with a turn that streams a piece before each gate and one after the last."""
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    deltas: list[str | Gate] = ["<0>"]
    for number, gate in enumerate(gates, 1):
        deltas += [gate, f"<{number}>"]
    server.provider.push([message(deltas=deltas), completed()])
    await client.start_turn(thread_id, "go")
    return thread_id


async def pass_through(gate: Gate) -> None:
    """Let the turn go on once it stands there."""
    async with asyncio.timeout(10):
        await gate.reached.wait()
    gate.open()


async def test_who_does_not_ask_for_numbers_hears_none(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        plain, client = await server.client(), await counting(server)
        thread_id = await begun(server, client)
        joined = await plain.call("thread/resume", threadId=thread_id)
        await client.hear("turn/completed")
        await plain.settle()
        assert "sequence" not in joined
        assert [told for told in plain.log if "sequence" in told] == []
        assert numbers(client) == list(range(1, len(numbers(client)) + 1))


async def test_one_who_comes_back_hears_what_it_missed_marked_as_such_and_then_what_is_new(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        one, two, three = Gate(), Gate(), Gate()
        stays, leaves = await counting(server), await counting(server)
        thread_id = await begun(server, stays, one, two, three)
        async with asyncio.timeout(10):
            await one.reached.wait()
        joined = await leaves.call("thread/resume", threadId=thread_id)
        assert joined["sequence"]["complete"] is False
        seen = {name: joined["sequence"][name] for name in ("epoch", "number")}
        one.open()
        async with asyncio.timeout(10):
            await two.reached.wait()
        await leaves.hear(DELTA)
        seen = last_seen(leaves)
        await leaves.close()
        await pass_through(two)
        async with asyncio.timeout(10):
            await three.reached.wait()
        back = await counting(server)
        again = await back.call("thread/resume", threadId=thread_id, sinceSequence=seen)
        assert (again["sequence"]["complete"], again["thread"]["turns"]) == (True, [])
        await back.settle()
        missed = [told for told in back.log if "sequence" in told]
        assert missed
        assert all(told["sequence"]["replay"] for told in missed)
        assert missed[-1]["sequence"]["number"] == again["sequence"]["number"]
        three.open()
        await back.hear("turn/completed")
        assert numbers(back) == list(range(seen["number"] + 1, numbers(stays)[-1] + 1))
        assert "<0>" + text(leaves, back) == text(stays) == "<0><1><2><3>"
        assert [told for told in back.log[len(missed) + 1 :] if told.get("sequence", {}).get("replay")] == []


async def test_one_who_missed_nothing_hears_nothing_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        stays = await counting(server)
        thread_id = await begun(server, stays)
        await stays.hear("turn/completed")
        back = await counting(server)
        result = await back.call("thread/resume", threadId=thread_id, sinceSequence=last_seen(stays))
        await back.settle()
        assert (result["sequence"]["complete"], back.methods()) == (True, ["reply"])


async def test_one_that_never_left_hears_nothing_again_whatever_it_says_it_saw(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        stays = await counting(server)
        thread_id = await begun(server, stays)
        await stays.hear("turn/completed")
        first = next(told["sequence"] for told in stays.log if "sequence" in told)
        await stays.settle()
        stays.log.clear()
        await stays.call("thread/resume", threadId=thread_id, sinceSequence=first)
        await stays.settle()
        assert stays.methods() == ["reply"]


@pytest.mark.parametrize("seen", [{"epoch": "of another time", "number": 1}, None])
async def test_a_position_that_is_not_remembered_gives_all_of_the_thread(tmp_path: Path, seen: Message | None) -> None:
    async with running(tmp_path, flags={"recent-limit": "1"}) as server:
        stays = await counting(server)
        thread_id = await begun(server, stays)
        await stays.hear("turn/completed")
        first = next(told["sequence"] for told in stays.log if "sequence" in told)
        back = await counting(server)
        asked = seen or {"epoch": first["epoch"], "number": first["number"]}
        result = await back.call("thread/resume", threadId=thread_id, sinceSequence=asked)
        await back.hear(USAGE)
        assert result["sequence"]["complete"] is False
        assert [item["type"] for item in result["thread"]["turns"][0]["items"]] == ["userMessage", "agentMessage"]


async def test_after_a_restart_all_of_the_thread_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        before = await counting(server)
        thread_id = await begun(server, before)
        await before.hear("turn/completed")
        seen = last_seen(before)
    async with running(tmp_path) as server:
        back = await counting(server)
        result = await back.call("thread/resume", threadId=thread_id, sinceSequence=seen)
        assert (result["sequence"]["complete"], len(result["thread"]["turns"])) == (False, 1)
        assert result["sequence"]["epoch"] != seen["epoch"]


async def test_after_a_rollback_all_of_the_thread_comes(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        stays = await counting(server)
        thread_id = await begun(server, stays)
        await stays.hear("turn/completed")
        seen = last_seen(stays)
        await stays.call("thread/rollback", threadId=thread_id, numTurns=1)
        back = await counting(server)
        result = await back.call("thread/resume", threadId=thread_id, sinceSequence=seen)
        assert (result["sequence"]["complete"], result["thread"]["turns"]) == (False, [])


async def test_a_position_needs_the_extension(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        with pytest.raises(Refused, match="sinceSequence needs the extension `threadcast/sequence`"):
            await client.call("thread/resume", threadId=thread_id, sinceSequence={"epoch": "e", "number": 1})


@pytest.mark.parametrize("seed", range(3))
async def test_clients_that_drop_and_come_back_all_the_time_end_with_the_exact_text(tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    async with running(tmp_path) as server:
        stays = await counting(server)
        gates = [Gate() for _ in range(12)]
        thread_id = await begun(server, stays, *gates)
        async with asyncio.timeout(10):
            await gates[0].reached.wait()
        wanderer = await counting(server)
        joined = await wanderer.call("thread/resume", threadId=thread_id)
        (running_turn,) = joined["thread"]["turns"]
        heard = next(item["text"] for item in running_turn["items"] if item["type"] == "agentMessage")
        seen = {name: joined["sequence"][name] for name in ("epoch", "number")}
        for gate in gates:
            async with asyncio.timeout(10):
                await gate.reached.wait()
            if order.random() < 0.6:
                await wanderer.settle()
                heard += text(wanderer)
                seen = last_seen(wanderer) if numbers(wanderer) else seen
                await wanderer.close()
                gate.open()
                wanderer = await counting(server)
                answer = await wanderer.call("thread/resume", threadId=thread_id, sinceSequence=seen)
                assert answer["sequence"]["complete"] is True
            else:
                gate.open()
        await wanderer.hear("turn/completed")
        assert heard + text(wanderer) == "".join(f"<{number}>" for number in range(13))
