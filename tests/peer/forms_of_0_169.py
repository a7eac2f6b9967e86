"""What is different from codex 0.169.0 because it writes another form, steers in another way and reads other clocks."""

from __future__ import annotations

from typing import Any

from tests.peer.rows import ABSENT, Difference, Extra, Field


def _is_missing(ours: Any, _theirs: Any) -> bool:
    return ours is None or bool(ours == ABSENT)


def _is_numbered(ours: Any, theirs: Any) -> bool:
    return str(ours).startswith("item-") and str(theirs).startswith("<")


FORMS: tuple[Difference, ...] = (
    Field(
        "form of new threads",
        "The peer writes its new form, which older versions cannot read; ours is read by all.",
        "*",
        "..historyMode",
        lambda ours, theirs: (ours, theirs) == ("legacy", "paginated"),
    ),
    Extra(
        "whole histories",
        "The peer dislikes to tell all turns of a thread in its new form; to ours it makes no difference.",
        "theirs",
        "deprecationNotice",
    ),
    Field(
        "ids of items on disk",
        "The new form keeps the ids of items; in the form that all versions read they are numbered.",
        "thread/*",
        "..items.*.id",
        _is_numbered,
    ),
    Field(
        "ids of single items on disk",
        "See above.",
        "thread/*",
        "..item.id",
        _is_numbered,
    ),
    Field(
        "times of items",
        "The peer repeats the times of an item inside it, where no schema tells of them.",
        "*",
        "..startedAtMs",
        _is_missing,
        right="either",
    ),
    Field(
        "ends of items",
        "The peer repeats the times of an item inside it, where no schema tells of them.",
        "*",
        "..completedAtMs",
        _is_missing,
        right="either",
    ),
    Field(
        "cursors of turns",
        "Opaque strings: the peer's count lines of its new form, ours name a turn.",
        "thread/*",
        "..turnsBackwardsCursor",
        right="either",
    ),
    Field(
        "cursors of items",
        "Opaque strings: the peer's count lines of its new form, ours name an item.",
        "thread/*",
        "..itemsBackwardsCursor",
        right="either",
    ),
)

STEERED = ("a turn is steered", "words with an id of their client")

STEERING: tuple[Difference, ...] = (
    Extra(
        "the rest of a message that was cut off",
        "The peer cuts the answer off when words come in between, and forgets what it had told of it; ours ends it.",
        "ours",
        "item/agentMessage/delta",
        lambda body, _before: bool(body["delta"] == "rest"),
        only=STEERED,
    ),
    Extra(
        "the end of a message that was cut off",
        "See above: whoever has heard a message begin hears its end.",
        "ours",
        "item/completed",
        lambda body, _before: bool(body["item"].get("text") == "First rest"),
        only=STEERED,
    ),
    Extra(
        "usage of a message that was cut off",
        "See above: what the model has counted is counted.",
        "ours",
        "thread/tokenUsage/updated",
        lambda body, _before: bool(body["tokenUsage"]["last"]["totalTokens"] == 9),
        only=STEERED,
    ),
    Field(
        "usage with a message that was cut off",
        "See above.",
        "thread/tokenUsage/updated",
        ".tokenUsage.total",
        only=STEERED,
    ),
    Field(
        "items around a message that was cut off",
        "See above: the message is one of the items.",
        "thread/read answered",
        ".thread.turns.*.items",
        only=STEERED,
    ),
)

TIMES: tuple[Difference, ...] = (
    Field(
        "time of the last words",
        "The peer takes the time of a file that it sees for the first time; ours looks when its user last spoke.",
        "*",
        "..recencyAt",
        lambda ours, theirs: isinstance(ours, int) and isinstance(theirs, int),
    ),
    Field(
        "time of change",
        "The peer tells the time of creation unless it has changed the thread itself; we tell the time of the file.",
        "thread/re*",
        ".thread.updatedAt",
    ),
    Field(
        "time of a change of the title",
        "The peer no longer counts a title as a change of the thread.",
        "thread/list answered",
        ".data.*.updatedAt",
        only=("searching for a title",),
    ),
    Field(
        "time of a resume",
        "The peer writes the settings of a thread into its file at every resume; ours when they change.",
        "thread/list answered",
        ".data.*.updatedAt",
        only=("which threads are loaded",),
    ),
    Field(
        "turns read from a file in the older form",
        "The peer knows the first turn of a chain only from its new form; a turn that a person began is its own.",
        "thread/*",
        "..rootTurnId",
        lambda ours, theirs: ours is not None and theirs is None,
    ),
)

CURSORS: tuple[Difference, ...] = (
    Field(
        "way back through threads of one second",
        "The peer's cursors of the way back are times; ours carry time and id.",
        "the second page of one second answered",
        ".backwardsCursor",
    ),
    Field(
        "cursors of pages of turns and items",
        "Opaque strings: the peer's count lines of its new form, ours name a turn and an item.",
        "thread/*s/list answered",
        ".nextCursor",
        lambda ours, theirs: ours is not None and theirs is not None,
        right="either",
    ),
    Field(
        "cursors of the way back through turns and items",
        "Opaque strings: the peer's count lines of its new form, ours name a turn and an item.",
        "thread/*s/list answered",
        ".backwardsCursor",
        lambda ours, theirs: ours is not None and theirs is not None,
        right="either",
    ),
)
