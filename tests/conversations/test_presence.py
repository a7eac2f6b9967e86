"""Who is attached to a thread: listed and told, to clients that asked for it and to no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.presence import EXTENSION, MOST_CLIENTS
from server.providers.scripted import completed, message
from tests.support.harness import Refused, running

WATCHING = {EXTENSION: True}


async def test_who_asked_for_it_hears_who_comes_and_goes(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        board = await server.client("board", extensions=WATCHING)
        author, reader = await server.client("author"), await server.client("reader")
        thread_id = (await author.call("thread/start"))["thread"]["id"]
        first = await board.hear("threadcast/presence/changed")
        assert first == {"threadId": thread_id, "clients": [{"name": "author", "version": "1.0"}], "total": 1}
        await author.run_turn(thread_id, "hello")
        await reader.call("thread/resume", threadId=thread_id)
        both = await board.hear("threadcast/presence/changed", total=2)
        assert [each["name"] for each in both["clients"]] == ["author", "reader"]
        assert (await board.call("threadcast/presence/list"))["data"] == [both]
        assert (await board.call("threadcast/presence/list", threadIds=["other", thread_id]))["data"] == [both]
        await reader.close()
        await board.hear("threadcast/presence/changed", total=1)
        await author.call("thread/unsubscribe", threadId=thread_id)
        gone = await board.hear("threadcast/presence/changed", total=0)
        assert gone["clients"] == []
        assert (await board.call("threadcast/presence/list"))["data"] == []
        await author.settle()
        assert author.heard("threadcast/presence/changed") == []


async def test_a_client_that_follows_is_present_to_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client("board", extensions=WATCHING)
        thread_id = (await client.call("thread/start"))["thread"]["id"]
        assert (await client.hear("threadcast/presence/changed", threadId=thread_id))["total"] == 1


async def test_many_who_come_at_once_are_told_of_once_and_not_all_by_name(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        board = await server.client("board", extensions=WATCHING)
        crowd = [await server.client() for _ in range(MOST_CLIENTS + 5)]
        thread_id = (await crowd[0].call("thread/start"))["thread"]["id"]
        await crowd[0].run_turn(thread_id, "hello")
        asked = [await each.post("thread/resume", threadId=thread_id) for each in crowd]
        for each, number in zip(crowd, asked, strict=True):
            await each.reply(number)
        told = await board.hear("threadcast/presence/changed", total=len(crowd))
        assert len(told["clients"]) == MOST_CLIENTS
        assert len(board.heard("threadcast/presence/changed")) < len(crowd)


async def test_without_the_extension_nobody_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match="needs the extension `threadcast/presence`"):
            await client.call("threadcast/presence/list")
