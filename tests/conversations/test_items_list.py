"""thread/items/list, thread/items/read and the views of thread/turns/list through the wire."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_147, V0_166, V0_169
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import RolloutBuilder, Written, command_end, thread_id

pytestmark = pytest.mark.since(V0_147)

LIST, READ = "thread/items/list", "thread/items/read"


def written_turns(home: Path, count: int) -> Written:
    """Turns of three items each: a question, a command, an answer."""
    builder = RolloutBuilder(home)
    for number in range(count):
        builder.begin()
        builder.say(f"question {number}")
        builder.add(command_end(f"call-{number}", builder.turn_ids[-1]))
        builder.answer(f"answer {number}")
        builder.complete()
    return builder.write()


async def page(client: Client, thread: str, **params: Any) -> Message:
    result: Message = await client.call(LIST, threadId=thread, **params)
    return result


async def walk(client: Client, thread: str, limit: int, **params: Any) -> list[str]:
    """The ids of all items, page by page."""
    told, cursor = list[str](), None
    while True:
        found = await page(client, thread, limit=limit, cursor=cursor, **params)
        told, cursor = told + ids(found), found["nextCursor"]
        if cursor is None:
            return told


def ids(found: Message) -> list[str]:
    return [entry["item"]["id"] for entry in found["data"]]


async def shown(client: Client, thread: str) -> list[tuple[str, Message]]:
    """All items as thread/read has them, with their turns."""
    turns = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
    return [(turn["id"], item) for turn in turns for item in turn["items"]]


async def test_items_are_those_of_the_turns_and_nothing_is_loaded(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 3)
    before = written.path.stat().st_mtime_ns
    async with running(tmp_path) as server:
        client = await server.client()
        found = await page(client, written.thread_id)
        assert [(entry["turnId"], entry["item"]) for entry in found["data"]] == await shown(client, written.thread_id)
        assert len(found["data"]) == 9
        assert found["nextCursor"] is None
        assert (await client.call("thread/loaded/list"))["data"] == []
    assert written.path.stat().st_mtime_ns == before


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 100])
async def test_pages_of_any_length_hold_every_item_once_in_both_directions(tmp_path: Path, limit: int) -> None:
    written = written_turns(tmp_path, 3)
    async with running(tmp_path) as server:
        client = await server.client()
        expected = [item["id"] for _, item in await shown(client, written.thread_id)]
        assert await walk(client, written.thread_id, limit) == expected
        assert await walk(client, written.thread_id, limit, sortDirection="desc") == expected[::-1]
        assert await walk(client, written.thread_id, limit, turnId=written.turn_ids[1]) == expected[3:6]


async def test_one_can_turn_round_and_begin_with_the_same_item(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 2)
    async with running(tmp_path) as server:
        client = await server.client()
        every = ids(await page(client, written.thread_id))
        second = await page(
            client, written.thread_id, limit=2, cursor=(await page(client, written.thread_id, limit=2))["nextCursor"]
        )
        back = await page(client, written.thread_id, cursor=second["backwardsCursor"], sortDirection="desc")
        assert ids(back) == every[:3][::-1]


async def test_a_page_can_begin_beside_an_item_of_a_turn(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 2)
    async with running(tmp_path) as server:
        client = await server.client()
        turn = written.turn_ids[1]
        first, middle, last = ids(await page(client, written.thread_id, turnId=turn))

        async def beside(item: str, **params: Any) -> list[str]:
            anchor = {"type": "item", "itemId": item}
            return ids(await page(client, written.thread_id, turnId=turn, cursor=anchor, **params))

        assert await beside(first) == [middle, last]
        assert await beside(middle, sortDirection="desc") == [first]
        assert await beside(last) == []
        with pytest.raises(Refused, match=f"-32602: turn {turn} has no item nothing"):
            await beside("nothing")
        with pytest.raises(Refused, match="-32602: turnId is required when cursor is an item anchor"):
            await page(client, written.thread_id, cursor={"type": "item", "itemId": first})


async def test_pages_follow_each_other_while_a_turn_runs_and_after_it_has_ended(tmp_path: Path) -> None:
    gate = Gate()
    first: Response = [message("first"), completed()]
    async with running(tmp_path, first, [message(id="m", deltas=["Hel", gate, "lo"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(thread, "one")
        live = await client.start_turn(thread, "two")
        await gate.reached.wait()
        newest = await page(other, thread, limit=1, sortDirection="desc")
        (growing,) = newest["data"]
        assert (growing["turnId"], growing["item"]["id"], growing["item"]["text"]) == (live, "m", "Hel")
        oldest = await page(other, thread, limit=3)
        gate.open()
        await client.hear("turn/completed", threadId=thread)
        rest = await page(other, thread, cursor=oldest["nextCursor"])
        assert [entry["item"].get("text") for entry in rest["data"]] == ["Hello"]
        before = await page(other, thread, cursor=newest["nextCursor"], sortDirection="desc")
        assert [entry["item"]["type"] for entry in before["data"]] == ["userMessage", "agentMessage", "userMessage"]
        again = await page(other, thread, cursor=newest["backwardsCursor"])
        assert [entry["item"].get("text") for entry in again["data"]] == ["Hello"]


async def test_whoever_pages_while_others_talk_gets_every_item_once(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 2)
    script: list[Response] = [[message(f"a{number}"), completed()] for number in range(4)]
    async with running(tmp_path, *script) as server:
        client, reader = await server.client(), await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        told, cursor = list[str](), None
        for number in itertools.count():
            if number < 4:
                await client.run_turn(written.thread_id, f"q{number}")
            found = await page(reader, written.thread_id, limit=3, cursor=cursor)
            told, cursor = told + ids(found), found["nextCursor"]
            if cursor is None:
                break
        assert told == [item["id"] for _, item in await shown(reader, written.thread_id)]
        assert len(told) == 14


async def test_archived_and_ephemeral_threads_have_items_like_any_other(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=written.thread_id)
        assert len((await page(client, written.thread_id))["data"]) == 3
        thread = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        assert await page(client, thread) == {"data": [], "nextCursor": None, "backwardsCursor": None}
        await client.run_turn(thread, "hi")
        assert len((await page(client, thread))["data"]) == 2


async def test_a_cursor_of_another_thread_or_of_what_was_rolled_back_is_refused(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 2)
    async with running(tmp_path) as server:
        client = await server.client()
        cursor = (await page(client, written.thread_id, limit=5))["nextCursor"]
        other = (await client.call("thread/fork", threadId=written.thread_id))["thread"]["id"]
        with pytest.raises(Refused, match="-32600: invalid cursor: it is of another thread"):
            await page(client, other, cursor=cursor)
        await client.call("thread/resume", threadId=written.thread_id)
        await client.call("thread/rollback", threadId=written.thread_id, numTurns=1)
        with pytest.raises(Refused, match="-32600: invalid cursor: anchor turn is no longer present"):
            await page(client, written.thread_id, cursor=cursor)
        with pytest.raises(Refused, match="-32600: invalid cursor: yesterday"):
            await page(client, written.thread_id, cursor="yesterday")


async def test_unknown_threads_are_refused_and_unknown_turns_have_no_items(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: thread not loaded: {thread_id(99)}"):
            await page(client, thread_id(99))
        with pytest.raises(Refused, match="-32600: invalid thread id"):
            await page(client, "nonsense")
        assert (await page(client, written.thread_id, turnId="nothing"))["data"] == []


@pytest.mark.since(V0_169)
async def test_outputs_are_left_out_on_request_and_fetched_item_by_item(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        (turn,) = written.turn_ids
        whole = (await page(client, written.thread_id, turnId=turn))["data"]
        bare = (await page(client, written.thread_id, turnId=turn, deferOutput={"commandExecution": True}))["data"]
        assert (bare[0], bare[2]) == (whole[0], whole[2])
        assert whole[1]["item"]["aggregatedOutput"]
        assert bare[1] == whole[1] | {"item": whole[1]["item"] | {"aggregatedOutput": None}, "outputDeferred": True}
        asked = [whole[2]["item"]["id"], whole[1]["item"]["id"], "nothing"]
        read = await client.call(READ, threadId=written.thread_id, turnId=turn, itemIds=asked)
        assert read == {"data": whole[1:]}


@pytest.mark.since(V0_166)
async def test_reading_items_needs_ids_and_the_capability(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        client, plain = await server.client(), await server.client(experimental=False)
        asked = {"threadId": written.thread_id, "turnId": written.turn_ids[0]}
        assert await client.call(READ, **asked | {"turnId": "nothing"}, itemIds=["item-1"]) == {"data": []}
        for count in (0, 101):
            with pytest.raises(Refused, match=f"-32600: itemIds must contain 1 to 100 ids, not {count}"):
                await client.call(READ, **asked, itemIds=["item-1"] * count)
        with pytest.raises(Refused, match=f"{READ} requires experimentalApi capability"):
            await plain.call(READ, **asked, itemIds=["item-1"])
        assert len((await page(plain, written.thread_id))["data"]) == 3


async def test_turns_are_shown_whole_in_short_or_without_items(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()

        async def kinds(**params: Any) -> list[str]:
            (turn,) = (await client.call("thread/turns/list", threadId=written.thread_id, **params))["data"]
            return [item["type"] for item in turn["items"]]

        assert await kinds() == await kinds(itemsView="full") == ["userMessage", "commandExecution", "agentMessage"]
        assert await kinds(itemsView="summary") == ["userMessage", "agentMessage"]
        assert await kinds(itemsView="notLoaded") == []
        with pytest.raises(Refused, match="-32600: Invalid request"):
            await kinds(itemsView="half")
