"""Conversations about reviews, and about what takes the place of a turn that runs."""

from __future__ import annotations

from typing import Any

from tests.peer.steps import OLD, Ask, Conversation, Hear, Open, ask, conversation, ended, held, say, start, words

UNKNOWN = "01900000-0000-7000-8000-0000000000ff"


def review(text: str = "look here", *, wait: bool = True, **params: Any) -> Ask:
    """Ask for a review in these words; its turn and thread are saved."""
    target = {"type": "custom", "instructions": text}
    kept = {"turn": "turn.id", "review": "reviewThreadId"}
    return ask("A", "review/start", threadId="$thread", target=target, save=kept, wait=wait, **params)


def _of(what: dict[str, str], thread: str = "$thread", **params: Any) -> Ask:
    return ask("A", "review/start", threadId=thread, target=what, **params)


REVIEWS: tuple[Conversation, ...] = (
    conversation(
        "a review",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/resume", threadId="$thread"),
        review("  look here  "),
        ended("A"),
        ended("B"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
        say("A", "and on"),
    ),
    conversation(
        "a review with findings",
        start("A"),
        review("finds:2"),
        ended("A"),
        say("A", "and on"),
    ),
    conversation(
        "a review is stopped",
        start("A"),
        say("A", "hello"),
        review("gate:reviewing"),
        Hear("A", "item/completed", {"item": {"type": "userMessage"}, "turnId": "$turn"}),
        ask("A", "turn/steer", threadId="$thread", input=words("no"), expectedTurnId="$turn"),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Open("reviewing"),
        say("A", "and on"),
        versions=OLD,
    ),
    conversation(
        "a review fails",
        start("A"),
        say("A", "hello"),
        review("failed:invalid_prompt"),
        ended("A", how="failed"),
        say("A", "and on"),
    ),
    conversation(
        "a review while a turn runs",
        start("A"),
        held("A", "aside"),
        review(),
        ended("A", how="interrupted"),
        ended("A"),
        Open("aside"),
        say("A", "and on"),
    ),
    conversation(
        "a review on a copy",
        start("A"),
        say("A", "hello"),
        review(delivery="detached"),
        ended("A", "$review"),
        say("A", "and on"),
        versions=OLD,
    ),
    conversation(
        "reviews of nothing",
        start("A"),
        _of({"type": "custom", "instructions": " "}),
        _of({"type": "baseBranch", "branch": ""}),
        _of({"type": "commit", "sha": "\n"}),
        _of({"type": "bogus"}),
        _of({"type": "custom", "instructions": "x"}, delivery="bogus"),
        _of({"type": "custom", "instructions": "x"}, thread="nonsense"),
        _of({"type": "custom", "instructions": "x"}, thread=UNKNOWN),
        ask("A", "review/start", threadId="$thread"),
    ),
    conversation(
        "a thread is summed up while a turn runs",
        start("A", config={"compact_prompt": "sum up"}),
        say("A", "hello"),
        held("A", "pushed"),
        ask("A", "thread/compact/start", threadId="$thread"),
        ended("A", how="interrupted"),
        ended("A"),
        Open("pushed"),
        say("A", "and on"),
        ask("A", "thread/read", threadId="$thread", includeTurns=True),
    ),
)
