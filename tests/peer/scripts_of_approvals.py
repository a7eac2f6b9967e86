"""Conversations in which a person is asked: whether a command may run, whether a patch may be applied.

All of them without walls. Commands are such as do nothing, and ask because the policy asks of all it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.peer.scripts_of_terminals import Called, calls, completed, run, shown
from tests.peer.steps import (
    Answer,
    Conversation,
    Hear,
    Joining,
    Leave,
    Open,
    Settle,
    Step,
    ask,
    begin,
    conversation,
    ended,
    start,
)

COMMAND = "item/commandExecution/requestApproval"
PATCH = "item/fileChange/requestApproval"
RESOLVED = "serverRequest/resolved"

SLEEPS = "sleep 0.2"


def asked(who: str = "A", what: str = COMMAND, **params: Any) -> Hear:
    """A question comes."""
    return Hear(who, what, params)


def says(decision: Any, who: str = "A", what: str = COMMAND, at: int = -1) -> Answer:
    """Somebody decides."""
    return Answer(who, what, {"result": {"decision": decision}}, at)


def careful(who: str = "A", **params: Any) -> list[Step]:
    """A thread on which all is asked that is not known to be harmless."""
    return start(who, **({"approvalPolicy": "untrusted", "sandbox": "danger-full-access", "cwd": "/"} | params))


def joined(who: str) -> Step:
    """Somebody else follows the thread."""
    return ask(who, "thread/resume", threadId="$thread")


def wanted(*commands: Called, gate: str) -> Step:
    """The model wants to run these, and speaks again when the gate is open."""
    return begin("A", calls(commands, gate=gate))


def carried_out(gate: str) -> list[Step]:
    """The command runs, and then the turn goes on to its end."""
    return [completed(type="commandExecution"), Open(gate), ended("A")]


def refused(name: str, *answers: Step, how: str = "completed") -> Conversation:
    """A command that does not run."""
    return conversation(name, careful(), begin("A", calls([run(SLEEPS)])), asked(), answers, ended("A", how=how), shown())


OF_COMMANDS: tuple[Conversation, ...] = (
    conversation(
        "a command is allowed",
        careful(),
        wanted(run("sleep 0.5; echo hello"), gate="allowed"),
        asked(),
        says("accept"),
        carried_out("allowed"),
        shown(),
    ),
    conversation(
        "a command is allowed for the session",
        careful(),
        wanted(run(SLEEPS), gate="session"),
        asked(),
        says("acceptForSession"),
        carried_out("session"),
        wanted(run(SLEEPS, yield_time_ms=5_000), gate="again"),
        carried_out("again"),
        begin("A", calls([run("sleep 0.1")])),
        asked(),
        says("decline"),
        ended("A"),
        shown(),
    ),
    conversation(
        "commands of a kind are allowed for ever",
        careful(),
        wanted(run("test 1"), gate="amended"),
        asked(),
        says({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["test"]}}),
        carried_out("amended"),
        wanted(run("test 2"), gate="alike"),
        carried_out("alike"),
    ),
    refused("a command is declined", says("decline")),
    refused("a command is cancelled", says("cancel"), how="interrupted"),
    refused("a decision that there is not", says("perhaps")),
    refused("an answer without a decision", Answer("A", COMMAND, {"result": {}})),
    refused("an answer that is nothing", Answer("A", COMMAND, {"result": None})),
    refused("an error for an answer", Answer("A", COMMAND, {"error": {"code": -32000, "message": "no"}})),
    conversation(
        "the turn is stopped while a command waits to be allowed",
        careful(),
        begin("A", calls([run(SLEEPS)])),
        asked(),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Hear("A", RESOLVED),
        says("accept"),
        shown(),
    ),
    conversation(
        "what the model says for a command, and what it would like to be allowed",
        careful(approvalPolicy="on-request", sandbox="read-only"),
        begin(
            "A",
            calls(
                [
                    run(
                        "sleep 0.2",
                        sandbox_permissions="require_escalated",
                        justification="May I rest?",
                        prefix_rule=["sleep"],
                    )
                ]
            ),
        ),
        asked(),
        says("decline"),
        ended("A"),
    ),
    conversation(
        "a command that wants out and may not ask",
        start("A", approvalPolicy="never", sandbox="read-only", cwd="/"),
        begin("A", calls([run("sleep 0.2", sandbox_permissions="require_escalated")])),
        ended("A"),
        shown(),
    ),
    conversation(
        "a command that destroys",
        careful(approvalPolicy="on-request"),
        begin("A", calls([run("rm -rf /nowhere/at/all")])),
        asked(),
        says("decline"),
        ended("A"),
    ),
    conversation(
        "a command of several parts",
        careful(),
        begin("A", calls([run("pwd && sleep 0.2 | cat; sleep 0.3 > /dev/null")], [run("ls && sleep 0.2")])),
        asked(),
        says("decline"),
        asked(),
        says("decline"),
        ended("A"),
    ),
    conversation(
        "a client that knows nothing new is asked",
        careful(),
        begin("A", calls([run(SLEEPS)])),
        asked(),
        says("decline"),
        ended("A"),
        clients={"A": Joining(experimental=False)},
    ),
    conversation(
        "two commands wait to be allowed",
        careful(),
        begin("A", calls([run(SLEEPS), run(SLEEPS)])),
        asked(),
        asked(),
        says("decline", at=0),
        says("decline", at=1),
        ended("A"),
    ),
)

SHARED: tuple[Conversation, ...] = (
    conversation(
        "one of two allows a command",
        careful(),
        begin("A", calls([])),
        ended("A"),
        joined("B"),
        wanted(run(SLEEPS), gate="one of two"),
        asked("A"),
        asked("B"),
        says("accept", "B"),
        Hear("A", RESOLVED),
        says("decline", "A"),
        carried_out("one of two"),
        ended("B"),
    ),
    conversation(
        "one of two declines a command",
        careful(),
        begin("A", calls([])),
        ended("A"),
        joined("B"),
        begin("A", calls([run(SLEEPS)])),
        asked("A"),
        asked("B"),
        says("decline", "B"),
        Hear("A", RESOLVED),
        says("accept", "A"),
        ended("A"),
        ended("B"),
    ),
    conversation(
        "one of two cancels a command",
        careful(),
        begin("A", calls([])),
        ended("A"),
        joined("B"),
        begin("A", calls([run(SLEEPS)])),
        asked("A"),
        asked("B"),
        says("cancel", "B"),
        ended("A", how="interrupted"),
        ended("B", how="interrupted"),
    ),
    conversation(
        "one who comes while a command waits to be allowed",
        careful(),
        begin("A", calls([])),
        ended("A"),
        begin("A", calls([run(SLEEPS)])),
        asked("A"),
        joined("B"),
        asked("B"),
        Settle("B"),
        says("decline", "A"),
        ended("A"),
        ended("B"),
    ),
    conversation(
        "all have left while a command waits to be allowed",
        careful(),
        begin("A", calls([])),
        ended("A"),
        begin("A", calls([run(SLEEPS)])),
        asked("A"),
        Leave("A"),
        joined("B"),
        asked("B"),
        says("cancel", "B"),
        ended("B", how="interrupted"),
    ),
)


def patch(*lines: str) -> Called:
    """A patch, as a shell gets it: the peer knows no other way with a model that it does not know."""
    text = "\n".join(["apply_patch <<'EOF'", "*** Begin Patch", *lines, "*** End Patch", "EOF"])
    return run(text)


def add(name: str) -> Called:
    """A new file."""
    return patch(f"*** Add File: {name}", "+new")


def patching(**params: Any) -> list[Step]:
    """A thread in a folder that must not be written, unless somebody says so."""
    return start("A", **({"approvalPolicy": "on-request", "sandbox": "read-only", "cwd": "$home/patched"} | params))


def not_patched(name: str, *answers: Step, how: str = "completed") -> Conversation:
    """A patch that is not applied."""
    file = "".join(letter if letter.isalpha() else "-" for letter in name)
    return conversation(
        name, patching(), begin("A", calls([add(file)])), asked("A", PATCH), answers, ended("A", how=how), shown()
    )


def decided(decision: Any, who: str = "A") -> Answer:
    """Somebody decides about a patch."""
    return says(decision, who, PATCH)


OF_PATCHES: tuple[Conversation, ...] = (
    conversation(
        "a patch is allowed",
        patching(),
        begin(
            "A",
            calls(
                [
                    patch(
                        "*** Update File: changes.txt",
                        "@@",
                        " one",
                        "-two",
                        "+2",
                        " three",
                        "*** Add File: allowed.txt",
                        "+new",
                        "*** Delete File: goes.txt",
                        "*** Update File: moves.txt",
                        "*** Move to: moved.txt",
                        "@@",
                        "-here",
                        "+there",
                    )
                ]
            ),
        ),
        asked("A", PATCH),
        decided("accept"),
        ended("A"),
        shown(),
    ),
    conversation(
        "patches of a file are allowed for the session",
        patching(),
        begin("A", calls([add("session.txt")])),
        asked("A", PATCH),
        decided("acceptForSession"),
        ended("A"),
        begin("A", calls([patch("*** Update File: session.txt", "@@", "-new", "+newer")])),
        ended("A"),
        begin("A", calls([add("other.txt")])),
        asked("A", PATCH),
        decided("decline"),
        ended("A"),
    ),
    not_patched("a patch is declined", decided("decline")),
    not_patched("a patch is cancelled", decided("cancel"), how="interrupted"),
    not_patched("a decision about a patch that there is not", decided("perhaps")),
    not_patched("an error for an answer about a patch", Answer("A", PATCH, {"error": {"code": 1, "message": "no"}})),
    conversation(
        "the turn is stopped while a patch waits to be allowed",
        patching(),
        begin("A", calls([add("stopped.txt")])),
        asked("A", PATCH),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Hear("A", RESOLVED),
        decided("accept"),
        shown(),
    ),
    conversation(
        "a patch that nobody needs to allow",
        patching(approvalPolicy="never", sandbox="danger-full-access"),
        begin("A", calls([add("free.txt")], [patch("*** Update File: free.txt", "@@", "-new", "+newer")])),
        ended("A"),
        shown(),
    ),
    conversation(
        "a patch that does not fit",
        patching(),
        begin("A", calls([patch("*** Update File: stays.txt", "@@", "-nowhere", "+x")])),
        ended("A"),
        shown(),
    ),
    conversation(
        "a patch that nobody may allow",
        patching(approvalPolicy="never"),
        begin("A", calls([add("never.txt")])),
        ended("A"),
        shown(),
    ),
    conversation(
        "one of two allows a patch",
        patching(),
        begin("A", calls([])),
        ended("A"),
        joined("B"),
        begin("A", calls([add("shared.txt")])),
        asked("A", PATCH),
        asked("B", PATCH),
        decided("accept", "B"),
        Hear("A", RESOLVED),
        decided("decline", "A"),
        ended("A"),
        ended("B"),
    ),
    conversation(
        "one who comes while a patch waits to be allowed",
        patching(),
        begin("A", calls([])),
        ended("A"),
        begin("A", calls([add("late.txt")])),
        asked("A", PATCH),
        joined("B"),
        asked("B", PATCH),
        Settle("B"),
        decided("decline", "A"),
        ended("A"),
        ended("B"),
    ),
)

INPUT = "item/tool/requestUserInput"
QUESTION = {
    "id": "colour",
    "header": "Colour",
    "question": "Which?",
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
}
PLANNING = {"mode": "plan", "settings": {"model": "test-model", "reasoning_effort": None, "developer_instructions": None}}


def questions(answer: Sequence[Step], *, how: str = "completed") -> list[Step]:
    """A turn in plan mode in which the model asks."""
    called = calls([("request_user_input", {"questions": [QUESTION]})])
    return [begin("A", called, collaborationMode=PLANNING), asked("A", INPUT), *answer, ended("A", how=how)]


OF_QUESTIONS: tuple[Conversation, ...] = (
    conversation(
        "the model asks what it should do",
        careful(),
        questions([Answer("A", INPUT, {"result": {"answers": {"colour": {"answers": ["Red"]}}}})]),
        shown(),
    ),
    conversation("an answer to the model that is none", careful(), questions([Answer("A", INPUT, {"result": 7})])),
    conversation(
        "the turn is stopped while the model waits for an answer",
        careful(),
        questions([ask("A", "turn/interrupt", threadId="$thread", turnId="$turn")], how="interrupted"),
    ),
)

APPROVALS = (*OF_COMMANDS, *SHARED, *OF_PATCHES, *OF_QUESTIONS)


def folder(home: Path) -> dict[str, str]:
    """Files to be patched."""
    work = home / "patched"
    work.mkdir()
    files = {"changes.txt": "one\ntwo\nthree\n", "goes.txt": "gone\n", "moves.txt": "here\n", "stays.txt": "one\n"}
    for name, content in files.items():
        (work / name).write_text(content)
    return {}
