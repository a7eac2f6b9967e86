"""The built-in model makes a person be asked, so that approvals can be tried without a key."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import started
from tests.support.harness import CONFIG, Client, running

OFFLINE = CONFIG.replace('"scripted"', '"offline"').replace('"test-model"', '"offline"')
PLAN = {"mode": "plan", "settings": {"model": "offline", "reasoning_effort": None, "developer_instructions": None}}


def said(client: Client) -> str:
    """What the model said last."""
    ended = [each["item"] for each in client.heard("item/completed")]
    return str([item["text"] for item in ended if item["type"] == "agentMessage"][-1])


async def test_a_command_a_patch_and_an_escalation_wait_for_a_person(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home", config=OFFLINE) as server:
        client, thread = await started(server, work, sandbox="workspace-write", approvalPolicy="untrusted")
        for text, method in (
            ("please run `touch made`", "item/commandExecution/requestApproval"),
            ("write: notes.txt some words", "item/fileChange/requestApproval"),
        ):
            await client.start_turn(thread, text)
            await client.answer(await client.asked(method), decision="decline")
            await client.hear("turn/completed")
            assert "rejected" in said(client)
        assert list(work.iterdir()) == []
        await client.start_turn(thread, "write: notes.txt some words")
        await client.answer(await client.asked("item/fileChange/requestApproval"), decision="accept")
        await client.hear("turn/completed")
        assert (work / "notes.txt").read_text() == "some words\n"


async def test_a_question_is_asked_in_plan_mode(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=OFFLINE) as server:
        client, thread = await started(server, tmp_path / "work")
        asked = [{"type": "text", "text": "ask: Shall it be blue?"}]
        await client.call("turn/start", threadId=thread, input=asked, collaborationMode=PLAN)
        question = await client.asked("item/tool/requestUserInput")
        assert question["params"]["questions"][0]["question"] == "Shall it be blue?"
        await client.answer(question, answers={"question": {"answers": ["Yes"]}})
        await client.hear("turn/completed")
