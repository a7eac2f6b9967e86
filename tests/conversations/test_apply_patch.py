"""Patches through the wire: shown, asked about, applied, summed up; the same after a restart."""

from pathlib import Path
from typing import Any

import pytest

from server.providers.provider import ItemDone
from server.providers.scripted import Response, Step, completed, message
from tests.support.harness import Client, Message, Server, running

ADD = "*** Begin Patch\n*** Add File: new.txt\n+one\n+two\n*** End Patch\n"
UPDATE = "*** Begin Patch\n*** Update File: old.txt\n@@\n a\n-b\n+c\n*** End Patch\n"
BAD = "*** Begin Patch\n*** Update File: old.txt\n@@\n nowhere\n-b\n+c\n*** End Patch\n"

HEARD = (
    "thread/status/changed",
    "item/started",
    "item/fileChange/requestApproval",
    "serverRequest/resolved",
    "item/fileChange/outputDelta",
    "item/completed",
    "turn/diff/updated",
    "turn/completed",
)


def patch(text: str, call_id: str = "call-1") -> list[Step]:
    """An answer of the model that only calls the tool."""
    item = {"type": "custom_tool_call", "name": "apply_patch", "call_id": call_id, "input": text}
    return [ItemDone(item=item), completed()]


def prepared(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "old.txt").write_text("a\nb\n")


async def started(server: Server, folder: Path, **params: Any) -> tuple[Client, str]:
    """A client with a thread in this folder, whose history holds one file."""
    prepared(folder)
    client = await server.client()
    params = {"cwd": str(folder), "sandbox": "workspace-write", "approvalPolicy": "on-request"} | params
    thread = (await client.call("thread/start", **params))["thread"]["id"]
    client.log.clear()
    return client, thread


def heard(client: Client) -> list[str]:
    """What was told of the patch and of the thread, in order; of items only of the patch."""
    told: list[str] = []
    for each in client.log:
        method, params = each.get("method"), each.get("params", {})
        if method in HEARD and params.get("item", {"type": "fileChange"})["type"] == "fileChange":
            status = params.get("status", {}) if method == "thread/status/changed" else params.get("item", {})
            flags = status.get("activeFlags") if method == "thread/status/changed" else status.get("status")
            told.append(method if not flags else f"{method} {''.join(flags)}")
    return told


def shown_patch(client: Client) -> Message:
    """The patch as it was in the end."""
    item: Message
    (item,) = [each["item"] for each in client.heard("item/completed") if each["item"]["type"] == "fileChange"]
    return item


def answers(server: Server, request: int = -1) -> list[Any]:
    """What the model was told of its calls."""
    items = server.provider.requests[request].input
    return [each["output"] for each in items if each["type"].endswith("_call_output")]


async def test_a_patch_within_the_workspace_is_applied_shown_and_summed_up(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home", patch(UPDATE), [message("done"), completed()]) as server:
        client, thread = await started(server, work)
        await client.run_turn(thread, "go")
        assert (work / "old.txt").read_text() == "a\nc\n"
        assert heard(client) == [
            "thread/status/changed",
            "item/started inProgress",
            "item/fileChange/outputDelta",
            "item/completed completed",
            *["turn/diff/updated"] * 3,
            "thread/status/changed",
            "turn/completed",
        ]
        (change,) = shown_patch(client)["changes"]
        assert change == {
            "path": str(work / "old.txt"),
            "kind": {"type": "update", "move_path": None},
            "diff": "@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        }
        diff = client.heard("turn/diff/updated")[0]["diff"]
        assert "--- a/" in diff
        assert "-b\n+c\n" in diff
        (told,) = answers(server)
        assert told.startswith("Exit code: 0\nWall time: ")
        assert told.endswith("Output:\nSuccess. Updated the following files:\nM old.txt\n")


async def live_and_read(client: Client, thread: str) -> tuple[list[Message], list[Message]]:
    """The patches as they were told, and as the thread has them."""
    told = [each["item"] for each in client.heard("item/completed")]
    turns = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
    read = [item for turn in turns for item in turn["items"]]
    return [[each for each in items if each["type"] == "fileChange"] for items in (told, read)]  # type: ignore[return-value]


async def test_patches_are_the_same_after_a_restart(tmp_path: Path) -> None:
    outside = f"*** Begin Patch\n*** Add File: {tmp_path}/out.txt\n+x\n*** End Patch\n"
    script: list[Response] = [patch(ADD, "c1"), patch(outside, "c2"), [message("done"), completed()]]
    async with running(tmp_path / "home", *script) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="read-only")
        turn = await client.start_turn(thread, "go")
        for decision in ("accept", "decline"):
            question = await client.asked("item/fileChange/requestApproval")
            await client.answer(question, decision=decision)
        await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
        told, read = await live_and_read(client, thread)
        assert [item["status"] for item in told] == ["completed", "declined"]
        assert told == read
    async with running(tmp_path / "home") as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        assert (await live_and_read(client, thread))[1] == told


async def test_a_bad_patch_is_told_to_the_model_and_shown_to_nobody(tmp_path: Path) -> None:
    async with running(tmp_path / "home", patch(BAD), [message("done"), completed()]) as server:
        client, thread = await started(server, tmp_path / "work")
        await client.run_turn(thread, "go")
        assert heard(client) == ["thread/status/changed", "thread/status/changed", "turn/completed"]
        (told,) = answers(server)
        assert told.startswith("apply_patch verification failed: ")
        assert "nowhere" in told


@pytest.mark.parametrize(
    ("decision", "status", "written", "told"),
    [
        ("accept", "completed", True, "Exit code: 0"),
        ("acceptForSession", "completed", True, "Exit code: 0"),
        ("decline", "declined", False, "patch rejected by user"),
        ("nonsense", "declined", False, "patch rejected by user"),
    ],
)
async def test_a_patch_outside_the_sandbox_waits_for_an_answer(
    tmp_path: Path, decision: str, status: str, written: bool, told: str
) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home", patch(ADD), [message("done"), completed()]) as server:
        client, thread = await started(server, work, sandbox="read-only")
        await client.start_turn(thread, "go")
        question = await client.asked("item/fileChange/requestApproval")
        assert {key: question["params"][key] for key in ("threadId", "itemId", "grantRoot")} == {
            "threadId": thread,
            "itemId": "call-1",
            "grantRoot": None,
        }
        assert not (work / "new.txt").exists()
        await client.answer(question, decision=decision)
        await client.find(lambda m: m.get("method") == "turn/completed")
        assert (work / "new.txt").exists() == written
        assert answers(server)[0].startswith(told)
        shown = heard(client)
        assert shown[:5] == [
            "thread/status/changed",
            "item/started inProgress",
            "thread/status/changed waitingOnApproval",
            "item/fileChange/requestApproval",
            "serverRequest/resolved",
        ]
        assert f"item/completed {status}" in shown


async def test_cancel_stops_the_turn_as_well(tmp_path: Path) -> None:
    async with running(tmp_path / "home", patch(ADD), [message("again"), completed()]) as server:
        client, thread = await started(server, tmp_path / "work", sandbox="read-only")
        await client.start_turn(thread, "go")
        await client.answer(await client.asked("item/fileChange/requestApproval"), decision="cancel")
        ended = await client.find(lambda m: m.get("method") == "turn/completed")
        assert ended["params"]["turn"]["status"] == "interrupted"
        behind = ["thread/status/changed", "thread/status/changed", "turn/completed"]
        assert heard(client)[-4:] == ["item/completed declined", *behind]
        await client.run_turn(thread, "on")
        (told,) = answers(server)
        assert told.startswith("aborted by user after ")


async def test_what_was_accepted_for_the_session_is_not_asked_again(tmp_path: Path) -> None:
    work = tmp_path / "work"
    change = "*** Begin Patch\n*** Update File: new.txt\n@@\n-one\n+1\n*** End Patch\n"
    script: list[Response] = [patch(ADD), patch(change, "call-2"), [message("done"), completed()]]
    async with running(tmp_path / "home", *script) as server:
        client, thread = await started(server, work, sandbox="read-only")
        await client.start_turn(thread, "go")
        await client.answer(await client.asked("item/fileChange/requestApproval"), decision="acceptForSession")
        await client.find(lambda m: m.get("method") == "turn/completed")
        assert (work / "new.txt").read_text() == "1\ntwo\n"
        assert len(client.heard("item/fileChange/requestApproval")) == 1


@pytest.mark.parametrize(
    ("policy", "sandbox", "asked"),
    [
        ("untrusted", "danger-full-access", True),
        ("on-failure", "read-only", True),
        ("on-request", "danger-full-access", False),
        ("on-request", "workspace-write", False),
    ],
)
async def test_the_policies_say_whether_a_patch_is_asked_about(
    tmp_path: Path, policy: str, sandbox: str, asked: bool
) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home", patch(ADD), [message("done"), completed()]) as server:
        client, thread = await started(server, work, sandbox=sandbox, approvalPolicy=policy)
        await client.start_turn(thread, "go")
        if asked:
            await client.answer(await client.asked("item/fileChange/requestApproval"), decision="accept")
        await client.find(lambda m: m.get("method") == "turn/completed")
        assert (work / "new.txt").read_text() == "one\ntwo\n"
        assert bool(client.heard("item/fileChange/requestApproval")) == asked


async def test_never_asking_rejects_what_the_sandbox_does_not_allow(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home", patch(ADD), [message("done"), completed()]) as server:
        client, thread = await started(server, work, sandbox="read-only", approvalPolicy="never")
        await client.run_turn(thread, "go")
        assert not (work / "new.txt").exists()
        assert "patch was rejected" in answers(server)[0]
        assert "item/started inProgress" not in heard(client)


async def test_a_patch_cannot_change_what_is_protected_in_the_workspace(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    hook = "*** Begin Patch\n*** Add File: .git/hooks/pre-commit\n+rm -rf /\n*** End Patch\n"
    async with running(tmp_path / "home", patch(hook), [message("done"), completed()]) as server:
        client, thread = await started(server, work, approvalPolicy="never")
        await client.run_turn(thread, "go")
        assert not (work / ".git/hooks").exists()
        assert "patch was rejected" in answers(server)[0]
