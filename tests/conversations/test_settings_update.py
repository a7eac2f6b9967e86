"""thread/settings/update through the wire: later turns run with other settings, and who follows the thread knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_147
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, Refused, Server, running
from tests.support.rollouts import plain, thread_id

pytestmark = pytest.mark.since(V0_147)

UPDATE, UPDATED = "thread/settings/update", "thread/settings/updated"


def answers(*texts: str) -> list[Response]:
    return [[message(text), completed()] for text in texts]


def rollouts(home: Path) -> list[Path]:
    return [*home.rglob("rollout-*.jsonl")]


async def start(client: Client, **params: Any) -> str:
    thread: str = (await client.call("thread/start", cwd="/", **params))["thread"]["id"]
    return thread


async def update(client: Client, thread: str, **changes: Any) -> None:
    assert await client.call(UPDATE, threadId=thread, **changes) == {}


async def resumed(server: Server, thread: str) -> Message:
    client = await server.client()
    found: Message = await client.call("thread/resume", threadId=thread)
    return found


async def test_followers_are_told_and_the_next_turn_runs_with_them(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one")) as server:
        client, bystander, old = await server.client(), await server.client(), await server.client(version=V0_125)
        thread = await start(client)
        await old.call("thread/resume", threadId=thread)
        await update(bystander, thread, model="other", effort="high", cwd="/usr", permissions=":workspace")
        told = await client.hear(UPDATED)
        assert told["threadId"] == thread
        settings = told["threadSettings"]
        assert (settings["model"], settings["effort"], settings["cwd"]) == ("other", "high", "/usr")
        assert settings["sandboxPolicy"]["type"] == "workspaceWrite"
        assert settings["activePermissionProfile"] == {"id": ":workspace", "extends": None}
        assert settings["collaborationMode"]["settings"]["model"] == "other"
        for each in (bystander, old):
            await each.settle()
            assert each.heard(UPDATED) == []
        await client.run_turn(thread, "hi")
        assert server.provider.requests[0].model == "other"
        assert len(client.heard(UPDATED)) == 1


async def test_what_changes_nothing_is_not_told(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start(client)
        await update(client, thread)
        await update(client, thread, model="test-model", approvalPolicy="never")
        await client.settle()
        assert client.heard(UPDATED) == []


async def test_the_overrides_of_a_turn_are_told_before_its_reply(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one", "two")) as server:
        client = await server.client()
        thread = await start(client)
        already = len(client.log)
        given = {"threadId": thread, "input": [{"type": "text", "text": "hi"}], "model": "other"}
        await client.call("turn/start", **given)
        assert client.methods(already)[:2] == [UPDATED, "reply"]
        await client.hear("turn/completed")
        await client.call("turn/start", **given)
        await client.hear("turn/completed")
        assert [told["threadSettings"]["model"] for told in client.heard(UPDATED)] == ["other"]


async def test_a_running_turn_goes_on_as_it_is(tmp_path: Path) -> None:
    gate = Gate()
    first: Response = [message(deltas=["Hel", gate, "lo"]), completed()]
    async with running(tmp_path, first, *answers("two")) as server:
        client = await server.client()
        thread = await start(client)
        await client.start_turn(thread, "one")
        await gate.reached.wait()
        await update(client, thread, model="other")
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        await client.run_turn(thread, "two")
        assert [request.model for request in server.provider.requests] == ["test-model", "other"]


async def test_model_and_effort_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, *answers("one")) as server:
        client = await server.client()
        thread = await start(client)
        await client.run_turn(thread, "hi")
        await update(client, thread, model="other", effort="low")
    async with running(tmp_path) as server:
        found = await resumed(server, thread)
        assert (found["model"], found["reasoningEffort"]) == ("other", "low")
        copy = await (await server.client()).call("thread/fork", threadId=thread)
        assert (copy["model"], copy["reasoningEffort"]) == ("other", "low")


async def test_it_puts_no_thread_on_disk_and_does_not_change_its_turns(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        fresh = (await client.call("thread/start", cwd="/"))["thread"]
        await update(client, fresh["id"], model="other")
        assert rollouts(tmp_path) == [written.path]
        await client.call("thread/resume", threadId=written.thread_id)
        before = (await client.call("thread/read", threadId=written.thread_id, includeTurns=True))["thread"]["turns"]
        await update(client, written.thread_id, model="other")
        after = (await client.call("thread/read", threadId=written.thread_id, includeTurns=True))["thread"]["turns"]
        assert after == before
    kept = json.loads(written.path.read_text().splitlines()[-1])["payload"]
    assert (kept["type"], kept["thread_settings"]["model"]) == ("thread_settings_applied", "other")


async def test_older_clients_hear_what_they_know(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client(version=V0_147)
        thread = await start(client, approvalPolicy="on-failure")
        await update(client, thread, model="other")
        settings = (await client.hear(UPDATED))["threadSettings"]
        assert settings["approvalPolicy"] == "on-request"
        assert {"environments", "disabledPluginIds"} & settings.keys() == set()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"permissions": ":nope"}, "unknown permission profile `:nope`"),
        ({"permissions": ":workspace", "sandboxPolicy": {"type": "readOnly"}}, "`permissions` cannot be combined"),
        ({"environments": [{"environmentId": "moon", "cwd": "/"}]}, "unknown turn environment id `moon`"),
        ({"model": ""}, "model must not be empty"),
        ({"approvalPolicy": "perhaps"}, "Invalid request"),
    ],
    ids=str,
)
async def test_what_cannot_be_set_is_refused_and_changes_nothing(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start(client)
        with pytest.raises(Refused, match=f"-32600: {reason}"):
            await update(client, thread, cwd="/usr", **changes)
        await client.settle()
        assert client.heard(UPDATED) == []
        assert (await resumed(server, thread))["cwd"] == "/"


async def test_it_needs_a_loaded_thread_and_the_capability(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client, simple = await server.client(), await server.client(experimental=False)
        for thread in (written.thread_id, thread_id(99)):
            with pytest.raises(Refused, match=f"-32600: thread not found: {thread}"):
                await update(client, thread, model="other")
        with pytest.raises(Refused, match=f"{UPDATE} requires experimentalApi capability"):
            await update(simple, written.thread_id, model="other")
