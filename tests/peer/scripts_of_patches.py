"""Conversations about patches, which people may have to allow. None of them within walls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.peer.scripts_of_approvals import ERROR, RESOLVED, asked, joined, says, shared, turn
from tests.peer.scripts_of_terminals import Called, calls, completed, run, shown
from tests.peer.steps import Answer, Conversation, Hear, Step, ask, begin, conversation, ended, start

PATCH = "item/fileChange/requestApproval"
DONE = completed(type="fileChange")

EVERYTHING = (
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


def folder(home: Path) -> dict[str, str]:
    """Files to be patched."""
    work = home / "patched"
    work.mkdir()
    files = {"changes.txt": "one\ntwo\nthree\n", "goes.txt": "gone\n", "moves.txt": "here\n", "stays.txt": "one\n"}
    for name, content in files.items():
        (work / name).write_text(content)
    return {}


def patch(*lines: str) -> Called:
    """A patch, as a shell gets it: the peer knows no other way with a model that it does not know."""
    return run("\n".join(["apply_patch <<'EOF'", "*** Begin Patch", *lines, "*** End Patch", "EOF"]))


def add(name: str) -> Called:
    """A new file."""
    return patch(f"*** Add File: {name}", "+new")


def patching(**params: Any) -> list[Step]:
    """A thread in a folder that must not be written, unless somebody says so."""
    return start("A", **({"approvalPolicy": "on-request", "sandbox": "read-only", "cwd": "$home/patched"} | params))


def decides(decision: Any, who: str = "A") -> Answer:
    """Somebody decides about a patch."""
    return says(decision, who, PATCH)


def refused(name: str, *answers: Step, how: str = "completed") -> Conversation:
    """A patch that is not applied."""
    over = [DONE] if how == "completed" else []
    steps = turn([add("refused.txt")], asked("A", PATCH), *answers, *over, name=name, how=how)
    return conversation(name, patching(), steps, shown())


PATCHES: tuple[Conversation, ...] = (
    conversation(
        "a patch is allowed",
        patching(),
        turn([patch(*EVERYTHING)], asked("A", PATCH), decides("accept"), DONE, name="patch allowed"),
        shown(),
    ),
    conversation(
        "patches of a file are allowed for the session",
        patching(),
        turn([add("session.txt")], asked("A", PATCH), decides("acceptForSession"), DONE, name="patch for the session"),
        turn([patch("*** Update File: session.txt", "@@", "-new", "+newer")], DONE, name="patch again"),
        turn([add("other.txt")], asked("A", PATCH), decides("decline"), DONE, name="patch of another file"),
    ),
    refused("a patch is declined", decides("decline")),
    refused("a patch is cancelled", decides("cancel"), how="interrupted"),
    refused("a decision about a patch that there is not", decides("perhaps")),
    refused("an error for an answer about a patch", Answer("A", PATCH, ERROR, -1)),
    refused(
        "the turn is stopped while a patch waits to be allowed",
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        how="interrupted",
    ),
    conversation(
        "a patch that nobody needs to allow",
        patching(approvalPolicy="never", sandbox="danger-full-access"),
        turn([add("free.txt")], DONE, name="patch free"),
        turn([patch("*** Update File: free.txt", "@@", "-new", "+newer")], DONE, name="patch free again"),
        shown(),
    ),
    conversation(
        "a patch that does not fit",
        patching(),
        turn([patch("*** Update File: stays.txt", "@@", "-nowhere", "+x")], name="patch unfit"),
    ),
    conversation(
        "a patch that nobody may allow",
        patching(approvalPolicy="never"),
        turn([add("never.txt")], name="patch never"),
    ),
    conversation(
        "one of two allows a patch",
        shared(patching()),
        turn(
            [add("shared.txt")],
            asked("A", PATCH),
            asked("B", PATCH),
            decides("accept", "B"),
            Hear("A", RESOLVED),
            decides("decline", "A"),
            DONE,
            name="patch shared",
        ),
        ended("B"),
    ),
    conversation(
        "one who comes while a patch waits to be allowed",
        patching(),
        begin("A", calls([])),
        ended("A"),
        turn([add("late.txt")], asked("A", PATCH), joined("B"), decides("decline", "A"), DONE, name="patch late"),
        ended("B"),
    ),
)
