"""What our server says otherwise than codex 0.169.0 alone, on purpose. Each row has its reason, and is needed still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.peer.differences import SHARED
from tests.peer.differences_of_reviews import of_reviews
from tests.peer.forms_of_0_169 import CURSORS, FORMS, STEERING, TIMES
from tests.peer.player import Heard
from tests.peer.rows import ABSENT, Difference, Extra, Field, Verdict


def _is_missing(ours: Any, _theirs: Any) -> bool:
    return ours is None or bool(ours == ABSENT)


def _follows_no_turns(_body: Any, before: Sequence[Heard]) -> bool:
    last = before[-1] if before else None
    answers = last is not None and last.kind in ("thread/resume answered", "thread/fork answered")
    return answers and last is not None and last.body["thread"]["turns"] == []


def _is_a_bystanders(body: Any, before: Sequence[Heard]) -> bool:
    """Whether the connection does not follow this thread, by what it has heard."""
    follows = False
    for each in before:
        if each.kind in ("thread/start answered", "thread/resume answered", "thread/fork answered"):
            follows = follows or each.body["thread"]["id"] == body["threadId"]
        elif each.kind == "thread/unsubscribe answered":
            follows = False
    return not follows


def _is_outside_of_a_turn(_body: Any, before: Sequence[Heard]) -> bool:
    last = before[-1]
    replays = last.kind == "thread/resume answered" and bool(last.body["thread"]["turns"])
    return not replays and last.kind != "item/completed"


def _was_unloaded(before: Sequence[Heard]) -> bool:
    told = [each.body["status"]["type"] for each in before if each.kind == "thread/status/changed"]
    return told[-1:] == ["notLoaded"]


REVIEWS = ("a review", "a review with findings", "a review fails", "a review while a turn runs")
REVERTED = (
    "a thread goes back to an earlier turn",
    "an older file goes back to an earlier turn",
    "turns are taken back where that is unknown",
)

ANSWERS: tuple[Difference, ...] = (
    Extra(
        "usage without turns of any kind",
        "The peer leaves the usage out; a client that has its turns from elsewhere still wants to show it.",
        "ours",
        "thread/tokenUsage/updated",
        _follows_no_turns,
        only=(
            "resume with a first page of turns",
            "fork of the first turns",
            "settings change with a turn",
            "settings change between turns",
        ),
    ),
    Field(
        "account",
        "Clients that see none ask their users to sign in; who reaches this server needs none.",
        "account/read answered",
        ".account",
    ),
    Field(
        "words for plan mode",
        "The peer tells its prompt of many pages; ours keeps its own where it is used.",
        "*",
        "..collaborationMode.settings.developer_instructions",
        lambda ours, theirs: ours is None and theirs is not None,
    ),
    Field(
        "models of forks",
        "As that of the session: a fork goes on as its source would.",
        "thread/*",
        ".thread.model",
        lambda ours, theirs: (ours, theirs) == ("own-model", "test-model"),
        right="either",
    ),
    Field(
        "codes of refused permissions",
        "The peer no longer knows permissions without a name; ours refuses them together with others, as older ones.",
        "* refused",
        ".code",
        lambda ours, theirs: (ours, theirs) == (-32600, -32602),
        only=("resume with settings of its own", "settings that exclude each other"),
    ),
    Field(
        "code of a file that is no rollout",
        "The peer takes what it cannot read for its own failure, older ones for a bad request, as ours.",
        "thread/resume refused",
        ".code",
        lambda ours, theirs: (ours, theirs) == (-32600, -32603),
        only=("threads that cannot be resumed",),
        right="either",
    ),
    Field(
        "code of what is not there",
        "The peer knows the request and cannot do it with older files; ours does not know it.",
        "thread/timeline/list refused",
        ".code",
        right="either",
    ),
    Field(
        "whether a thread takes words",
        "The peer tells it to some who ask and not to others; ours always of what is loaded.",
        "thread/*",
        "..canAcceptDirectInput",
        lambda ours, theirs: ours is True and theirs is None,
    ),
    Field(
        "makers of forks",
        "The peer names the maker of the source; we name who made the fork.",
        "thread/*",
        ".thread.originator",
        lambda ours, theirs: (ours, theirs) == ("codex-tui", "tests"),
        right="either",
    ),
    Field(
        "commands in older files",
        "The peer has forgotten how to read commands from its older files; ours shows all that is there.",
        "thread/re* answered",
        ".thread.turns.*.items",
        only=("resume of a file with commands in it",),
    ),
    Field(
        "texts that came in pieces",
        "The older form keeps one text of a message; its pieces are in the peer's new form only.",
        "thread/read answered",
        ".thread.turns.*.items.*.content",
        only=("input of every kind",),
        right="either",
    ),
    Field(
        "folder of a thread that has moved",
        "The peer tells its latest folder and lists the one where it began; for us that is where it is from.",
        "thread/re*",
        ".thread.cwd",
        only=("resume with settings of its own", "settings change between turns"),
        right="either",
    ),
    Verdict(
        "permissions without a name",
        "The peer wants a name for them; older clients know none, and theirs are understood as ever.",
        "permissions without a name",
        "answered",
        ("a thread starts with permissions by name",),
    ),
    Extra(
        "a thread with permissions without a name",
        "It is there, see above.",
        "ours",
        "thread/started",
        lambda _body, before: sum(each.kind == "thread/started" for each in before) > 0,
        only=("a thread starts with permissions by name",),
    ),
    Verdict(
        "items of an older file",
        "The peer has pages of items for its new form only; ours for any.",
        "thread/items/list",
        "answered",
        ("items of an older file", "the turns and items of a thread without a turn"),
    ),
    Verdict(
        "turns of a new thread",
        "Everything that is loaded can be looked at: there are no turns yet.",
        "thread/turns/list",
        "answered",
        ("the turns and items of a thread without a turn",),
    ),
    Verdict(
        "an older file goes back",
        "The peer can take back turns in its new form only; ours in any.",
        "thread/revert",
        "answered",
        ("an older file goes back to an earlier turn",),
    ),
    Extra(
        "turns taken back are told",
        "See there: the threads are in the older form.",
        "ours",
        "thread/reverted",
        only=("an older file goes back to an earlier turn", "turns are taken back where that is unknown"),
    ),
    Extra(
        "usage after turns are taken back",
        "The peer leaves it out; what clients show must go back as well.",
        "ours",
        "thread/tokenUsage/updated",
        _is_outside_of_a_turn,
        only=REVERTED,
    ),
    Extra(
        "unloading to take turns back",
        "The peer unloads a thread to do so and loads it again; ours is there all the time.",
        "theirs",
        "thread/status/changed",
        lambda body, before: body["status"]["type"] == "notLoaded" or _was_unloaded(before),
        only=("a thread goes back to an earlier turn", "a thread goes back before a turn that it has not"),
    ),
    Field(
        "usage of turns that were taken back",
        "The peer forgets it; what the model has counted is counted.",
        "thread/tokenUsage/updated",
        ".tokenUsage.total",
        only=("a thread goes back to an earlier turn",),
    ),
    Field(
        "file of a thread that went back",
        "The peer begins another file; ours goes on with the one it has, as older versions do.",
        "thread/revert answered",
        ".thread.path",
    ),
    Verdict(
        "archive of a thread without a turn",
        "A thread that nobody has said a word in is not on disk yet; the peer writes empty files and archives them.",
        "thread/archive",
        "refused",
        ("archive of a thread without a turn",),
        right="either",
    ),
    Extra(
        "archive of a thread without a turn is told",
        "See above.",
        "theirs",
        "thread/archived",
        only=("archive of a thread without a turn",),
        right="either",
    ),
    Extra(
        "archive of a thread without a turn unloads it",
        "See above.",
        "theirs",
        "thread/status/changed",
        only=("archive of a thread without a turn",),
        right="either",
    ),
    Field(
        "read states of threads without a provider, or of other threads",
        "The peer tells none of threads that others began, and lists those without a provider with its own.",
        "thread/list answered",
        ".readStates",
        only=("the list of some sources", "the list of one provider"),
    ),
    Verdict(
        "threads of one maker",
        "The peer knows the filter and not how to do it; ours does it.",
        "thread/list",
        "answered",
        ("the list of one maker",),
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
