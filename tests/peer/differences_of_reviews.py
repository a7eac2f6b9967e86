"""What is different about our reviews, on purpose, for a version of the peer that plays these conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.peer.player import Heard
from tests.peer.rows import Difference, Extra, Field, Right, Side

OUR_WORDS = "Our own words around the reviewer's."


def _is_entering(body: Any, _before: Sequence[Heard]) -> bool:
    return bool("item" in body and body["item"]["type"] == "enteredReviewMode")


def _is_left_open(body: Any, before: Sequence[Heard]) -> bool:
    """A message that begins within a review and is empty, or what a program reads."""
    since = next((each for each in reversed(before) if each.kind == "turn/completed" or _enters(each)), None)
    item = body["item"]
    return item["type"] == "agentMessage" and item["text"][:1] in ("", "{") and since is not None and _enters(since)


def _enters(heard: Heard) -> bool:
    return heard.kind == "item/completed" and _is_entering(heard.body, ())


def of_reviews(*names: str, words: Sequence[str]) -> tuple[Difference, ...]:
    """The rows for conversations of these names; in those called ``words`` texts are said that are no user's."""
    return (
        *(_entering(side, names) for side in ("ours", "theirs")),
        _field(
            "name of the turn of a review",
            "The peer's turn begins under an id that no reply named and that none may stop; ours under its own.",
            "turn/started",
            ".turn.id",
            names,
        ),
        Extra(
            "a reviewer's words",
            "The peer begins an item for what only it reads, and never ends it; ours shows the verdict alone.",
            "theirs",
            "item/started",
            _is_left_open,
        ),
        _field(
            "names of the items of a review",
            "The peer names several items like their turn, or all verdicts alike; ours have names of their own.",
            "item/*",
            ".item.id",
            names,
        ),
        _field(
            "turns of a review",
            "The peer makes two or three turns of a review, none of which is what was told; ours is one.",
            "thread/read answered",
            ".thread.turns",
            ("a review",),
        ),
        _field("last words of a review", OUR_WORDS, "item/*", ".item.text", words, "either"),
        _field("verdict of a review", OUR_WORDS, "item/*", ".item.review", ("a review with findings",), "either"),
    )


def _entering(side: Side, names: tuple[str, ...]) -> Difference:
    return Extra(
        f"beginning of a review, {side}",
        "The peer tells it before the turn that it is in begins; ours within.",
        side,
        "item/*",
        _is_entering,
        only=names,
    )


def _field(name: str, reason: str, kind: str, place: str, only: Sequence[str], right: Right = "ours") -> Difference:
    return Field(name, reason, kind, place, only=tuple(only), right=right)
