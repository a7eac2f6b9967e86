"""What a client hears of a turn, message by message in order: one sequence for each way in which a turn can go.

Each is the whole of what came, so that nothing can be added, lost or swapped unnoticed. Answers with calls end behind
a gate: what is told of the answer comes behind what the call does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from server.errors import TurnError
from server.providers.provider import ItemDone
from server.providers.scripted import Gate, Response, Step, completed, function_call, message, reasoning
from tests.support.commands import HOMELESS, make
from tests.support.harness import Client, Message, Server, running

CAREFUL = {"approvalPolicy": "untrusted", "sandbox": "danger-full-access"}
FREE = {"approvalPolicy": "never", "sandbox": "danger-full-access"}
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+one\n*** End Patch\n"
DONE: Response = [message("Done"), completed()]
COMMAND, FILES = "item/commandExecution/requestApproval", "item/fileChange/requestApproval"

BEGUN = [
    "turn/start answered",
    "status active",
    "turn/started",
    "item/started userMessage",
    "item/completed userMessage",
]
ANSWERED = ["item/started agentMessage", "delta Done", "item/completed agentMessage", "usage"]
ENDED = ["status idle", "turn/completed completed"]
INTERRUPTED = ["status idle", "turn/completed interrupted"]


def word(told: Message, asked: dict[Any, str]) -> str:
    """One message in a few words."""
    method, params = told.get("method"), told.get("params", {})
    match method:
        case None:
            return f"{asked[told['id']]} answered"
        case "thread/status/changed":
            status = params["status"]
            return " ".join(["status", status["type"], *status.get("activeFlags", [])])
        case "item/started" | "item/completed":
            item = params["item"]
            return " ".join([method, item["type"], *([item["status"]] if "status" in item else [])])
        case "turn/completed":
            return f"{method} {params['turn']['status']}"
        case "thread/tokenUsage/updated":
            return "usage"
        case "item/agentMessage/delta":
            return f"delta {params['delta']}"
        case "error":
            return f"error, tries again: {params['willRetry']}"
        case _:
            return str(method)


class Listener:
    """A client with a new thread, which hears all of it."""

    def __init__(self, client: Client, thread: str) -> None:
        self.client, self.thread = client, thread
        self._asked: dict[Any, str] = {}

    async def ask(self, method: str, **params: Any) -> None:
        """Ask about the thread, and do not wait."""
        self._asked[await self.client.post(method, threadId=self.thread, **params)] = method

    async def begin(self) -> None:
        """Begin a turn."""
        await self.ask("turn/start", input=[{"type": "text", "text": "go"}])

    async def decide(self, method: str, decision: str) -> None:
        """Answer the question."""
        await self.client.answer(await self.client.asked(method), decision=decision)

    async def over(self, kind: str) -> None:
        """Wait for the end of an item of this kind, and for all that was told with it."""
        await self.client.find(lambda m: m.get("method") == "item/completed" and m["params"]["item"]["type"] == kind)
        await self.client.settle()

    async def heard(self) -> list[str]:
        """All of it up to the end of the turn, but for what only newer versions are told of what nobody has seen."""
        await self.client.hear("turn/completed")
        await self.client.settle()
        log = [told for told in self.client.log if told.get("method") != "thread/readState/changed"]
        return [word(told, self._asked) for told in log]


async def listening(server: Server, folder: Path, **params: Any) -> Listener:
    make(folder)
    client = await server.client()
    thread = (await client.call("thread/start", cwd=str(folder), **params))["thread"]["id"]
    client.log.clear()
    return Listener(client, thread)


def called(gate: Gate, *steps: Step) -> Response:
    """An answer that makes a call, and ends behind the gate."""
    return [*steps, gate, completed()]


def command(cmd: str) -> Sequence[Step]:
    return function_call("exec_command", json.dumps({"cmd": cmd, "login": False}))


def patch(text: str = PATCH) -> Step:
    return ItemDone(item={"type": "custom_tool_call", "name": "apply_patch", "call_id": "call-1", "input": text})


async def test_a_plain_turn(tmp_path: Path) -> None:
    async with running(tmp_path / "home", [reasoning("think"), *DONE]) as server:
        listener = await listening(server, tmp_path / "work")
        await listener.begin()
        thought = ["item/reasoning/summaryPartAdded", "item/reasoning/summaryTextDelta", "item/completed reasoning"]
        assert await listener.heard() == [*BEGUN, "item/started reasoning", *thought, *ANSWERED, *ENDED]


async def test_a_command(tmp_path: Path) -> None:
    gate = Gate()
    script = called(gate, *command("echo hello"))
    async with running(tmp_path / "home", script, DONE, config=HOMELESS) as server:
        listener = await listening(server, tmp_path / "work", **FREE)
        await listener.begin()
        await listener.over("commandExecution")
        gate.open()
        assert await listener.heard() == [
            *BEGUN,
            "item/started commandExecution inProgress",
            "item/commandExecution/outputDelta",
            "item/completed commandExecution completed",
            "usage",
            *ANSWERED,
            *ENDED,
        ]


APPLIED = ["item/fileChange/outputDelta", "item/completed fileChange completed", "turn/diff/updated"]
DIFF = ["turn/diff/updated"]


async def test_a_patch(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path / "home", called(gate, patch()), DONE) as server:
        listener = await listening(server, tmp_path / "work", **FREE)
        await listener.begin()
        await listener.over("fileChange")
        gate.open()
        assert await listener.heard() == [
            *BEGUN,
            "item/started fileChange inProgress",
            *APPLIED,
            "usage",
            *DIFF,
            *ANSWERED,
            *DIFF,
            *ENDED,
        ]


ASKED_OF_COMMAND = ["status active waitingOnApproval", "item/started commandExecution inProgress", COMMAND]
ASKED_OF_PATCH = ["item/started fileChange inProgress", "status active waitingOnApproval", FILES]
RESOLVED = ["serverRequest/resolved"]
WORKS_AGAIN = ["status active"]


@pytest.mark.parametrize("decision", ["accept", "acceptForSession"])
async def test_a_command_that_is_allowed(tmp_path: Path, decision: str) -> None:
    gate = Gate()
    script = called(gate, *command("printf hello > /dev/null"))
    async with running(tmp_path / "home", script, DONE, config=HOMELESS) as server:
        listener = await listening(server, tmp_path / "work", **CAREFUL)
        await listener.begin()
        await listener.decide(COMMAND, decision)
        await listener.over("commandExecution")
        gate.open()
        done = ["item/completed commandExecution completed", "usage"]
        assert await listener.heard() == [
            *BEGUN,
            *ASKED_OF_COMMAND,
            *RESOLVED,
            *WORKS_AGAIN,
            *done,
            *ANSWERED,
            *ENDED,
        ]


async def test_a_patch_that_is_allowed(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path / "home", called(gate, patch()), DONE) as server:
        listener = await listening(server, tmp_path / "work", **CAREFUL)
        await listener.begin()
        await listener.decide(FILES, "accept")
        await listener.over("fileChange")
        gate.open()
        done = [*APPLIED, "usage", *DIFF]
        expected = [*BEGUN, *ASKED_OF_PATCH, *RESOLVED, *WORKS_AGAIN, *done, *ANSWERED, *DIFF, *ENDED]
        assert await listener.heard() == expected


CALLS = {
    "command": (command("sleep 9"), COMMAND, ASKED_OF_COMMAND, "commandExecution"),
    "patch": ([patch()], FILES, ASKED_OF_PATCH, "fileChange"),
}


@pytest.mark.parametrize("what", CALLS)
async def test_what_is_declined_is_over_before_the_thread_waits_no_more(tmp_path: Path, what: str) -> None:
    gate = Gate()
    steps, question, asked, kind = CALLS[what]
    async with running(tmp_path / "home", called(gate, *steps), DONE) as server:
        listener = await listening(server, tmp_path / "work", **CAREFUL)
        await listener.begin()
        await listener.decide(question, "decline")
        await listener.over(kind)
        gate.open()
        declined = [*RESOLVED, f"item/completed {kind} declined", *WORKS_AGAIN, "usage"]
        assert await listener.heard() == [*BEGUN, *asked, *declined, *ANSWERED, *ENDED]


@pytest.mark.parametrize("what", CALLS)
async def test_what_is_cancelled_ends_the_turn_although_the_model_goes_on(tmp_path: Path, what: str) -> None:
    steps, question, asked, kind = CALLS[what]
    async with running(tmp_path / "home", called(Gate(), *steps)) as server:
        listener = await listening(server, tmp_path / "work", **CAREFUL)
        await listener.begin()
        await listener.decide(question, "cancel")
        declined = [*RESOLVED, f"item/completed {kind} declined", *WORKS_AGAIN]
        assert await listener.heard() == [*BEGUN, *asked, *declined, *INTERRUPTED]


@pytest.mark.parametrize("what", CALLS)
async def test_a_turn_is_stopped_while_somebody_is_asked(tmp_path: Path, what: str) -> None:
    steps, question, asked, _ = CALLS[what]
    async with running(tmp_path / "home", called(Gate(), *steps)) as server:
        listener = await listening(server, tmp_path / "work", **CAREFUL)
        await listener.begin()
        turn = (await listener.client.asked(question))["params"]["turnId"]
        await listener.ask("turn/interrupt", turnId=turn)
        withdrawn = [*RESOLVED, *WORKS_AGAIN, "turn/interrupt answered"]
        assert await listener.heard() == [*BEGUN, *asked, *withdrawn, *INTERRUPTED]


async def test_an_interrupt(tmp_path: Path) -> None:
    async with running(tmp_path / "home", [message(deltas=["Do", Gate(), "ne"]), completed()]) as server:
        listener = await listening(server, tmp_path / "work")
        await listener.begin()
        turn = (await listener.client.hear("item/agentMessage/delta"))["turnId"]
        await listener.ask("turn/interrupt", turnId=turn)
        stopped = ["item/started agentMessage", "delta Do", "turn/interrupt answered"]
        assert await listener.heard() == [*BEGUN, *stopped, *INTERRUPTED]


async def test_a_compaction(tmp_path: Path) -> None:
    async with running(tmp_path / "home", DONE, DONE) as server:
        listener = await listening(server, tmp_path / "work")
        await listener.client.run_turn(listener.thread, "first")
        await listener.client.settle()
        listener.client.log.clear()
        listener.client.read_up_to = 0
        await listener.ask("thread/compact/start")
        assert await listener.heard() == [
            "thread/compact/start answered",
            "status active",
            "turn/started",
            "item/started contextCompaction",
            "usage",
            "usage",
            "item/completed contextCompaction",
            *ENDED,
        ]


async def test_a_failed_turn(tmp_path: Path) -> None:
    async with running(tmp_path / "home", [TurnError("no more")]) as server:
        listener = await listening(server, tmp_path / "work")
        await listener.begin()
        failed = ["status systemError", "error, tries again: False", "turn/completed failed"]
        assert await listener.heard() == [*BEGUN, *failed]
