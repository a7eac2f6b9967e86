"""thread/searchOccurrences through the wire: where a text stands in what was said, page by page."""

from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_147
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import RolloutBuilder, Written, command_end, thread_id

pytestmark = pytest.mark.since(V0_147)

SEARCH = "thread/searchOccurrences"


def written_talk(home: Path) -> Written:
    builder = RolloutBuilder(home)
    builder.turn("find the Needle", "no needle here, and no NEEDLE there")
    builder.begin()
    builder.say("haystack")
    builder.add(command_end("call-1", builder.turn_ids[-1], output="needle in an output"))
    builder.answer("\N{PILE OF POO} needle")
    builder.complete()
    return builder.write()


async def find(client: Client, thread: str, term: str, **params: Any) -> Message:
    found: Message = await client.call(SEARCH, threadId=thread, searchTerm=term, **params)
    return found


def marked(place: Message) -> str:
    """The text that a client would show as found, by UTF-16 code units."""
    snippet: bytes = place["snippet"].encode("utf-16-le")
    span = place["snippetMatchRange"]
    return snippet[2 * span["start"] : 2 * span["end"]].decode("utf-16-le")


async def test_all_places_are_found_in_the_order_in_which_they_were_said(tmp_path: Path) -> None:
    written = written_talk(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        found = await find(client, written.thread_id, "needle")
        assert [marked(place) for place in found["data"]] == ["Needle", "needle", "NEEDLE", "needle"]
        first, second = written.turn_ids
        assert [place["turnId"] for place in found["data"]] == [first, first, first, second]
        assert found["nextCursor"] is None
        last = found["data"][-1]
        assert last["snippet"] == "\N{PILE OF POO} needle"
        page = await client.call("thread/turns/list", threadId=written.thread_id, cursor=last["turnCursor"])
        assert [turn["id"] for turn in page["data"]] == [second, first]
        assert last["itemId"] in [item["id"] for item in page["data"][0]["items"]]
        assert (await client.call("thread/loaded/list"))["data"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
async def test_pages_hold_every_place_once(tmp_path: Path, limit: int) -> None:
    written = written_talk(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        every = (await find(client, written.thread_id, "needle"))["data"]
        told, cursor = list[Message](), None
        for _ in range(-(-4 // limit)):
            page = await find(client, written.thread_id, "needle", limit=limit, cursor=cursor)
            told, cursor = told + page["data"], page["nextCursor"]
        assert (told, cursor) == (every, None)


async def test_a_long_text_is_shown_around_the_place(tmp_path: Path) -> None:
    written = RolloutBuilder(tmp_path).turn("x" * 500 + "needle" + "y" * 500, "no").write()
    async with running(tmp_path) as server:
        client = await server.client()
        (place,) = (await find(client, written.thread_id, "needle"))["data"]
        assert place["snippet"] == "x" * 80 + "needle" + "y" * 80
        assert place["snippetMatchRange"] == {"start": 80, "end": 86}


async def test_the_text_is_taken_literally_and_what_cannot_be_searched_is_refused(tmp_path: Path) -> None:
    written = written_talk(tmp_path)
    async with running(tmp_path) as server:
        client, plain = await server.client(), await server.client(experimental=False)
        assert (await find(client, written.thread_id, "n.edle"))["data"] == []
        with pytest.raises(Refused, match="-32600: searchTerm must not be empty"):
            await find(client, written.thread_id, "")
        with pytest.raises(Refused, match=f"-32600: thread not loaded: {thread_id(99)}"):
            await find(client, thread_id(99), "needle")
        cursor = (await find(client, written.thread_id, "needle", limit=1))["nextCursor"]
        with pytest.raises(Refused, match="-32600: invalid cursor: it is of another search"):
            await find(client, written.thread_id, "haystack", cursor=cursor)
        with pytest.raises(Refused, match="-32600: invalid cursor: x"):
            await find(client, written.thread_id, "needle", cursor="x")
        with pytest.raises(Refused, match=f"{SEARCH} requires experimentalApi capability"):
            await find(plain, written.thread_id, "needle")
