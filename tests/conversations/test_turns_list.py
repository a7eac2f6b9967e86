"""thread/turns/list through the wire: pages in both directions, of threads loaded or not, running ones included."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import NEWEST, V0_125, V0_147
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import RolloutBuilder, Written, mid_turn, thread_id

LIST = "thread/turns/list"


def written_turns(home: Path, count: int) -> Written:
    builder = RolloutBuilder(home)
    for number in range(count):
        builder.turn(f"question {number}", f"answer {number}")
    return builder.write()


async def page(client: Client, thread: str, **params: Any) -> Message:
    result: Message = await client.call(LIST, threadId=thread, **params)
    return result


def ids(found: Message) -> list[str]:
    return [turn["id"] for turn in found["data"]]


async def test_the_newest_turns_come_first_and_nothing_is_loaded(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 3)
    before = written.path.stat().st_mtime_ns
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        found = await page(client, written.thread_id, itemsView="full")
        assert ids(found) == written.turn_ids[::-1]
        assert found["nextCursor"] is None
        shown = (await client.call("thread/read", threadId=written.thread_id, includeTurns=True))["thread"]["turns"]
        assert found["data"] == shown[::-1]
        assert (await client.call("thread/loaded/list"))["data"] == []
        await other.settle()
        assert other.log == []
    assert written.path.stat().st_mtime_ns == before


async def test_who_says_not_how_much_hears_all_in_older_versions_and_a_summary_in_newer_ones(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        for version, view in ((V0_125, "full"), (V0_147, "summary"), (NEWEST, "summary")):
            client = await server.client(version=version)
            said = await page(client, written.thread_id)
            assert said == await page(client, written.thread_id, itemsView=view)
            assert said["data"][0].get("itemsView", "full") == view
            first = {"excludeTurns": True, "initialTurnsPage": {}}
            resumed = await client.call("thread/resume", threadId=written.thread_id, **first)
            assert resumed.get("initialTurnsPage", said)["data"] == said["data"]


async def test_pages_follow_each_other_in_both_directions(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 5)
    async with running(tmp_path) as server:
        client = await server.client()
        for direction, expected in (("desc", written.turn_ids[::-1]), ("asc", written.turn_ids)):
            told, cursor = list[str](), None
            for _ in range(3):
                found = await page(client, written.thread_id, limit=2, sortDirection=direction, cursor=cursor)
                told, cursor = told + ids(found), found["nextCursor"]
            assert (told, cursor) == (expected, None)


async def test_one_can_turn_round_and_begin_with_the_same_turn(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 5)
    async with running(tmp_path) as server:
        client = await server.client()
        first = await page(client, written.thread_id, limit=2)
        assert json.loads(first["nextCursor"]) == {"turnId": written.turn_ids[3], "includeAnchor": False}
        assert json.loads(first["backwardsCursor"]) == {"turnId": written.turn_ids[4], "includeAnchor": True}
        second = await page(client, written.thread_id, limit=2, cursor=first["nextCursor"])
        back = await page(client, written.thread_id, cursor=second["backwardsCursor"], sortDirection="asc")
        assert ids(back) == written.turn_ids[2:]


@pytest.mark.parametrize(("limit", "length"), [(None, 25), (0, 1), (1_000, 100)])
async def test_a_page_has_a_sensible_length_whatever_is_asked_for(
    tmp_path: Path, limit: int | None, length: int
) -> None:
    written = written_turns(tmp_path, 101)
    async with running(tmp_path) as server:
        client = await server.client()
        assert len((await page(client, written.thread_id, limit=limit))["data"]) == length


async def test_the_running_turn_has_the_text_so_far(tmp_path: Path) -> None:
    gate = Gate()
    first: Response = [message("first"), completed()]
    async with running(tmp_path, first, [message(id="m", deltas=["Hel", gate, "lo"]), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        done = (await client.run_turn(thread, "one"))["id"]
        live = await client.start_turn(thread, "two")
        await gate.reached.wait()
        found = await page(other, thread)
        assert [(turn["id"], turn["status"]) for turn in found["data"]] == [(live, "inProgress"), (done, "completed")]
        assert (found["data"][0]["items"][1]["text"], found["data"][0]["items"][1]["id"]) == ("Hel", "m")
        gate.open()
        await client.hear("turn/completed", threadId=thread)
        await other.settle()
        assert "turn/completed" not in other.methods()  # to look is not to follow


async def test_a_turn_that_a_crash_cut_short_is_interrupted(tmp_path: Path) -> None:
    written = mid_turn(tmp_path)
    async with running(tmp_path) as server:
        found = await page(await server.client(), written.thread_id)
        assert [turn["status"] for turn in found["data"]] == ["interrupted", "completed"]


async def test_a_new_turn_does_not_disturb_who_pages_to_older_ones(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 4)
    async with running(tmp_path, [message("more"), completed()]) as server:
        client = await server.client()
        first = await page(client, written.thread_id, limit=2)
        await client.call("thread/resume", threadId=written.thread_id)
        await client.run_turn(written.thread_id, "go on")
        second = await page(client, written.thread_id, limit=2, cursor=first["nextCursor"])
        assert ids(first) + ids(second) == written.turn_ids[::-1]


async def test_a_cursor_at_a_turn_that_was_rolled_back_is_refused(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 3)
    async with running(tmp_path) as server:
        client = await server.client()
        first = await page(client, written.thread_id, limit=1)
        await client.call("thread/resume", threadId=written.thread_id)
        await client.call("thread/rollback", threadId=written.thread_id, numTurns=1)
        with pytest.raises(Refused, match="-32600: invalid cursor: anchor turn is no longer present"):
            await page(client, written.thread_id, cursor=first["nextCursor"])


async def test_an_archived_thread_is_paged_like_any_other(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 2)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=written.thread_id)
        assert ids(await page(client, written.thread_id, limit=1)) == written.turn_ids[1:]


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_thread_that_has_said_nothing_has_an_empty_page(tmp_path: Path, ephemeral: bool) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/", ephemeral=ephemeral))["thread"]["id"]
        empty: Message = {"data": [], "nextCursor": None, "backwardsCursor": None}
        assert await page(client, thread) == empty
        assert await page(client, thread, cursor="nonsense") == empty


async def test_an_ephemeral_thread_has_turns_like_any_other(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        turn = (await client.run_turn(thread, "hi"))["id"]
        assert ids(await page(client, thread)) == [turn]


async def test_what_cannot_be_paged_is_refused(tmp_path: Path) -> None:
    written = written_turns(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: thread not loaded: {thread_id(99)}"):
            await page(client, thread_id(99))
        with pytest.raises(Refused, match="-32600: invalid thread id"):
            await page(client, "nonsense")
        with pytest.raises(Refused, match="-32600: invalid cursor: yesterday"):
            await page(client, written.thread_id, cursor="yesterday")
        with pytest.raises(Refused, match="-32600: Invalid request"):
            await page(client, written.thread_id, sortDirection="sideways")
        with pytest.raises(Refused, match="-32600: Invalid request"):
            await page(client, written.thread_id, limit=-1)
