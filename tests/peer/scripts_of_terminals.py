"""Conversations in which the model runs commands, or a client does on a thread. None of them within walls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.peer.scripted_model import CALLS
from tests.peer.steps import OLD, Conversation, Hear, Open, Step, ask, begin, conversation, ended, held, start

Called = tuple[str, Any]


def calls(*answers: Sequence[Called], gate: str = "") -> str:
    """A prompt that makes the model answer with these calls, one answer after the other; the end is behind a gate."""
    return CALLS + (f"{gate}:" if gate else "") + json.dumps(answers).replace("$", "$$")


def run(cmd: str, **arguments: Any) -> Called:
    """One command, by a shell that reads no person's settings."""
    return "exec_command", {"cmd": cmd, "login": False, **arguments}


def script(command: str, **arguments: Any) -> Called:
    """One script that is waited for."""
    return "shell_command", {"command": command, "login": False, **arguments}


def program(*argv: str) -> Called:
    """One program that is waited for."""
    return "shell", {"command": argv}


def free(who: str = "A") -> list[Step]:
    """A thread on which everything may be done."""
    return start(who, approvalPolicy="never", sandbox="danger-full-access", cwd="/")


def work(*answers: Sequence[Called], commands: int = 0) -> list[Step]:
    """A whole turn with these calls, whose end comes after those of so many commands."""
    if not commands:
        return [begin("A", calls(*answers)), ended("A")]
    gate = f"g{abs(hash(json.dumps(answers)))}"
    over = [completed(type="commandExecution")] * commands
    return [begin("A", calls(*answers, gate=gate)), *over, Open(gate), ended("A")]


def shown() -> list[Step]:
    """The thread as a client finds it later."""
    return [ask("B", "thread/read", threadId="$thread", includeTurns=True)]


def told(delta: str) -> Hear:
    """Output of a command."""
    return Hear("A", "item/commandExecution/outputDelta", {"delta": delta})


def completed(**item: Any) -> Hear:
    """The end of an item."""
    return Hear("A", "item/completed", {"item": item})


def homeless(home: Path) -> dict[str, str]:
    """Nobody's own settings for login shells, which may take any time."""
    with (home / "config.toml").open("a") as config:
        config.write('[shell_environment_policy]\nset = { HOME = "/nonexistent" }\n')
    return {}


SLOW = "sleep 0.8; "
"""The peer does not tell what a command says before it listens."""

FAILING = SLOW + "echo out; sleep 0.1; echo err >&2; exit 3"

TERMINALS: tuple[Conversation, ...] = (
    conversation("a command says something", free(), work([run(SLOW + "echo hello")], commands=1), shown()),
    conversation("a command says nothing", free(), work([run("true")], commands=1), shown()),
    conversation(
        "a command fails", free(), work([run(SLOW + "echo out; sleep 0.1; echo err >&2; exit 3")], commands=1), shown()
    ),
    conversation("a command is ended by a signal", free(), work([run(SLOW + "kill -9 $$")], commands=1), shown()),
    conversation(
        "a shell that does not exist", free(), work([run(SLOW + "echo x", shell="/nowhere/sh")], commands=1), shown()
    ),
    conversation("a folder that does not exist", free(), work([run("echo x", workdir="/nowhere")]), shown()),
    conversation("a command in another folder", free(), work([run(SLOW + "pwd", workdir="tmp")], commands=1), shown()),
    conversation("arguments that are wrong", free(), work([("exec_command", {"command": "x"})], [("nothing", {})])),
    conversation(
        "two commands at the same time",
        free(),
        work([run("sleep 0.8; echo one"), run("sleep 1.2; echo two")], commands=2),
        shown(),
    ),
    conversation(
        "bytes that are no text",
        free(),
        work([run(SLOW + r"printf a; sleep 0.1; printf '\377'; sleep 0.1; printf '\303\251'")], commands=1),
        shown(),
    ),
    conversation(
        "a command goes on behind the turn",
        free(),
        work([run("sleep 1.5; echo late", yield_time_ms=250)]),
        completed(type="commandExecution"),
        shown(),
    ),
    conversation(
        "a terminal that is written to",
        free(),
        work(
            [run("stty -echo; read a; echo got $a; read b; sleep 3; exit 2", tty=True, yield_time_ms=500)],
            [("write_stdin", {"session_id": "@session", "chars": "word\n"})],
            [("write_stdin", {"session_id": "@session", "chars": "end\n"})],
            [("write_stdin", {"session_id": "@session"})],
            [("write_stdin", {"session_id": "@session", "chars": "x"})],
        ),
        shown(),
    ),
    conversation(
        "a command is looked at again",
        free(),
        work(
            [run("sleep 2.5; echo late; sleep 0.5", yield_time_ms=250)],
            [("write_stdin", {"session_id": "@session", "chars": "x"})],
            [("write_stdin", {"session_id": "@session"})],
            commands=1,
        ),
        shown(),
    ),
    conversation(
        "a turn with a command is stopped",
        free(),
        begin("A", calls([run(SLOW + "echo begun; sleep 60")])),
        told("begun\n"),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        ask("A", "thread/backgroundTerminals/clean", threadId="$thread"),
        completed(type="commandExecution"),
        shown(),
    ),
    conversation(
        "a shell that is waited for",
        free(),
        work([script("echo out; sleep 0.1; echo err >&2; exit 3")]),
        shown(),
        versions=OLD,
    ),
    conversation(
        "a shell that takes too long",
        free(),
        work([script("echo out; sleep 60", timeout_ms=300)]),
        shown(),
        versions=OLD,
    ),
    conversation("a program that is waited for", free(), work([program("printf", "x")]), shown(), versions=OLD),
    conversation("a program that is not there", free(), work([program("/nowhere")]), shown(), versions=OLD),
    conversation(
        "a shell that is waited for is stopped",
        free(),
        begin("A", calls([script("echo begun; sleep 60", timeout_ms=60_000)])),
        Hear("A", "item/commandExecution/outputDelta"),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        shown(),
        versions=OLD,
    ),
    conversation(
        "a person runs a command",
        free(),
        ask("A", "thread/shellCommand", threadId="$thread", command="  echo out; sleep 0.1; echo err >&2; exit 3 "),
        ended("A"),
        shown(),
    ),
    conversation(
        "a person runs a command that is empty",
        free(),
        ask("A", "thread/shellCommand", threadId="$thread", command="  "),
    ),
    conversation(
        "a person runs a command in a turn",
        free(),
        held("A", "shell"),
        ask("A", "thread/shellCommand", threadId="$thread", command="echo beside"),
        completed(type="commandExecution"),
        Open("shell"),
        ended("A"),
        shown(),
    ),
    conversation(
        "a person's command is stopped",
        free(),
        ask("A", "thread/shellCommand", threadId="$thread", command="echo begun; sleep 60"),
        Hear("A", "turn/started", save={"turn": "turn.id"}),
        Hear("A", "item/commandExecution/outputDelta"),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        shown(),
    ),
)
