"""What our server says otherwise than codex 0.169.0 alone, on purpose. Each row has its reason, and is needed still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.peer.answers_of_0_169 import ANSWERS
from tests.peer.differences import SHARED
from tests.peer.differences_of_approvals import (
    APPROVALS,
    DECLINED_PATCHES,
    is_declined,
    waits_no_more,
)
from tests.peer.differences_of_reviews import of_reviews
from tests.peer.forms_of_0_169 import CURSORS, FORMS, STEERING, TIMES
from tests.peer.player import Heard
from tests.peer.rows import ABSENT, Difference, Extra, Field, Verdict


def _is_missing(ours: Any, _theirs: Any) -> bool:
    return ours is None or bool(ours == ABSENT)


def _is_a_bystanders(body: Any, before: Sequence[Heard]) -> bool:
    """Whether the connection does not follow this thread, by what it has heard."""
    follows = False
    for each in before:
        if each.kind in ("thread/start answered", "thread/resume answered", "thread/fork answered"):
            follows = follows or each.body["thread"]["id"] == body["threadId"]
        elif each.kind == "thread/unsubscribe answered":
            follows = False
    return not follows


REVIEWS = ("a review", "a review with findings", "a review fails", "a review while a turn runs")
PATCHES: tuple[Difference, ...] = (
    Field(
        "what was declined is kept",
        "The peer forgets such commands, and patches with which the turn was cancelled; a no is history too.",
        "thread/read answered",
        ".thread.turns.*.items",
        is_declined,
    ),
    Extra(
        "the end of a patch that was cancelled",
        "The peer leaves it open; whoever has heard a patch begin hears its end.",
        "ours",
        "item/completed",
        lambda body, _before: bool(body["item"]["type"] == "fileChange"),
        only=("a patch is cancelled",),
    ),
    Extra(
        "a thread waits no more before a patch is declined",
        "Ours keeps one order for commands and patches, as older versions do.",
        "theirs",
        "thread/status/changed",
        waits_no_more,
        only=DECLINED_PATCHES,
    ),
    Extra(
        "a thread waits no more when a patch is declined",
        "See above.",
        "ours",
        "thread/status/changed",
        waits_no_more,
        only=DECLINED_PATCHES,
    ),
    Extra(
        "what a patch says",
        "The peer no longer tells it, though its protocol still has it; older clients hear it, and newer pass it over.",
        "ours",
        "item/fileChange/outputDelta",
    ),
    Extra(
        "diffs of patches that a person has allowed",
        "The peer leaves out what it was allowed to change beyond its walls.",
        "ours",
        "turn/diff/updated",
        only=("a patch is allowed", "patches of a file are allowed for the session", "one of two allows a patch"),
    ),
    *(
        Field(
            f"proposals to allow more: {place}",
            "Of several commands the peer proposes the first, harmless one; ours one that is asked about.",
            "item/commandExecution/requestApproval",
            place,
            lambda ours, _theirs: "sleep" in str(ours),
            only=("a command of several parts",),
        )
        for place in (".proposedExecpolicyAmendment", ".availableDecisions.*")
    ),
    Extra(
        "read states for everybody",
        "The peer tells them to clients that asked for experiments; ours to all that follow a thread.",
        "ours",
        "thread/readState/changed",
        only=("a client that knows nothing new is asked",),
    ),
)

MISSING: tuple[Difference, ...] = (
    Verdict(
        "sections",
        "Order that one client keeps for one person; a shared server has nobody whose order it would be.",
        "threadSection/*",
        "refused",
        ("threads in sections",),
    ),
    Verdict(
        "queues",
        "Words of several clients are steered into the running turn; who wants to wait can do so itself.",
        "thread/queue/*",
        "refused",
        ("words that wait for their turn",),
    ),
    Extra("news of queues", "See above.", "theirs", "thread/queue/changed"),
    Verdict(
        "goals",
        "Turns that the server begins by itself until a goal is reached: here only clients begin turns.",
        "thread/goal/[sc]*",
        "refused",
        ("goals of a thread",),
    ),
    Field(
        "the goal",
        "See above: there is none.",
        "thread/goal/get answered",
        ".goal",
    ),
    Verdict(
        "a search through what was said",
        "It reads all files there are; here titles and first words are searched, and the words of one thread.",
        "thread/search",
        "refused",
        ("a search through what was said",),
    ),
    Extra(
        "remote control",
        "There is none: who wants to reach the server connects to it.",
        "theirs",
        "remoteControl/status/changed",
    ),
    Extra("news of goals", "See above.", "theirs", "thread/goal/updated"),
)

WITH_COMMANDS = (
    "a command says something",
    "a command fails",
    "a command is ended by a signal",
    "a shell that does not exist",
    "a command in another folder",
    "two commands at the same time",
    "bytes that are no text",
    "a terminal that is written to",
    "a command is looked at again",
    "a turn with a command is stopped",
)

DIFFERENCES: tuple[Difference, ...] = (
    *SHARED,
    *APPROVALS,
    *PATCHES,
    Extra(
        "usage before commands",
        "We tell the usage of an answer when it has ended, while its commands run.",
        "ours",
        "thread/tokenUsage/updated",
        only=WITH_COMMANDS,
    ),
    Extra(
        "usage behind commands",
        "The peer tells it when the commands have ended that the answer began.",
        "theirs",
        "thread/tokenUsage/updated",
        only=WITH_COMMANDS,
    ),
    *of_reviews(*REVIEWS, words=("a review with findings", "a review fails")),
    Field(
        "root of a review's turn",
        "The peer's reply leaves out that it is its own; all it tells later says so, as ours does at once.",
        "review/start answered",
        ".turn.rootTurnId",
        lambda ours, theirs: isinstance(ours, str) and theirs is None,
    ),
    *(
        Field(
            f"verdicts in {place}",
            "Our own words around the reviewer's.",
            "turn/completed",
            f".turn.items.*.{place}",
            only=only,
            right="either",
        )
        for place, only in (("text", ("a review with findings",)), ("id", REVIEWS[:2] + REVIEWS[3:]))
    ),
    *FORMS,
    *TIMES,
    *CURSORS,
    Extra(
        "goals that never were",
        "The peer tells everybody at every resume that the thread has no goal, which nobody had said it had.",
        "theirs",
        "thread/goal/cleared",
    ),
    *STEERING,
    *ANSWERS,
    *MISSING,
    Verdict(
        "turns are taken back where that is unknown",
        "The peer forgot the request; here clients of all versions share a thread, and any of them may ask for it.",
        "thread/rollback",
        "answered",
        ("turns are taken back where that is unknown",),
    ),
)
