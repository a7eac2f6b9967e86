"""What our server says otherwise on purpose where people are asked and files are patched: rows for any version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.peer.player import Heard
from tests.peer.rows import ABSENT, Difference, Extra, Field

RESOLVED = "serverRequest/resolved"
STATUS = "thread/status/changed"

STOPPED = (
    "the turn is stopped while a command waits to be allowed",
    "two stop the turn while a command waits to be allowed",
    "the turn is stopped while a patch waits to be allowed",
)
LATE_PATCH = "one who comes while a patch waits to be allowed"
DECLINED_PATCHES = (
    "patches of a file are allowed for the session",
    "a patch is declined",
    "a decision about a patch that there is not",
    "an error for an answer about a patch",
    LATE_PATCH,
)
LATER = ("one who comes while a command waits to be allowed", "all have left while a command waits to be allowed")

_MODE = re.compile(r"^(index \w+\.\.\w+) \d+$", re.M)
_RENAME = re.compile(r"^rename (from|to) .*\n", re.M)


def waits_no_more(body: Any, before: Sequence[Heard]) -> bool:
    """Whether a thread that waited for a person now works again."""
    flags = [each.body["status"].get("activeFlags") for each in before if each.kind == STATUS]
    return bool(body["status"].get("activeFlags") == [] and flags and flags[-1])


def is_of_a_joiner(body: Any, before: Sequence[Heard]) -> bool:
    """Whether an item ends of which this connection has not heard the beginning, but in the reply when it came."""
    began = {each.body["item"]["id"] for each in before if each.kind == "item/started"}
    return body["item"].get("status") == "declined" and body["item"]["id"] not in began


def has_ended(body: Any, before: Sequence[Heard]) -> bool:
    """Whether the end of this patch was told before."""
    ended = [each.body["item"]["id"] for each in before if each.kind == "item/completed"]
    return body["item"]["type"] == "fileChange" and body["item"]["id"] in ended


def is_kept(ours: Any, theirs: Any) -> bool:
    """Whether we have commands and patches that the peer has not."""
    kept, lost = ({item["type"] for item in items} for items in (ours, theirs))
    return bool((kept - lost) & {"commandExecution", "fileChange"})


def is_declined(ours: Any, theirs: Any) -> bool:
    """Whether all that we have and the peer has not was declined."""
    known = {item["type"] for item in theirs}
    more = [item.get("status") for item in ours if item["type"] not in known]
    return bool(more) and set(more) == {"declined"}


def _plain(diff: str) -> str:
    return _RENAME.sub("", _MODE.sub(r"\1", diff.replace("<home>/patched/", "")))


APPROVALS: tuple[Difference, ...] = (
    Field(
        "why a patch is asked about",
        "The peer says nothing; a person should know why.",
        "item/fileChange/requestApproval",
        ".reason",
        lambda ours, theirs: isinstance(ours, str) and theirs is None,
    ),
    Extra(
        "a question is gone before its turn has stopped",
        "From then on an answer means nothing, and cards with the question should not be open.",
        "ours",
        RESOLVED,
        only=STOPPED,
    ),
    Extra(
        "a question is gone behind the end of its turn",
        "See above.",
        "theirs",
        RESOLVED,
        only=STOPPED,
    ),
    Extra(
        "the turn that stops waits for nobody",
        "See above: what follows from it is told, too.",
        "ours",
        STATUS,
        waits_no_more,
        only=STOPPED,
    ),
    Field(
        "answers that mean nothing",
        "They count as a no, and what was declined has not failed; the peer says that it has, of commands or patches.",
        "item/completed",
        ".item.status",
        lambda ours, theirs: (ours, theirs) == ("declined", "failed"),
    ),
    Field(
        "what waits to be allowed is there for who comes",
        "The peer's reply leaves out what has not ended, and then asks about it.",
        "thread/resume answered",
        ".thread.turns.*.items.*",
        lambda ours, theirs: theirs == ABSENT and ours.get("status") == "inProgress",
    ),
    Extra(
        "the end of what was declined, for who came later",
        "The peer tells it only to those whom it had asked at first.",
        "ours",
        "item/completed",
        lambda body, before: body["item"]["type"] == "commandExecution" and is_of_a_joiner(body, before),
    ),
    Field(
        "diffs of a turn",
        "As git writes them: with modes, with renames, from the folder where the thread works.",
        "turn/diff/updated",
        ".diff",
        lambda ours, theirs: _plain(ours) == _plain(theirs),
    ),
)
