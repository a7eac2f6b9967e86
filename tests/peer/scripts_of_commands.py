"""Conversations about commands that a client runs. All of them without walls: how those are built is our own matter."""

from __future__ import annotations

from typing import Any

from tests.peer.steps import NEW, Ask, Conversation, Hear, Joining, ask, conversation

FREE = {"type": "dangerFullAccess"}
HELLO, BYE = "aGVsbG8K", "YnllCg=="
"""What ``hello`` and ``bye`` are in base64, each with the end of its line."""


def run(script: str, *, wait: bool = True, **params: Any) -> Ask:
    """One command of the shell."""
    return ask("A", "command/exec", command=["sh", "-c", script], sandboxPolicy=FREE, wait=wait, **params)


def spawn(script: str, **params: Any) -> Ask:
    """One process of the shell."""
    return ask("A", "process/spawn", command=["sh", "-c", script], cwd="/", processHandle="h", **params)


def output(delta: str, **params: Any) -> Hear:
    """Wait for just this output."""
    return Hear("A", "command/exec/outputDelta", {"deltaBase64": delta, **params})


def write(**params: Any) -> Ask:
    """Input for the running command."""
    return ask("A", "command/exec/write", processId="p", **params)


COMMANDS: tuple[Conversation, ...] = (
    conversation(
        "commands that run to their end",
        run("echo out; echo err >&2; exit 3"),
        run("kill -9 $$"),
        run("echo $A; echo ${HOME-none}; pwd", env={"A": "given", "HOME": None}, cwd="/"),
        run("echo before; sleep 60", timeoutMs=300),
        run("printf 1234567890; printf abcdefghij >&2", outputBytesCap=4),
        run("printf 'a\\000b'"),
        run("(sleep 60 &) ; echo done"),
    ),
    conversation(
        "a command that is written to",
        run("cat; exit 7", processId="p", streamStdin=True, streamStdoutStderr=True, wait=False),
        write(deltaBase64=HELLO),
        output(HELLO),
        run("true", processId="p"),
        write(),
        ask("A", "command/exec/resize", processId="p", size={"rows": 1, "cols": 1}),
        ask("B", "command/exec/terminate", processId="p"),
        write(deltaBase64=BYE, closeStdin=True),
        output(BYE),
        run("true"),
        write(closeStdin=True),
        clients={"B": Joining()},
    ),
    conversation(
        "a command that is terminated",
        run("echo hello; sleep 60", processId="p", streamStdoutStderr=True, wait=False),
        output(HELLO),
        write(deltaBase64=HELLO),
        ask("A", "command/exec/terminate", processId="p"),
        run("true"),
    ),
    conversation(
        "commands that are refused",
        ask("A", "command/exec", command=[]),
        run("true", tty=True),
        run("true", size={"rows": 1, "cols": 1}),
        run("true", timeoutMs=-1),
        run("true", timeoutMs=1, disableTimeout=True),
        run("true", outputBytesCap=1, disableOutputCap=True),
        ask("A", "command/exec", command=["/nowhere"], sandboxPolicy=FREE),
        run("true", cwd="/nowhere"),
    ),
    conversation(
        "processes",
        spawn("echo out; echo err >&2; exit 3"),
        Hear("A", "process/exited"),
        spawn("cat", streamStdin=True, streamStdoutStderr=True),
        spawn("true"),
        ask("A", "process/writeStdin", processHandle="h", deltaBase64=HELLO),
        Hear("A", "process/outputDelta", {"deltaBase64": HELLO}),
        ask("A", "process/kill", processHandle="h"),
        Hear("A", "process/exited"),
        ask("A", "process/kill", processHandle="h"),
        spawn("sleep 60", timeoutMs=200),
        Hear("A", "process/exited"),
        ask("A", "process/spawn", command=[], cwd="/", processHandle="h"),
        ask("A", "process/spawn", command=["true"], cwd="/", processHandle=""),
        ask("A", "process/spawn", command=["/nowhere"], cwd="/", processHandle="h"),
        versions=NEW,
    ),
)
