"""How our server answers otherwise than codex 0.169.0, on purpose. Each row has its reason, and is needed still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.peer.player import Heard
from tests.peer.rows import Difference, Extra, Field, Verdict


def _follows_no_turns(_body: Any, before: Sequence[Heard]) -> bool:
    last = before[-1] if before else None
    answers = last is not None and last.kind in ("thread/resume answered", "thread/fork answered")
    return answers and last is not None and last.body["thread"]["turns"] == []


def _is_outside_of_a_turn(_body: Any, before: Sequence[Heard]) -> bool:
    last = before[-1]
    replays = last.kind == "thread/resume answered" and bool(last.body["thread"]["turns"])
    return not replays and last.kind != "item/completed"


def _was_unloaded(before: Sequence[Heard]) -> bool:
    told = [each.body["status"]["type"] for each in before if each.kind == "thread/status/changed"]
    return told[-1:] == ["notLoaded"]


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
