"""thread/list and thread/loaded/list: which threads, in which order, page by page."""

import os
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_166, Version
from rollout.paths import Home, new_rollout_path
from server.providers.scripted import completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import BEGIN, RolloutBuilder, Written, plain, thread_id


def write(home: Path, number: int, *, second: int = 0, text: str = "Say hello", **options: Any) -> Written:
    """A thread whose rollout was begun in this second."""
    builder = RolloutBuilder(home, number=number, **{"provider": "scripted"} | options).turn(text, "Hello.")
    return builder.write(new_rollout_path(Home(home), thread_id(number), BEGIN + timedelta(seconds=second)))


async def ids(client: Client, **params: Any) -> list[str]:
    return [thread["id"] for thread in (await client.call("thread/list", **params))["data"]]


async def pages(client: Client, method: str, **params: Any) -> list[list[str]]:
    """All pages from here on, as ids."""
    found: list[list[str]] = []
    cursor = None
    while True:
        page = await client.call(method, cursor=cursor, **params)
        found.append([each if isinstance(each, str) else each["id"] for each in page["data"]])
        cursor = page["nextCursor"]
        if cursor is None:
            return found


async def test_threads_are_listed_newest_first_without_turns(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number, second=number)
    async with running(tmp_path) as server:
        client = await server.client()
        page = await client.call("thread/list")
        assert [thread["id"] for thread in page["data"]] == [thread_id(3), thread_id(2), thread_id(1)]
        assert page["nextCursor"] is None
        newest: Message = page["data"][0]
        assert (newest["preview"], newest["turns"], newest["status"]) == ("Say hello", [], {"type": "notLoaded"})
        assert await ids(client, sortDirection="asc") == [thread_id(1), thread_id(2), thread_id(3)]


async def test_an_empty_home_has_an_empty_page(tmp_path: Path, dialect: Version) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        nothing: Message = {"data": [], "nextCursor": None, "backwardsCursor": None}
        assert await client.call("thread/list") == nothing | ({"readStates": {}} if dialect >= V0_166 else {})


@pytest.mark.parametrize("direction", ["desc", "asc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_lose_and_repeat_nothing_even_within_one_second(tmp_path: Path, direction: str, limit: int) -> None:
    seconds = {1: 0, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 9}
    for number, second in seconds.items():
        write(tmp_path, number, second=second)
    expected = [thread_id(number) for number in sorted(seconds, reverse=direction == "desc")]
    async with running(tmp_path) as server:
        client = await server.client()
        found = await pages(client, "thread/list", limit=limit, sortDirection=direction)
        assert list(chain(*found)) == expected
        assert all(len(page) == limit for page in found[:-1])


async def test_a_page_can_be_left_backwards(tmp_path: Path) -> None:
    for number in range(1, 6):
        write(tmp_path, number, second=number // 2)
    async with running(tmp_path) as server:
        client = await server.client()
        first = await client.call("thread/list", limit=2)
        second = await client.call("thread/list", limit=2, cursor=first["nextCursor"])
        back = await client.call("thread/list", limit=9, sortDirection="asc", cursor=second["backwardsCursor"])
        assert [thread["id"] for thread in back["data"]] == [thread_id(3), thread_id(4), thread_id(5)]


async def test_a_thread_that_appears_between_two_pages_does_not_shift_them(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number, second=number)
    async with running(tmp_path) as server:
        client = await server.client()
        first = await client.call("thread/list", limit=2)
        write(tmp_path, 4, second=4)
        assert await ids(client, cursor=first["nextCursor"]) == [thread_id(1)]


async def test_threads_can_be_ordered_by_their_last_change(tmp_path: Path) -> None:
    for number, age in ((1, 30), (2, 10), (3, 20)):
        path = write(tmp_path, number, second=number).path
        os.utime(path, (2_000_000_000 - age, 2_000_000_000 - age))
    async with running(tmp_path) as server:
        client = await server.client()
        newest_first = [thread_id(2), thread_id(3), thread_id(1)]
        assert await ids(client, sortKey="updated_at") == newest_first
        assert await pages(client, "thread/list", sortKey="updated_at", limit=2) == [newest_first[:2], newest_first[2:]]
        updated = (await client.call("thread/list", sortKey="updated_at"))["data"][0]["updatedAt"]
        assert updated == 2_000_000_000 - 10


async def test_only_threads_of_the_own_provider_are_listed_unless_asked(tmp_path: Path) -> None:
    write(tmp_path, 1, provider="scripted")
    write(tmp_path, 2, provider="elsewhere")
    write(tmp_path, 3, provider=None)
    async with running(tmp_path) as server:
        client = await server.client()
        assert set(await ids(client)) == {thread_id(1), thread_id(3)}
        assert set(await ids(client, modelProviders=[])) == {thread_id(1), thread_id(2), thread_id(3)}
        assert set(await ids(client, modelProviders=["elsewhere"])) == {thread_id(2), thread_id(3)}


async def test_threads_are_filtered_by_what_made_them(tmp_path: Path) -> None:
    sources: list[Any] = ["cli", "vscode", "exec", "mcp", {"subagent": "review"}, {"custom": "atlas"}, {"custom": "x"}]
    for number, source in enumerate(sources, 1):
        write(tmp_path, number, source=source)
    async with running(tmp_path) as server:
        client = await server.client()
        assert set(await ids(client)) == {thread_id(1), thread_id(2), thread_id(6)}
        assert await ids(client, sourceKinds=["exec"]) == [thread_id(3)]
        assert await ids(client, sourceKinds=["appServer"]) == [thread_id(4)]
        assert await ids(client, sourceKinds=["subAgentReview"]) == [thread_id(5)]
        assert await ids(client, sourceKinds=["subAgent"]) == [thread_id(5)]
        assert set(await ids(client, sourceKinds=["cli", "exec"])) == {thread_id(1), thread_id(3)}


async def test_threads_are_filtered_by_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, cwd in ((1, "/project"), (2, "/play"), (3, str(tmp_path / "here"))):
        write(tmp_path, number, cwd=cwd)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, cwd="/project") == [thread_id(1)]
        assert await ids(client, cwd="/project/../play/") == [thread_id(2)]
        assert set(await ids(client, cwd=["/project", "/play", "/none"])) == {thread_id(1), thread_id(2)}
        assert await ids(client, cwd="here") == [thread_id(3)]
        assert await ids(client, cwd=[]) == []


async def test_threads_are_found_by_title_and_first_words(tmp_path: Path) -> None:
    write(tmp_path, 1, text="Mend the roof")
    write(tmp_path, 2, text="Paint the door")
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/name/set", threadId=thread_id(2), name="A red ROOM")
        assert await ids(client, searchTerm="roof") == [thread_id(1)]
        assert await ids(client, searchTerm="ROOM") == [thread_id(2)]
        assert len(await ids(client, searchTerm="")) == 2
        assert await ids(client, searchTerm="cellar") == []


async def test_archived_threads_have_a_list_of_their_own(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path, number)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=thread_id(1))
        assert await ids(client) == [thread_id(2)]
        assert await ids(client, archived=True) == [thread_id(1)]


async def test_a_thread_without_a_word_of_its_user_is_not_listed(tmp_path: Path) -> None:
    RolloutBuilder(tmp_path, provider="scripted").write()
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client) == []


@pytest.mark.parametrize("cursor", ["", "x", "2026-13-01T00:00:00Z", "2026-01-05T12:00:00Z|x", "5", "0" * 5000])
async def test_a_bad_cursor_is_named(tmp_path: Path, cursor: str) -> None:
    write(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused) as caught:
            await client.call("thread/list", cursor=cursor)
        assert (caught.value.code, caught.value.message) == (-32600, f"invalid cursor: {cursor}")


async def test_a_bare_time_is_a_cursor(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path, number, second=number)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, cursor="2026-01-05T12:00:02Z") == [thread_id(1)]
        assert await ids(client, cursor="2026-01-05T12-00-02", sortDirection="asc") == [thread_id(3)]


async def test_limits_are_bent_into_their_bounds(tmp_path: Path) -> None:
    for number in range(1, 103):
        write(tmp_path, number)
    async with running(tmp_path) as server:
        client = await server.client()
        lengths = [len(await ids(client, limit=limit)) for limit in (None, 0, 100, 101, 1_000_000)]
        assert lengths == [25, 1, 100, 100, 100]
        with pytest.raises(Refused) as refused:
            await ids(client, limit=-5)
        assert refused.value.code == -32600


async def test_the_list_shows_the_status_of_threads_that_are_loaded(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread_id(1))
        assert (await client.call("thread/list"))["data"][0]["status"] == {"type": "idle"}
        started = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        await client.run_turn(started, "Hello")
        assert await ids(client) == [started, thread_id(1)]


async def test_loaded_threads_come_in_pages_of_ascending_ids(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        plain(tmp_path, number=number)
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        for number in (3, 1, 2):
            await client.call("thread/resume", threadId=thread_id(number))
        everything = [thread_id(number) for number in (1, 2, 3)]
        assert await other.call("thread/loaded/list") == {"data": everything, "nextCursor": None}
        assert await pages(other, "thread/loaded/list", limit=2) == [everything[:2], everything[2:]]
        assert await pages(other, "thread/loaded/list", limit=0) == [[each] for each in everything]
        assert await pages(other, "thread/loaded/list", limit=3) == [everything]


async def test_a_cursor_of_the_loaded_list_need_not_be_loaded_any_more(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        plain(tmp_path, number=number)
    async with running(tmp_path) as server:
        client = await server.client()
        for number in (1, 2, 3):
            await client.call("thread/resume", threadId=thread_id(number))
        page = await client.call("thread/loaded/list", limit=2)
        await client.call("thread/archive", threadId=page["nextCursor"])
        rest = await client.call("thread/loaded/list", cursor=page["nextCursor"])
        assert rest == {"data": [thread_id(3)], "nextCursor": None}
        with pytest.raises(Refused, match="-32600: invalid cursor: x"):
            await client.call("thread/loaded/list", cursor="x")
