"""What stock TUIs, old and new, show of what a model does: commands, patches, questions, terminals, tools of others."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.peer.clients import attached, rollout_of
from tests.peer.matrix import MAY_ASK, MAY_PATCH, MAY_RUN, escaped
from tests.peer.scripted_model import Called, ScriptedModel
from tests.peer.tmux import SAID, Terminal, Tmux, terminals
from tests.support import codex
from tests.support.app_server import ROOT, AppServer, ours, serving

pytestmark = [
    pytest.mark.codex,
    pytest.mark.parametrize("version", [codex.REFERENCE, codex.NEWEST]),
]

HOMELESS = '[shell_environment_policy]\nset = { HOME = "/nonexistent" }\n'
MCP = f"""
[mcp_servers.demo]
command = "{sys.executable}"
args = ["-m", "tests.support.mcp_server"]
env = {{ PYTHONPATH = "{ROOT}" }}
"""

QUESTIONS = [
    {
        "id": "colour",
        "header": "Colour",
        "question": "Which colour?",
        "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
    },
    {
        "id": "size",
        "header": "Size",
        "question": "Which size?",
        "options": [{"label": "Small", "description": "low"}, {"label": "Large", "description": "high"}],
    },
]
ASKING: Called = "request_user_input", {"questions": QUESTIONS}


@dataclass
class Desk:
    """A server, a model that can be taught, and terminals whose TUIs are of one version."""

    server: AppServer
    model: ScriptedModel
    tmux: Tmux
    home: Path
    project: Path
    version: str

    async def codex(self, name: str = "one") -> Terminal:
        """A TUI with a new thread, whose user is asked."""
        arguments = ("--remote", self.server.url, "-C", str(self.project), *MAY_ASK)
        terminal = await self.tmux.codex(name, *arguments, version=self.version)
        await terminal.sees("test-model default")
        return terminal

    async def another(self, thread: str, version: str | None = None, name: str = "two") -> Terminal:
        """A TUI that comes to a thread."""
        arguments = ("resume", "--remote", self.server.url, thread)
        return await self.tmux.codex(name, *arguments, version=version or self.version)

    async def do(self, terminal: Terminal, prompt: str, *answers: list[Called]) -> None:
        """Say this, so that the model makes these calls."""
        await terminal.say(self.model.teach(prompt, *answers))


@pytest.fixture
async def desk(tmp_path: Path, version: str) -> AsyncIterator[Desk]:
    async with prepared(tmp_path, version, HOMELESS) as desk:
        yield desk


@pytest.fixture
async def desk_with_server(tmp_path: Path, version: str) -> AsyncIterator[Desk]:
    async with prepared(tmp_path, version, HOMELESS + MCP) as desk:
        yield desk


@asynccontextmanager
async def prepared(tmp_path: Path, version: str, more: str) -> AsyncIterator[Desk]:
    """All of it; the server's configuration has ``more``."""
    home, mine, project = (tmp_path / name for name in ("server", "mine", "project"))
    (project / ".git").mkdir(parents=True)
    (project / "notes.txt").write_text("one\ntwo\nthree\n")
    async with ScriptedModel() as model:
        codex.write_config(home, model.url, trusted=project)
        with (home / "config.toml").open("a") as config:
            config.write(more)
        codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=project, policy="on-request")
        async with serving(ours(), home) as server, terminals(mine, project) as tmux:
            yield Desk(server, model, tmux, home, project, version)


def run(cmd: str, **arguments: Any) -> Called:
    return "exec_command", {"cmd": cmd, "login": False, **arguments}


def patch(*lines: str) -> Called:
    return "apply_patch", "\n".join(["*** Begin Patch", *lines, "*** End Patch"])


CHANGE = patch("*** Update File: notes.txt", "@@", " one", "-two", "+2", " three", "*** Add File: new.txt", "+fresh")
BACK = patch("*** Update File: notes.txt", "@@", "-2", "+two", "*** Delete File: new.txt")


async def test_a_command_runs_and_its_output_is_shown(desk: Desk) -> None:
    terminal = await desk.codex()
    await desk.do(terminal, "look", [run("cat notes.txt; exit 4")])
    screen = await terminal.sees("cat notes.txt; exit 4\n  └ one\n    two\n    three", "• Done")
    assert MAY_RUN not in screen


async def test_a_command_is_allowed_once_or_with_all_that_begin_alike(desk: Desk) -> None:
    terminal = await desk.codex()
    await desk.do(terminal, "first", [escaped("mkdir a")])
    await terminal.sees(MAY_RUN, "1. Yes, proceed (y)", "2. Yes, and don't ask again for commands that start with")
    await terminal.press("y")
    await terminal.sees("You approved codex to run mkdir a this time", "• Ran mkdir a", "• Done")
    await desk.do(terminal, "second", [escaped("mkdir b")])
    await terminal.sees("$ mkdir b")
    await terminal.press("p")
    await terminal.sees("You approved codex to always run commands that start with mkdir b", "• Ran mkdir b")
    await terminal.shows(lambda screen: screen.count("• Done") == 2, "the end of the turn")
    await desk.do(terminal, "third", [escaped("mkdir b/c && mkdir b")])
    await terminal.sees("$ mkdir b/c && mkdir b")
    await terminal.press("Escape")
    await terminal.sees("You canceled the request to run mkdir b/c && mkdir b", "Conversation interrupted")
    await terminal.lacks(MAY_RUN)
    await desk.do(terminal, "fourth", [escaped("mkdir b")])
    await terminal.shows(lambda screen: screen.count("• Done") == 3, "the end of a command that nobody was asked about")
    assert sorted(path.name for path in desk.project.iterdir()) == [".git", "a", "b", "notes.txt"]
    assert "mkdir" in (desk.home / "rules/default.rules").read_text()


async def test_a_patch_is_shown_allowed_and_not_asked_about_again(desk: Desk) -> None:
    terminal = await desk.codex()
    await desk.do(terminal, "change", [CHANGE])
    await terminal.sees(MAY_PATCH, "Edited 2 files (+2 -1)", "new.txt (+1 -0)", "1 +fresh", "2 -two", "2 +2")
    await terminal.press("a")
    await terminal.sees("• Done")
    await terminal.lacks(MAY_PATCH)
    assert (desk.project / "notes.txt").read_text() == "one\n2\nthree\n"
    await desk.do(terminal, "back", [BACK])
    await terminal.sees("Edited 2 files (+1 -2)", "1 -fresh", "2 -2", "2 +two")
    await terminal.shows(lambda screen: screen.count("• Done") == 2, "the end of the turn")
    assert (desk.project / "notes.txt").read_text() == "one\ntwo\nthree\n"


async def test_a_patch_that_is_refused_changes_nothing(desk: Desk) -> None:
    terminal = await desk.codex()
    await desk.do(terminal, "change", [CHANGE])
    await terminal.sees(MAY_PATCH)
    await terminal.press("Escape")
    await terminal.sees("Conversation interrupted")
    await terminal.lacks(MAY_PATCH)
    assert (desk.project / "notes.txt").read_text() == "one\ntwo\nthree\n"


async def test_a_person_runs_a_command(desk: Desk) -> None:
    terminal = await desk.codex()
    await terminal.press("!")
    await terminal.type("echo from the person; exit 3")
    await terminal.press("Enter")
    await terminal.sees("• You ran echo from the person; exit 3\n  └ from the person")


async def test_terminals_that_go_on_are_listed_and_stopped(desk: Desk) -> None:
    terminal = await desk.codex()
    await desk.do(terminal, "go on", [run("echo begun; sleep 60", yield_time_ms=300)])
    await terminal.sees("• Done", "1 background terminal running")
    await terminal.say("/ps")
    await terminal.sees("Background terminals", "• echo begun; sleep 60\n    ↳ begun")
    await terminal.say("/stop")
    await terminal.sees("Stopping all background terminals.")
    await terminal.lacks("1 background terminal running")
    await terminal.say("/ps")
    await terminal.sees("No background terminals running.")


async def test_questions_of_the_model_are_answered_one_by_one(desk: Desk) -> None:
    terminal = await desk.codex()
    await terminal.say("/plan")
    await terminal.sees("Plan mode")
    await desk.do(terminal, "ask me", [ASKING])
    await terminal.sees("Question 1/2", "Which colour?", "2. Blue")
    await terminal.press("Down")
    await terminal.press("Enter")
    await terminal.sees("Question 2/2", "Which size?", "1. Small")
    await terminal.press("Enter")
    await terminal.sees("Questions 2/2 answered", "answer: Blue", "answer: Small", "• Done")


async def test_a_tool_of_a_server_is_asked_about_and_shown(desk_with_server: Desk) -> None:
    desk = desk_with_server
    terminal = await desk.codex()
    await desk.do(terminal, "say it again", [("mcp__demo__echo", {"text": "hi"})])
    await terminal.sees("Called demo.echo", "echo: hi")
    await desk.do(terminal, "break it", [("mcp__demo__danger", {"path": "/it"})])
    await terminal.sees('Allow the demo MCP server to run tool "danger"?', "1. Allow", "4. Cancel")
    await terminal.press("Enter")
    await terminal.sees("Called demo.danger", "broke /it")
    await desk.do(terminal, "break more", [("mcp__demo__danger", {"path": "/more"})])
    await terminal.shows(lambda screen: "Field 1/1" in screen, "the question")
    await terminal.press("Escape")
    await terminal.sees("cancelled MCP tool call")


async def test_a_question_is_shown_to_who_comes_later_and_gone_when_a_script_answers(desk: Desk) -> None:
    terminal = await desk.codex()
    await terminal.say("first words")
    await terminal.sees("Noted: FIRST WORDS")
    thread = rollout_of(desk.home).stem[-36:]
    await desk.do(terminal, "count", [escaped("sleep 0.1; echo one; echo two")])
    await terminal.sees(MAY_RUN, "$ sleep 0.1; echo one; echo two")
    others = [await desk.another(thread, codex.REFERENCE, "older"), await desk.another(thread, codex.NEWEST, "newer")]
    for each in others:
        await each.sees(f"{SAID}count", MAY_RUN, "$ sleep 0.1; echo one; echo two")
    async with attached(desk.server) as script:
        await script.call("thread/resume", threadId=thread)
        question = await script.asked("item/commandExecution/requestApproval")
        await script.answer(question, decision="accept")
        for each in (terminal, *others):
            await each.lacks(MAY_RUN)
            await each.sees("Ran sleep 0.1; echo one; echo two\n  └ one\n    two", "• Done")
        await desk.do(terminal, "change", [CHANGE])
        for each in (terminal, *others):
            await each.sees(MAY_PATCH, "notes.txt (+1 -1)")
        question = await script.asked("item/fileChange/requestApproval")
        await script.answer(question, decision="decline")
        for each in (terminal, *others):
            await each.lacks(MAY_PATCH)
            await each.shows(lambda screen: screen.count("• Done") == 2, "the end of the turn")
    assert (desk.project / "notes.txt").read_text() == "one\ntwo\nthree\n"


async def test_questions_of_the_model_are_gone_when_somebody_else_has_answered(desk: Desk) -> None:
    terminal = await desk.codex()
    await terminal.say("first words")
    await terminal.sees("Noted: FIRST WORDS")
    thread = rollout_of(desk.home).stem[-36:]
    other = await desk.another(thread, codex.NEWEST if desk.version == codex.REFERENCE else codex.REFERENCE)
    await other.sees("Noted: FIRST WORDS")
    await terminal.say("/plan")
    await terminal.sees("Plan mode")
    await desk.do(terminal, "ask me", [ASKING])
    for each in (terminal, other):
        await each.sees("Question 1/2", "Which colour?")
    await other.press("Enter")
    await other.sees("Question 2/2", "Which size?")
    await other.press("Enter")
    for each in (terminal, other):
        await each.lacks("enter to submit")
        await each.sees("• Done")
