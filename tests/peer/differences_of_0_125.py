"""What our server says otherwise than codex 0.125.0, on purpose. Each row has its reason, and is needed still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.peer.differences import SHARED
from tests.peer.differences_of_approvals import APPROVALS, LATE_PATCH, LATER, has_ended, is_kept, is_of_a_joiner
from tests.peer.differences_of_reviews import of_reviews
from tests.peer.player import Heard
from tests.peer.rows import ABSENT, Difference, Extra, Field, Side, Verdict


def _is_idle(heard: Heard) -> bool:
    return heard.kind == "thread/status/changed" and bool(heard.body["status"]["type"] == "idle")


SIDES: tuple[Side, ...] = ("ours", "theirs")
FAILED_ROLLBACKS = ("taking back turns while one runs", "taking back turns of a thread without a file")
REVIEWS = (
    "a review",
    "a review with findings",
    "a review is stopped",
    "a review fails",
    "a review while a turn runs",
    "a review on a copy",
)
FAILED_REQUESTS = ("input that is empty", "a thread without a file gets a name")


def _is_of_a_command(body: Any, _before: Sequence[Heard]) -> bool:
    return bool(body["item"]["type"] == "commandExecution")


DIFFERENCES: tuple[Difference, ...] = (
    *SHARED,
    *APPROVALS,
    Extra(
        "patches that are declined twice",
        "The peer tells the end of such an item twice, to some.",
        "theirs",
        "item/completed",
        has_ended,
    ),
    *(
        Extra(
            f"the end of a patch, for who came later: {side}",
            "The peer tells it once the thread waits no more; ours in the order in which all others hear it.",
            side,
            "item/completed",
            is_of_a_joiner,
            only=(LATE_PATCH,),
        )
        for side in SIDES
    ),
    Extra(
        "patches that the walls refuse",
        "The peer tries what a person has allowed within its walls first, and tells how that fails.",
        "theirs",
        "item/fileChange/outputDelta",
        lambda body, _before: bool(body["delta"].startswith("Failed to")),
    ),
    Field(
        "commands and patches are kept",
        "The peer's rollouts do not hold them, so that they are gone when a thread is read; later versions keep them.",
        "thread/read answered",
        ".thread.turns.*.items",
        is_kept,
    ),
    Field(
        "commands that a signal ended",
        "The peer does not say which; later versions count as shells do.",
        "item/completed",
        ".item.exitCode",
        lambda ours, theirs: (ours, theirs) == (137, -1),
    ),
    Extra(
        "commands that did not start",
        "The peer shows nothing of them; later versions do.",
        "ours",
        "item/*ed",
        _is_of_a_command,
        only=("a folder that does not exist",),
    ),
    Extra(
        "a last look",
        "The peer shows each look at a command; we, and later versions, not the one that finds it at its end.",
        "theirs",
        "item/commandExecution/terminalInteraction",
        lambda body, _before: body["stdin"] == "",
        only=("a command is looked at again", "a terminal that is written to"),
    ),
    Field(
        "source of the copy that is reviewed",
        "The peer's announcement leaves it out, although the copy is a fork and is listed as one.",
        "thread/started",
        ".thread.forkedFromId",
        lambda ours, theirs: ours is not None and theirs is None,
        only=("a review on a copy",),
    ),
    *of_reviews(*REVIEWS, words=("a review with findings", "a review is stopped", "a review fails")),
    Field(
        "items of a compaction that runs",
        "The peer shows the item when it is over; ours is there from its beginning, like every item of a running turn.",
        "thread/turns/list answered",
        ".data.*.items.*",
        lambda _ours, theirs: theirs == ABSENT,
        only=("summing up is stopped",),
    ),
    Field(
        "what is no file",
        "The peer asks the system, which fails; later versions and ours say that the request is wrong.",
        "fs/readFile refused",
        ".code",
        lambda ours, theirs: (ours, theirs) == (-32600, -32603),
        only=("a folder is read as a file",),
        right="either",
    ),
    Field(
        "names before ways",
        "In later versions and ours a file whose name fits comes before those that fit by their folders.",
        "fuzzyFileSearch*",
        ".files.*.score",
        lambda ours, theirs: ours >> 16 > 0 and ours & 0xFFFF == theirs,
        right="either",
    ),
    Field(
        "history in an announcement",
        "The peer tells everybody all turns of a new fork; nobody needs them, and later versions leave them out.",
        "thread/started",
        ".thread.turns.*",
        lambda ours, _theirs: ours == ABSENT,
    ),
    Field(
        "title of a fork",
        "The peer's answer leaves it out, and its next lists have it; later versions tell it at once.",
        "thread/*",
        ".thread.name",
        lambda ours, theirs: ours is not None and theirs is None,
        only=("a loaded thread gets a name",),
    ),
    Extra(
        "stopping what does not run",
        "The peer looks at no id: it stops what runs, or answers when some later turn is stopped; we refuse at once.",
        "ours",
        "turn/interrupt refused",
        only=("stopping a turn that does not run", "stopping with the id of another turn"),
    ),
    Extra(
        "advice after a compaction",
        "The peer advises to begin a new thread; later versions do so no more.",
        "theirs",
        "warning",
        lambda body, _before: bool(body["message"].startswith("Heads up")),
        only=(
            "a thread is summed up",
            "a thread is summed up before a turn",
            "a thread is summed up while a turn runs",
        ),
    ),
    Field(
        "files named to a joiner",
        "The peer looks for the root of the project by the markers of the server, not by those of the thread.",
        "thread/resume answered",
        ".instructionSources.*",
        only=("words of a project for models",),
    ),
    Field(
        "name of the reviewer",
        "Two names of one thing: the peer answers with the older one, we with the one that was asked for.",
        "thread/start answered",
        ".approvalsReviewer",
        lambda ours, theirs: (ours, theirs) == ("auto_review", "guardian_subagent"),
        right="either",
    ),
    Field(
        "input that joins a turn",
        "The peer answers with an id that never starts; we answer with the turn that takes the input.",
        "turn/start answered",
        ".turn.id",
        only=("input while a turn runs",),
    ),
    Field(
        "threads of one second",
        "The peer's next page begins a second later; ours with the next thread.",
        "the second page of one second answered",
        ".data.*",
        lambda ours, theirs: ours["createdAt"] and theirs == ABSENT,
    ),
    Field(
        "way back to threads of one second",
        "The peer's second page is empty, see above.",
        "the second page of one second answered",
        ".backwardsCursor",
        lambda ours, theirs: ours is not None and theirs is None,
    ),
    Extra(
        "requests that fail leave the status alone",
        "The peer puts the thread into systemError; here the request fails and nothing else.",
        "theirs",
        "thread/status/changed",
        lambda body, _before: bool(body["status"]["type"] == "systemError"),
        only=(*FAILED_ROLLBACKS, *FAILED_REQUESTS),
    ),
    Extra(
        "requests that fail are no errors of the thread",
        "The peer tells the followers of the thread; here only who asked hears of it.",
        "theirs",
        "error",
        only=FAILED_REQUESTS,
    ),
    Extra(
        "status after a failed rollback",
        "The peer's systemError stays when the running turn ends; here the thread becomes idle as ever.",
        "ours",
        "thread/status/changed",
        lambda body, before: body["status"]["type"] == "idle" and any(_is_idle(each) for each in before),
        only=("taking back turns while one runs",),
    ),
    Verdict(
        "input that is empty",
        "The peer accepts it, and makes the next turn fail; we refuse it.",
        "turn/start with nothing",
        "refused",
        ("input that is empty",),
    ),
    Field(
        "turn after a request that failed",
        "The peer ends the turn as failed because of the request before it.",
        "turn/completed",
        ".turn.status",
        lambda ours, theirs: (ours, theirs) == ("completed", "failed"),
        only=FAILED_REQUESTS,
    ),
    Field(
        "error of the turn after a request that failed",
        "The peer ends the turn as failed because of the request before it.",
        "turn/completed",
        ".turn.error",
        lambda ours, _theirs: ours is None,
        only=FAILED_REQUESTS,
    ),
    Verdict(
        "name of a thread without a file",
        "The peer accepts it and fails afterwards; we refuse it.",
        "thread/name/set",
        "refused",
        ("a thread without a file gets a name",),
    ),
    Field(
        "usage after a rollback",
        "An estimate of what the model gets: the peer's context holds instructions of many pages, ours does not.",
        "thread/tokenUsage/updated",
        ".tokenUsage.last.totalTokens",
        only=("turns are taken back",),
        right="either",
    ),
    Field(
        "turn of the usage after a rollback",
        "The peer names a turn that there never was; we name the last one that is left.",
        "thread/tokenUsage/updated",
        ".turnId",
        only=("turns are taken back", "turns of a prepared thread are taken back"),
    ),
    Field(
        "turn of the usage told to a joiner",
        "The peer names the running turn, which has cost nothing yet, because of its empty limits; we name the one"
        " that caused the usage.",
        "thread/tokenUsage/updated",
        ".turnId",
        only=("a second client joins in the middle of a message", *LATER, LATE_PATCH),
    ),
    Field(
        "folders that may be written to",
        "The peer opens its folder of memories; we keep no memories.",
        "thread/start answered",
        ".sandbox.writableRoots.*",
        lambda ours, theirs: ours == ABSENT and theirs == "<home>/memories",
        right="either",
    ),
    Field(
        "rights to folders",
        "The peer opens its folder of memories and closes the project's own settings; we have neither.",
        "thread/start answered",
        ".permissionProfile.fileSystem.entries.*",
        lambda ours, theirs: ours == ABSENT and theirs["path"]["path"] in ("<home>/memories", "<home>/.codex"),
        right="either",
    ),
    Field(
        "ids of running items",
        "The peer's snapshot has ids of its own; ours has those that live notifications carry.",
        "thread/re* answered",
        ".thread.turns.*.items.*.id",
        lambda ours, theirs: str(theirs).startswith("item-") and str(ours).startswith("<id "),
    ),
)
