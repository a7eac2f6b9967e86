"""thread/list as newer clients ask for it, and what they hear of each thread."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_169
from rollout import events
from server.providers.scripted import completed, message
from tests.conversations.test_thread_list import ids, pages, write
from tests.support.harness import Refused, running
from tests.support.rollouts import RolloutBuilder, thread_id

pytestmark = pytest.mark.since(V0_169)

SPAWNED: dict[str, Any] = {"subagent": {"thread_spawn": {"parent_thread_id": thread_id(1), "depth": 1}}}


async def test_a_thread_is_as_recent_as_its_last_turn(tmp_path: Path) -> None:
    """A name given later makes it newer, but not more recent."""
    for number in (1, 2, 3):
        write(tmp_path, number, second=number)
    async with running(tmp_path, [message("Once more."), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread_id(1))
        await client.run_turn(thread_id(1), "Hello again")
        await client.call("thread/name/set", threadId=thread_id(2), name="Renamed")
        by_recency = await ids(client, sortKey="recency_at")
        assert by_recency == [thread_id(1), thread_id(3), thread_id(2)]
        assert (await ids(client, sortKey="updated_at"))[0] == thread_id(2)
        rows = {row["id"]: row for row in (await client.call("thread/list"))["data"]}
        assert rows[thread_id(1)]["recencyAt"] > rows[thread_id(2)]["recencyAt"] == rows[thread_id(2)]["createdAt"] + 1
        listed = await pages(client, "thread/list", limit=1, sortKey="recency_at")
        assert list(chain(*listed)) == by_recency


async def test_threads_are_found_by_the_thread_that_spawned_them(tmp_path: Path) -> None:
    write(tmp_path, 1)
    write(tmp_path, 2, source=SPAWNED)
    write(tmp_path, 3, source={"subagent": "review"}, parent=thread_id(2))
    write(tmp_path, 4)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, sortDirection="asc") == [thread_id(1), thread_id(4)]
        assert await ids(client, parentThreadId=thread_id(1)) == [thread_id(2)]
        assert await ids(client, ancestorThreadId=thread_id(1)) == [thread_id(3), thread_id(2)]
        assert await ids(client, ancestorThreadId=thread_id(1), sourceKinds=["subAgentReview"]) == [thread_id(3)]
        (child,) = (await client.call("thread/list", parentThreadId=thread_id(1)))["data"]
        assert child["parentThreadId"] == thread_id(1)


async def test_threads_are_filtered_by_their_maker_and_left_out_by_id(tmp_path: Path) -> None:
    write(tmp_path, 1, originator="an_sdk")
    write(tmp_path, 2)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, originators=["an_sdk"]) == [thread_id(1)]
        assert await ids(client, originators=[]) == [thread_id(2), thread_id(1)]
        assert await ids(client, excludedThreadIds=[thread_id(2).upper()]) == [thread_id(1)]
        assert await ids(client, limit=1, excludedThreadIds=[thread_id(2)]) == [thread_id(1)], "before the limit"
        assert await ids(client, currentAccountOnly=True) == [thread_id(2), thread_id(1)]


async def test_no_thread_is_in_a_section_or_project_or_attached(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        assert await ids(client, sectionId=None, projectId=None, sortKey="section_position") == [thread_id(1)]
        assert await ids(client, sectionId="a-section") == []
        assert await ids(client, attachedToThreadId=thread_id(1)) == []
        assert await ids(client, includeAttachedThreads=True, searchTerm="hello") == [thread_id(1)]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"sortKey": "section_position"}, "sectionId"),
        ({"parentThreadId": thread_id(1), "ancestorThreadId": thread_id(1)}, "mutually exclusive"),
        ({"parentThreadId": "x"}, "invalid thread id"),
        ({"includeAttachedThreads": True}, "searchTerm"),
        ({"excludedThreadIds": ["x"]}, "excludedThreadIds"),
        ({"excludedThreadIds": [thread_id(1)] * 101}, "101"),
        ({"projectId": "p"}, "project not found: p"),
    ],
)
async def test_what_contradicts_itself_is_refused(tmp_path: Path, params: dict[str, Any], told: str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=told):
            await client.call("thread/list", **params)


async def test_a_thread_tells_what_its_rollout_says_of_it(tmp_path: Path) -> None:
    write(tmp_path, 1)
    async with running(tmp_path) as server:
        client = await server.client()
        (row,) = (await client.call("thread/list"))["data"]
        told = {name: row[name] for name in ("sessionId", "historyMode", "originator", "model", "environments")}
        assert told == {
            "sessionId": thread_id(1),
            "historyMode": "legacy",
            "originator": "tests",
            "model": "mock-model",
            "environments": None,
        }


@pytest.mark.parametrize("mode", ["legacy", "paginated"])
async def test_the_clients_own_id_of_what_was_said_outlives_the_server(tmp_path: Path, mode: str) -> None:
    write(tmp_path, 1, history_mode=mode)
    image = {"type": "image", "url": "data:image/png;base64,eA==", "detail": "low"}
    said = [{"type": "text", "text": "Look", "text_elements": []}, image]
    async with running(tmp_path, [message("Yes."), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread_id(1))
        await client.call("turn/start", threadId=thread_id(1), input=said, clientUserMessageId="mine")
        await client.hear("turn/completed")
    async with running(tmp_path) as server:
        client = await server.client()
        thread = (await client.call("thread/read", threadId=thread_id(1), includeTurns=True))["thread"]
        item = thread["turns"][-1]["items"][0]
        assert (item["clientId"], item["content"]) == ("mine", said)


async def test_settings_that_were_written_down_are_restored_and_nothing_is_written(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path, provider="scripted").turn("Say hello", "Hello.")
    settings = {
        "model": "other-model",
        "approval_policy": "on-request",
        "permission_profile": {"type": "disabled"},
        "cwd": str(tmp_path),
        "reasoning_effort": "high",
    }
    builder.add(events.ThreadSettingsApplied(thread_id=builder.thread_id, thread_settings=settings))
    path = builder.write().path
    before = path.read_bytes()
    async with running(tmp_path) as server:
        client = await server.client()
        resumed = await client.call("thread/resume", threadId=builder.thread_id)
        names = ("model", "reasoningEffort", "approvalPolicy", "sandbox", "cwd")
        assert json.loads(json.dumps([resumed[name] for name in names])) == [
            "other-model",
            "high",
            "on-request",
            {"type": "dangerFullAccess"},
            str(tmp_path),
        ]
    assert path.read_bytes() == before
