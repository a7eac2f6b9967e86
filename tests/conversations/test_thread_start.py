"""thread/start through the wire: the reply, who hears of it, what it settles, and what is not on disk yet."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, Version
from server.providers.scripted import completed, message
from tests.support.harness import CONFIG, Client, Message, Refused, running

MEMBERS = {
    "id", "forkedFromId", "preview", "ephemeral", "modelProvider", "createdAt", "updatedAt", "status", "path", "cwd",
    "cliVersion", "source", "agentNickname", "agentRole", "gitInfo", "name", "turns",
}  # fmt: skip
SESSION = {
    "thread", "model", "modelProvider", "serviceTier", "cwd", "instructionSources", "approvalPolicy",
    "approvalsReviewer", "sandbox", "permissionProfile", "reasoningEffort",
}  # fmt: skip


async def refusal(client: Client, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    assert caught.value.code == -32600
    return caught.value.message


def rollouts(home: Path) -> list[Path]:
    """All that stands in the home, but for settings, our index and locks."""
    own = ("config.toml", "threadcast", "thread-writer-locks")
    return [path for path in home.rglob("*") if path.is_file() and path.relative_to(home).parts[0] not in own]


def first_line(path: str) -> Message:
    line: Message = json.loads(Path(path).read_text().partition("\n")[0])
    return line


async def test_the_reply_comes_first_and_then_everybody_hears_of_the_thread(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        session = await client.call("thread/start", cwd="/project")
        await client.settle()
        assert client.methods() == ["reply", "thread/started"]
        await other.settle()
        assert other.methods() == ["thread/started"]
        assert client.heard("thread/started") == other.heard("thread/started") == [{"thread": session["thread"]}]


async def test_the_reply_holds_the_thread_and_the_settings_it_runs_with(tmp_path: Path, dialect: Version) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        session = await client.call("thread/start", cwd="/project")
        thread = session["thread"]
        if dialect == V0_125:
            assert (set(session), set(thread)) == (SESSION, MEMBERS)
        assert set(session) >= SESSION - {"permissionProfile"}
        assert set(thread) >= MEMBERS
        assert (thread["preview"], thread["turns"], thread["name"], thread["forkedFromId"]) == ("", [], None, None)
        assert (thread["status"], thread["ephemeral"], thread["source"]) == ({"type": "idle"}, False, "vscode")
        assert thread["createdAt"] == thread["updatedAt"]
        assert thread["cwd"] == session["cwd"] == "/project"
        assert Path(thread["path"]).is_relative_to(tmp_path / "sessions")
        assert thread["path"].endswith(f"-{thread['id']}.jsonl")
        assert (session["model"], session["modelProvider"]) == ("test-model", "scripted")
        assert (session["approvalPolicy"], session["sandbox"]["type"]) == ("never", "readOnly")


async def test_nothing_is_on_disk_before_the_first_turn(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client("probe")
        thread = (await client.call("thread/start", cwd="/project"))["thread"]
        assert rollouts(tmp_path) == []
        assert (await client.call("thread/list"))["data"] == []
        await client.run_turn(thread["id"], "Hello")
        assert rollouts(tmp_path) == [Path(thread["path"])]
        meta = first_line(thread["path"])["payload"]
        assert (meta["id"], meta["cwd"], meta["originator"]) == (thread["id"], "/project", "probe")
        assert (meta["model_provider"], meta["source"]) == ("scripted", "vscode")
        assert [listed["id"] for listed in (await client.call("thread/list"))["data"]] == [thread["id"]]


async def test_a_thread_without_a_turn_is_gone_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    assert rollouts(tmp_path) == []
    async with running(tmp_path) as server:
        client = await server.client()
        told = await refusal(client, "thread/resume", threadId=thread_id)
        assert told == f"no rollout found for thread id {thread_id}"


async def test_what_the_caller_sets_goes_before_the_configuration(tmp_path: Path, dialect: Version) -> None:
    asked = {
        "model": "other-model",
        "approvalPolicy": "on-request",
        "sandbox": "danger-full-access",
        "serviceTier": "flex",
        "approvalsReviewer": "auto_review",
        "config": {"model_reasoning_effort": "high"},
    }
    async with running(tmp_path) as server:
        client = await server.client()
        session = await client.call("thread/start", cwd="/", **asked)
        assert (session["model"], session["approvalPolicy"]) == ("other-model", "on-request")
        assert session["sandbox"] == {"type": "dangerFullAccess"}
        assert session.get("permissionProfile") == ({"type": "disabled"} if dialect == V0_125 else None)
        assert (session["serviceTier"], session["reasoningEffort"]) == ("flex", "high")
        assert session["approvalsReviewer"] == "auto_review"


async def test_a_change_of_the_configuration_holds_for_threads_started_afterwards(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        before = await client.call("thread/start", cwd="/")
        (tmp_path / "config.toml").write_text(CONFIG.replace("test-model", "newer-model"))
        after = await client.call("thread/start", cwd="/")
        assert (before["model"], after["model"]) == ("test-model", "newer-model")


@pytest.mark.parametrize("method", ["thread/start", "thread/resume", "thread/fork"])
async def test_two_ways_to_say_what_may_be_done_are_one_too_many(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        both = {"sandbox": "read-only", "permissionProfile": {"type": "disabled"}, "threadId": "any"}
        told = await refusal(client, method, **both)
        assert told == "`permissionProfile` cannot be combined with `sandbox`"
        assert (await client.call("thread/loaded/list"))["data"] == []


async def test_a_configuration_that_cannot_be_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        told = await refusal(client, "thread/start", modelProvider="nope")
        assert told == "failed to load configuration: Model provider `nope` not found"
        told = await refusal(client, "thread/start", config={"model_reasoning_effort": ""})
        assert told.startswith("failed to load configuration: `model_reasoning_effort`")
        told = await refusal(client, "thread/start", config={"profile": "nope"})
        assert told == "failed to load configuration: configuration profile `nope` not found"
        told = await refusal(client, "thread/start", environments=[{"environmentId": "x", "cwd": "/"}])
        assert told == "unknown turn environment id `x`"
        await client.settle()
        assert client.heard("thread/started") == []


async def test_a_relative_folder_is_one_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path / "place")
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert (await client.call("thread/start"))["cwd"] == str(tmp_path / "place")
        assert (await client.call("thread/start", cwd="sub"))["cwd"] == str(tmp_path / "place" / "sub")


def git(folder: Path, *arguments: str) -> str:
    alone = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "PATH": "/usr/bin:/bin"}
    author = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    ran = subprocess.run(
        ["git", *author, *arguments], cwd=folder, env=alone, capture_output=True, check=True, text=True
    )
    return ran.stdout.strip()


async def test_a_thread_in_a_repository_remembers_its_commit_branch_and_origin(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    inside = repository / "deep" / "down"
    inside.mkdir(parents=True)
    git(repository, "init", "--initial-branch=trunk")
    git(repository, "commit", "--allow-empty", "--message=First")
    git(repository, "remote", "add", "origin", "https://example.org/r.git")
    expected = {
        "sha": git(repository, "rev-parse", "HEAD"),
        "branch": "trunk",
        "originUrl": "https://example.org/r.git",
    }
    async with running(tmp_path / "home", [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd=str(inside)))["thread"]
        await client.run_turn(thread["id"], "Hello")
        meta = first_line(thread["path"])["payload"]
        assert meta["git"]["commit_hash"] == expected["sha"]
    async with running(tmp_path / "home") as server:
        client = await server.client()
        assert (await client.call("thread/read", threadId=thread["id"]))["thread"]["gitInfo"] == expected
        assert (await client.call("thread/list"))["data"][0]["gitInfo"] == expected


async def test_a_repository_without_a_commit_and_a_folder_without_a_repository_are_no_trouble(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch=trunk")
    async with running(tmp_path / "home", [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd=str(tmp_path)))["thread"]
        await client.run_turn(thread["id"], "Hello")
        assert first_line(thread["path"])["payload"]["git"] == {"branch": "trunk"}
        assert (await client.call("thread/start", cwd="/"))["thread"]["gitInfo"] is None


async def test_an_ephemeral_thread_lives_in_memory_and_nowhere_else(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()], [message("Again"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await client.call("thread/start", cwd="/", ephemeral=True))["thread"]
        thread_id = thread["id"]
        assert (thread["ephemeral"], thread["path"]) == (True, None)
        await other.hear("thread/started")
        assert (await client.run_turn(thread_id, "Hello"))["status"] == "completed"
        assert (await client.run_turn(thread_id, "Once more"))["status"] == "completed"
        assert rollouts(tmp_path) == []
        assert (await client.call("thread/list"))["data"] == []
        assert (await client.call("thread/loaded/list"))["data"] == [thread_id]
        read = (await other.call("thread/read", threadId=thread_id))["thread"]
        assert (read["ephemeral"], read["path"], read["status"]) == (True, None, {"type": "idle"})
        for method in ("thread/fork", "thread/archive"):
            assert await refusal(client, method, threadId=thread_id) == f"no rollout found for thread id {thread_id}"
        assert "ephemeral" in await refusal(client, "thread/name/set", threadId=thread_id, name="A name")
        await other.settle()
        assert (await client.call("thread/read", threadId=thread_id))["thread"]["status"] == {"type": "idle"}
        assert rollouts(tmp_path) == []


async def test_threads_started_at_once_are_all_there(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        asked = [await client.post("thread/start", {"cwd": "/"}) for _ in range(20)]
        started = {(await client.reply(number))["result"]["thread"]["id"] for number in asked}
        assert len(started) == 20
        assert (await client.call("thread/loaded/list"))["data"] == sorted(started)
        await client.settle()
        assert {told["thread"]["id"] for told in client.heard("thread/started")} == started
