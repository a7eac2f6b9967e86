"""Conversations about what the model is told besides the words of a turn: summaries of long threads, AGENTS.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.peer.steps import (
    Conversation,
    Hear,
    Open,
    Part,
    ask,
    conversation,
    ended,
    say,
    start,
    words,
)

MARKED = {"project_root_markers": [".root"]}
UNKNOWN = "01900000-0000-7000-8000-0000000000ff"


def documents(home: Path) -> Mapping[str, str]:
    """A project with words for models, and those of the user."""
    inner = home / "project/inner"
    inner.mkdir(parents=True)
    (home / "project/.root").touch()
    (home / "AGENTS.md").write_text("of the user\n")
    (home / "project/AGENTS.md").write_text("of the project\n")
    (inner / "AGENTS.override.md").write_text("of the folder\n")
    (inner / "AGENTS.md").write_text("not read\n")
    return {}


def _asking(prompt: str) -> tuple[Part, ...]:
    """A new thread with a turn, which is summed up with this prompt."""
    return start("A", config={"compact_prompt": prompt}), say("A", "hello")


def _summing_up() -> list[Part]:
    """Wait until it begins, and save the id of its turn."""
    item = {"type": "contextCompaction"}
    return [
        Hear("A", "item/started", {"item": item}),
        ask("A", "thread/turns/list", threadId="$thread", limit=1, save={"turn": "data.0.id"}),
    ]


COMPACTING: tuple[Conversation, ...] = (
    conversation(
        "a thread is summed up",
        *_asking("sum up"),
        ask("B", "thread/resume", threadId="$thread"),
        ask("A", "thread/compact/start", threadId="$thread"),
        Hear("A", "item/completed", {"item": {"type": "contextCompaction"}}),
        ended("A"),
        ended("B"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        say("A", "and on"),
        ended("B"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "a summary is not to be had",
        *_asking("failed:invalid_prompt"),
        ask("A", "thread/compact/start", threadId="$thread"),
        ended("A", how="failed"),
        say("A", "and on"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "summing up is stopped",
        *_asking("gate:stopped"),
        ask("A", "thread/compact/start", threadId="$thread"),
        *_summing_up(),
        ask("A", "turn/steer", threadId="$thread", input=words("no"), expectedTurnId="$turn"),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Open("stopped"),
        say("A", "and on"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "a thread is summed up before a turn",
        start("A", config={"compact_prompt": "sum up", "model_auto_compact_token_limit": 300}),
        say("A", "hello reads:400"),
        say("A", "and on"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "summing up what there is not",
        ask("A", "thread/compact/start", threadId=UNKNOWN),
        ask("A", "thread/compact/start", threadId="nonsense"),
        ask("A", "thread/compact/start"),
    ),
)

DOCUMENTS: tuple[Conversation, ...] = (
    conversation(
        "words of a project for models",
        start("A", cwd="$home/project/inner", config=MARKED),
        say("A", "hello"),
        ask("A", "thread/fork", threadId="$thread", config=MARKED),
        ask("A", "thread/resume", threadId="$thread", config=MARKED),
        start("A", cwd="$home/project"),
    ),
)
