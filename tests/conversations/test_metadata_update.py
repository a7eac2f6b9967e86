"""thread/metadata/update through the wire: kept, cleared, set; shown everywhere and after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import completed, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import plain, thread_id, with_git

MAIN = {"sha": "c0ffee", "branch": "main", "originUrl": "https://x/r.git"}


async def update(client: Client, thread: str, **git: Any) -> Message:
    result: Message = await client.call("thread/metadata/update", threadId=thread, gitInfo=git)
    return result["thread"]  # type: ignore[no-any-return]


async def read(client: Client, thread: str) -> Message:
    found: Message = (await client.call("thread/read", threadId=thread))["thread"]
    return found


def is_on_disk(path: str) -> bool:
    return Path(path).exists()


async def test_what_is_absent_stays_null_clears_and_text_is_trimmed(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    before = written.path.stat().st_mtime_ns
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        assert (await read(client, written.thread_id))["gitInfo"] == MAIN
        thread = await update(client, written.thread_id, branch="  dev\n", originUrl=None)
        assert thread["gitInfo"] == {"sha": "c0ffee", "branch": "dev", "originUrl": None}
        assert (thread["id"], thread["turns"], thread["status"]) == (written.thread_id, [], {"type": "notLoaded"})
        assert await read(other, written.thread_id) == thread
        await other.settle()
        assert other.methods() == ["reply"]  # nobody is told
    assert written.path.stat().st_mtime_ns == before


async def test_a_thread_without_repository_gets_one_and_loses_it(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await update(client, written.thread_id, sha="1")
        assert thread["gitInfo"] == {"sha": "1", "branch": None, "originUrl": None}
        assert (await update(client, written.thread_id, sha=None))["gitInfo"] is None
        assert (await read(client, written.thread_id))["gitInfo"] is None


async def test_read_list_and_resume_show_it_after_a_restart_too(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    expected = MAIN | {"branch": "dev"}
    async with running(tmp_path) as server:
        await update(await server.client(), written.thread_id, branch="dev")
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await read(client, written.thread_id))["gitInfo"] == expected
        assert (await client.call("thread/list", modelProviders=[]))["data"][0]["gitInfo"] == expected
        assert (await client.call("thread/resume", threadId=written.thread_id))["thread"]["gitInfo"] == expected
        await client.call("thread/archive", threadId=written.thread_id)
        back = (await client.call("thread/unarchive", threadId=written.thread_id))["thread"]
        assert back["gitInfo"] == expected


async def test_a_loaded_thread_shows_it_to_who_joins_and_after_a_restart(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    async with running(tmp_path) as server:
        client, joiner = await server.client(), await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        thread = await update(joiner, written.thread_id, branch="dev")
        assert thread["status"] == {"type": "idle"}
        assert (await joiner.call("thread/resume", threadId=written.thread_id))["thread"]["gitInfo"]["branch"] == "dev"
        rolled_back = await client.call("thread/rollback", threadId=written.thread_id, numTurns=1)
        assert rolled_back["thread"]["gitInfo"]["branch"] == "dev"
    async with running(tmp_path) as server:
        assert (await read(await server.client(), written.thread_id))["gitInfo"]["branch"] == "dev"


async def test_a_new_thread_is_not_put_on_disk_by_it_but_keeps_it(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]
        await update(client, thread["id"], branch="dev")
        assert not is_on_disk(thread["path"])
        await client.run_turn(thread["id"], "hi")
    async with running(tmp_path) as server:
        assert (await read(await server.client(), thread["id"]))["gitInfo"]["branch"] == "dev"


async def test_an_archived_thread_can_be_updated(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await client.call("thread/archive", threadId=written.thread_id)
        thread = await update(client, written.thread_id, branch="dev")
        assert (thread["gitInfo"]["branch"], Path(thread["path"]).parent.name) == ("dev", "archived_sessions")


async def test_a_fork_says_what_its_own_rollout_says(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        await update(client, written.thread_id, branch="dev")
        child = (await client.call("thread/fork", threadId=written.thread_id))["thread"]
        assert (child["gitInfo"] or {}).get("branch") != "dev"


@pytest.mark.parametrize(
    ("git", "reason"),
    [
        ({}, "gitInfo must include at least one field"),
        (None, "gitInfo must include at least one field"),
        ({"sha": ""}, "gitInfo.sha must not be empty"),
        ({"sha": "1", "branch": " "}, "gitInfo.branch must not be empty"),
        ({"originUrl": "\n"}, "gitInfo.originUrl must not be empty"),
        ({"sha": 1}, "Invalid request"),
    ],
    ids=str,
)
async def test_an_update_that_says_nothing_is_refused_and_changes_nothing(
    tmp_path: Path, git: Any, reason: str
) -> None:
    written = with_git(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        with pytest.raises(Refused, match=f"-32600: {reason}"):
            await client.call("thread/metadata/update", threadId=written.thread_id, gitInfo=git)
        assert (await read(client, written.thread_id))["gitInfo"] == MAIN
    assert not (tmp_path / "threadcast/metadata.jsonl").exists()


async def test_unknown_and_ephemeral_threads_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        ephemeral = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]["id"]
        with pytest.raises(Refused, match=f"-32600: ephemeral thread does not support metadata updates: {ephemeral}"):
            await update(client, ephemeral, sha="1")
        with pytest.raises(Refused, match=f"-32600: thread not found: {thread_id(99)}"):
            await update(client, thread_id(99), sha="1")
        with pytest.raises(Refused, match="-32600: invalid thread id"):
            await update(client, "nonsense", sha="1")


async def test_where_it_cannot_be_written_the_request_fails_and_nothing_changes(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        (tmp_path / "threadcast" / "metadata.jsonl").mkdir(parents=True)
        with pytest.raises(Refused, match=r"-32603: the metadata of thread .* cannot be written"):
            await update(client, written.thread_id, branch="dev")


async def test_every_change_is_one_line_of_the_file(tmp_path: Path) -> None:
    written = with_git(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        for branch in ("a", "b"):
            await update(client, written.thread_id, branch=branch)
    lines = [json.loads(line) for line in (tmp_path / "threadcast/metadata.jsonl").read_text().splitlines()]
    assert [(line["id"], line["git"]["branch"]) for line in lines] == [
        (written.thread_id, "a"),
        (written.thread_id, "b"),
    ]
