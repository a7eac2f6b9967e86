"""Conversations in which a person is asked whether a command may run. Patches are in ``scripts_of_patches.py``.

None of them within walls. Commands are such as do nothing; the policy asks about all that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.peer.scripted_model import OPEN_UNTIL
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
RESOLVED = "serverRequest/resolved"
DONE = completed(type="commandExecution")
ERROR = {"error": {"code": -32000, "message": "no"}}

SLEEPS = run("sleep 0.2")


def asked(who: str = "A", what: str = COMMAND) -> Hear:
    """A question comes."""
    return Hear(who, what)


def says(decision: Any, who: str = "A", what: str = COMMAND, at: int = -1) -> Answer:
    """Somebody decides about a question that they have heard."""
    return Answer(who, what, {"result": {"decision": decision}}, at)


def careful(**params: Any) -> list[Step]:
    """A thread on which all is asked that is not known to be harmless."""
    return start("A", **({"approvalPolicy": "untrusted", "sandbox": "danger-full-access", "cwd": "/"} | params))


def shared(began: Sequence[Step]) -> list[Step]:
    """The thread has had a turn, so that others may come, and one has."""
    return [*began, begin("A", calls([])), ended("A"), joined("B")]


def joined(who: str) -> Step:
    """Somebody follows the thread."""
    return ask(who, "thread/resume", threadId="$thread")


def turn(called: Sequence[Called], *meanwhile: Step, name: str, how: str = "completed") -> list[Step]:
    """A turn with these calls. The answer with them ends when all is done that happens meanwhile, so that what is told
    of the answer comes behind it; a turn that is stopped never sees that end."""
    gate = OPEN_UNTIL + re.sub(r"\W", "_", name)
    over: list[Step] = [Settle("A"), Open(gate)] if how == "completed" else []
    return [begin("A", calls(called, gate=gate)), *meanwhile, *over, ended("A", how=how)]


def refused(name: str, *answers: Step, how: str = "completed") -> Conversation:
    """A command that does not run."""
    steps = turn([SLEEPS], asked(), *answers, *([DONE] if how == "completed" else []), name=name, how=how)
    return conversation(name, careful(), steps, shown())


def of_two(name: str, *answers: Step, how: str = "completed") -> Conversation:
    """Two are asked whether a command may run."""
    steps = turn(
        [SLEEPS], asked("A"), asked("B"), *answers, *([DONE] if how == "completed" else []), name=name, how=how
    )
    return conversation(name, shared(careful()), steps, ended("B", how=how))


DECISIONS: tuple[Conversation, ...] = (
    conversation(
        "a command is allowed",
        careful(),
        turn([run("sleep 0.5; echo hello")], asked(), says("accept"), DONE, name="allowed"),
        shown(),
    ),
    conversation(
        "a command is allowed for the session",
        careful(),
        turn([SLEEPS], asked(), says("acceptForSession"), DONE, name="session"),
        turn([SLEEPS], DONE, name="session again"),
        turn([run("sleep 0.1")], asked(), says("decline"), DONE, name="not the same"),
        shown(),
    ),
    conversation(
        "commands of a kind are allowed for ever",
        careful(),
        turn(
            [run("test 1; sleep 0.3")],
            asked(),
            says({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["test"]}}),
            DONE,
            name="for ever",
        ),
        turn([run("test 2")], DONE, name="of the kind"),
        turn([run("sleep 0.1")], asked(), says("decline"), DONE, name="of no kind"),
    ),
    refused("a command is declined", says("decline")),
    refused("a command is cancelled", says("cancel"), how="interrupted"),
    refused("a decision that there is not", says("perhaps")),
    refused("an answer without a decision", Answer("A", COMMAND, {"result": {}}, -1)),
    refused("an answer that is nothing", Answer("A", COMMAND, {"result": None}, -1)),
    refused("an error for an answer", Answer("A", COMMAND, ERROR, -1)),
    refused(
        "the turn is stopped while a command waits to be allowed",
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        how="interrupted",
    ),
)

ASKING: tuple[Conversation, ...] = (
    conversation(
        "what the model says for a command, and what it would like to be allowed",
        careful(approvalPolicy="on-request", sandbox="read-only"),
        turn(
            [
                run(
                    "sleep 0.2",
                    sandbox_permissions="require_escalated",
                    justification="May I rest?",
                    prefix_rule=["sleep"],
                )
            ],
            asked(),
            says("decline"),
            DONE,
            name="words for it",
        ),
    ),
    conversation(
        "a command that wants out and may not ask",
        careful(approvalPolicy="never", sandbox="read-only"),
        turn([run("sleep 0.2", sandbox_permissions="require_escalated")], name="may not ask"),
    ),
    conversation(
        "a command that destroys",
        careful(approvalPolicy="on-request"),
        turn([run("rm -rf /nowhere/at/all")], asked(), says("decline"), DONE, name="destroys"),
    ),
    conversation(
        "a command of several parts",
        careful(),
        turn([run("pwd && sleep 0.2 | cat; sleep 0.3 > /dev/null")], asked(), says("decline"), DONE, name="parts"),
        turn([run("ls && sleep 0.2")], asked(), says("decline"), DONE, name="two parts"),
    ),
    conversation(
        "a client that knows nothing new is asked",
        careful(),
        turn([SLEEPS], asked(), says("decline"), DONE, name="nothing new"),
        clients={"A": Joining(experimental=False)},
    ),
    conversation(
        "two commands wait to be allowed",
        careful(),
        turn([SLEEPS, SLEEPS], asked(), asked(), says("decline", at=0), DONE, says("decline", at=1), DONE, name="two"),
    ),
)

TOGETHER: tuple[Conversation, ...] = (
    of_two("one of two allows a command", says("accept", "B"), Hear("A", RESOLVED), says("decline", "A")),
    of_two("one of two declines a command", says("decline", "B"), Hear("A", RESOLVED), says("accept", "A")),
    of_two("one of two cancels a command", says("cancel", "B"), how="interrupted"),
    of_two(
        "two stop the turn while a command waits to be allowed",
        ask("B", "turn/interrupt", threadId="$thread", turnId="$turn"),
        how="interrupted",
    ),
    conversation(
        "one who comes while a command waits to be allowed",
        careful(),
        begin("A", calls([])),
        ended("A"),
        turn([SLEEPS], asked("A"), joined("B"), says("decline", "A"), DONE, name="comes"),
        ended("B"),
    ),
    conversation(
        "all have left while a command waits to be allowed",
        careful(),
        begin("A", calls([])),
        ended("A"),
        begin("A", calls([SLEEPS], gate=OPEN_UNTIL + "left")),
        asked("A"),
        Leave("A"),
        joined("B"),
        asked("B"),
        says("cancel", "B"),
        ended("B", how="interrupted"),
    ),
)

APPROVALS = (*DECISIONS, *ASKING, *TOGETHER)
