"""What a model is told of what it may do: the truth of now, and again when it becomes another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.providers.provider import ModelRequest
from server.providers.scripted import Response, completed, message
from tests.support.harness import CONFIG, Client, running

ANSWER: Response = [message("x"), completed()]
TEXT = [{"type": "text", "text": "Hello"}]
OPENING = "<permissions instructions>\n"


def told(request: ModelRequest) -> list[str]:
    """Each time that the model was told what it may do, in a message for developers."""
    parts = [part for item in request.input if item.get("role") == "developer" for part in item["content"]]
    found = [part["text"] for part in parts if part["text"].startswith(OPENING)]
    assert all(text.endswith("\n</permissions instructions>") for text in found)
    return found


async def begun(client: Client, cwd: Path | str = "/", **params: Any) -> str:
    thread: str = (await client.call("thread/start", cwd=str(cwd), **params))["thread"]["id"]
    return thread


async def turn(client: Client, thread: str, **params: Any) -> None:
    await client.call("turn/start", threadId=thread, input=TEXT, **params)
    await client.hear("turn/completed")


@pytest.mark.parametrize(
    ("policy", "words", "asks"),
    [
        ("never", "Nobody is asked", False),
        ("on-request", "`require_escalated`", True),
        ("on-failure", "if one fails because of them", False),
        ("untrusted", "before each command", False),
        (
            {"granular": {"sandbox_approval": True, "rules": False, "mcp_elicitations": False}},
            "beyond these limits: asked; commands that a rule wants asked about: refused at once",
            False,
        ),
    ],
)
async def test_each_policy_has_its_words(tmp_path: Path, policy: Any, words: str, asks: bool) -> None:
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await turn(client, await begun(client), approvalPolicy=policy)
        (text,) = told(server.provider.requests[0])
        assert words in text
        assert ("`justification`" in text) == asks
        assert "`read-only`" in text
        assert "They have no network." in text


async def test_the_folders_that_may_be_written_are_named(tmp_path: Path) -> None:
    place, more = tmp_path / "project", tmp_path / "more"
    place.mkdir()
    more.mkdir()
    sandbox = {"type": "workspaceWrite", "writableRoots": [str(more)], "networkAccess": True, "excludeSlashTmp": True}
    async with running(tmp_path / "home", ANSWER, ANSWER, ANSWER) as server:
        client = await server.client()
        thread = await begun(client, place)
        await turn(client, thread, sandboxPolicy=sandbox | {"excludeTmpdirEnvVar": True})
        (text,) = told(server.provider.requests[0])
        assert f"in these folders: `{place}`, `{more}`. " in text
        assert "They can use the network." in text
        await turn(client, thread, sandboxPolicy={"type": "dangerFullAccess"})
        assert "no limits" in told(server.provider.requests[1])[-1]
        await turn(client, thread, sandboxPolicy={"type": "externalSandbox", "networkAccess": "restricted"})
        assert "that others keep" in told(server.provider.requests[2])[-1]


async def test_it_is_told_once_and_again_when_it_changes(tmp_path: Path) -> None:
    async with running(tmp_path, *[ANSWER] * 4) as server:
        client = await server.client()
        thread = await begun(client)
        await turn(client, thread)
        await turn(client, thread)
        await turn(client, thread, approvalPolicy="on-request")
        assert [len(told(request)) for request in server.provider.requests] == [1, 1, 2]
        assert "`on-request`" in told(server.provider.requests[-1])[-1]
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread, approvalPolicy="on-request")
        await turn(client, thread)
        assert len(told(server.provider.requests[0])) == 2


async def test_commands_that_the_user_allowed_for_ever_are_listed(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir(parents=True)
    lines = [
        'prefix_rule(pattern=["git", "fetch"], decision="allow")',
        'prefix_rule(pattern=["rm"], decision="forbidden")',
    ]
    (rules / "default.rules").write_text("\n".join(lines))
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await turn(client, await begun(client))
        (text,) = told(server.provider.requests[0])
        assert "- `git fetch`\n" in text
        assert "`rm`" not in text


async def test_a_machine_without_walls_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, ANSWER) as server:
        await server.app.sandbox.ready()
        server.app.sandbox.means = None
        client = await server.client()
        thread = await begun(client)
        await turn(client, thread)
        assert "No sandbox works on this machine, though" in told(server.provider.requests[0])[0]
        await turn(client, thread, sandboxPolicy={"type": "dangerFullAccess"})
        assert "No sandbox works" not in told(server.provider.requests[1])[-1]


async def test_the_configuration_may_leave_parts_of_the_context_out(tmp_path: Path) -> None:
    config = f"include_permissions_instructions = false\ninclude_environment_context = false\n{CONFIG}"
    async with running(tmp_path, ANSWER, config=config) as server:
        client = await server.client()
        await turn(client, await begun(client))
        assert told(server.provider.requests[0]) == []
        assert "<environment_context>" not in str(server.provider.requests[0].input)


async def test_the_instructions_of_a_thread_speak_of_the_tools_that_there_are(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER) as server:
        client = await server.client()
        await turn(client, await begun(client, model="gpt-5.4"))
        request = server.provider.requests[0]
        names = {tool.get("name") for tool in request.tools}
        for name in ("exec_command", "write_stdin", "apply_patch", "update_plan", "view_image"):
            assert name in names
            assert f"`{name}`" in request.instructions
