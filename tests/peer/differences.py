"""What our server says otherwise than every codex, on purpose. Each row has its reason, and is needed still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.peer.player import Heard
from tests.peer.rows import ABSENT, Difference, Extra, Field, Verdict


def _says_nothing(body: Any, _before: Sequence[Heard]) -> bool:
    limits = body["rateLimits"]
    return not any(limits[name] for name in ("primary", "secondary", "credits"))


def _repeats(body: Any, before: Sequence[Heard]) -> bool:
    if before and before[-1].kind in ("thread/resume answered", "thread/fork answered"):
        return False  # the replay
    earlier = [each.body for each in before if each.kind == "thread/tokenUsage/updated"]
    known = [each["tokenUsage"] for each in earlier if each["threadId"] == body["threadId"]]
    return bool(known) and bool(known[-1] == body["tokenUsage"])


def _is_known(body: Any, before: Sequence[Heard]) -> bool:
    earlier = [each.body for each in before if each.kind == "thread/status/changed"]
    known = [each["status"] for each in earlier if each["threadId"] == body["threadId"]]
    return bool(known) and bool(known[-1] == body["status"])


def _begins(text: str) -> Callable[[Any, Sequence[Heard]], bool]:
    return lambda body, _before: bool(body["message"].startswith(text))


SHARED: tuple[Difference, ...] = (
    Verdict(
        "a file is copied onto itself",
        "The peer empties it; we refuse.",
        "fs/copy",
        "refused",
        ("a file is copied onto itself",),
    ),
    Verdict(
        "devices are no files",
        "The peer writes to them, and waits for whoever reads; we refuse.",
        "fs/writeFile",
        "refused",
        ("a device is written",),
    ),
    Field(
        "numbers of terminals",
        "Both choose them by chance.",
        "*",
        "..processId",
        lambda ours, theirs: str(ours).isdecimal() and str(theirs).isdecimal(),
        right="either",
    ),
    Field(
        "why a command did not start",
        "The peer says it in the words of its libraries.",
        "*",
        "..aggregatedOutput",
        lambda ours, theirs: str(ours).startswith("The command could not be started") and "No such file" in str(theirs),
        right="either",
    ),
    Extra(
        "limits that say nothing",
        "The peer repeats limits that no provider named, after every response; we tell what a provider says.",
        "theirs",
        "account/rateLimits/updated",
        _says_nothing,
    ),
    Extra(
        "usage told twice",
        "The peer's empty limits make it repeat the usage that everybody knows, under a turn that did not cause it.",
        "theirs",
        "thread/tokenUsage/updated",
        _repeats,
    ),
    Extra(
        "status told twice",
        "Two tasks of the peer that unload a thread may both tell of it.",
        "theirs",
        "thread/status/changed",
        _is_known,
        sometimes=True,
    ),
    Extra(
        "unknown models",
        "The peer warns at every turn of a model that is not in its catalogue; ours serves any model.",
        "theirs",
        "warning",
        _begins("Model metadata for"),
    ),
    Extra(
        "skills that there are not",
        "The peer passes over a chosen skill that does not exist; we say so.",
        "ours",
        "warning",
        _begins("There is no skill"),
    ),
    Extra(
        "messages that are no requests",
        "The peer is silent; we say what was wrong, with no id.",
        "ours",
        "None refused",
    ),
    Verdict(
        "limits without an account",
        "The peer has none to tell without a sign-in; we tell what the provider of the models says.",
        "account/rateLimits/read",
        "answered",
        ("what a client asks when it starts",),
        right="either",
    ),
    Extra(
        "usage without turns",
        "The peer leaves the usage out; a client that has its turns from elsewhere still wants to show it.",
        "ours",
        "thread/tokenUsage/updated",
        only=("resume without turns",),
    ),
    Field(
        "usage after a compaction",
        "An estimate of what the model gets: the peer's context holds instructions of many pages, ours does not.",
        "thread/tokenUsage/updated",
        ".tokenUsage.last.totalTokens",
        only=(
            "a thread is summed up",
            "a thread is summed up before a turn",
            "a thread is summed up while a turn runs",
        ),
        right="either",
    ),
    Field(
        "failed turns stay failed",
        "The peer does not record errors, so that failed turns become completed; we always record them.",
        "thread/*",
        ".thread.turns.*.status",
        lambda ours, theirs: (ours, theirs) == ("failed", "completed"),
    ),
    Field(
        "failed turns keep their error",
        "The peer does not record errors; we always record them.",
        "thread/*",
        ".thread.turns.*.error",
        lambda ours, theirs: ours is not None and theirs is None,
    ),
    Field(
        "time of change after unarchive",
        "The peer answers with the time of creation although it touches the file; we tell the time of the file.",
        "thread/unarchive answered",
        ".thread.updatedAt",
    ),
    Field(
        "list cursors",
        "The peer's cursors are times, so that threads of one second get lost; ours carry time and id.",
        "thread/list answered",
        ".nextCursor",
        lambda ours, theirs: ours is not None and theirs is not None,
    ),
    Verdict(
        "params in a list",
        "An accident of the peer's decoder that is documented nowhere; params are an object.",
        "in a list",
        "refused",
        ("params in a list",),
        right="either",
    ),
    Field(
        "list cursors of the way back",
        "The peer's cursors are times, so that threads of one second get lost; ours carry time and id.",
        "thread/list answered",
        ".backwardsCursor",
        lambda ours, theirs: ours is not None and theirs is not None,
    ),
    Verdict(
        "turns of a thread without a turn",
        "Everything that is loaded can be looked at: there are no turns yet, or those in memory.",
        "thread/read",
        "answered",
        ("the turns of a thread without a turn are read", "the turns of a thread without a file are read"),
    ),
    Verdict(
        "files with a broken line",
        "The peer refuses a file with a line that is no text; we skip the line and keep all the others.",
        "thread/resume",
        "answered",
        ("resume of a file with a broken line",),
    ),
    Extra(
        "status of a file with a broken line",
        "It is loaded, see above.",
        "ours",
        "thread/status/changed",
        only=("resume of a file with a broken line",),
    ),
    Field(
        "text so far",
        "In the middle of a message the peer's snapshot lacks its beginning; ours has the text so far.",
        "thread/re* answered",
        ".thread.turns.*.items.*",
        lambda ours, theirs: theirs == ABSENT and ours["type"] == "agentMessage",
    ),
    Field(
        "model of a fork",
        "The peer goes on with the model of the configuration, unlike on resume; a fork of ours goes on as its source"
        " would.",
        "thread/fork answered",
        ".model",
        lambda ours, theirs: (ours, theirs) == ("own-model", "test-model"),
        right="either",
    ),
    Field(
        "threads that name no provider",
        "The peer says that they are of the configured one; an old file does not say, and neither do we.",
        "thread/list answered",
        ".data.*.modelProvider",
        lambda ours, theirs: (ours, theirs) == ("", "test"),
        right="either",
    ),
    Verdict(
        "joining a thread without a turn",
        "Everything that is loaded can be joined: sharing is what the server is for.",
        "thread/resume",
        "answered",
        ("a second client joins a thread without a turn", "a second client joins a thread without a file"),
    ),
    Field(
        "origin of a fork without a file",
        "The peer forgets where it comes from once it has told so; we keep it.",
        "thread/read answered",
        ".thread.forkedFromId",
        only=("fork without a file",),
    ),
    Field(
        "preview of a fork without a file",
        "The peer forgets the first words once it has told them; we keep them.",
        "thread/read answered",
        ".thread.preview",
        only=("fork without a file",),
    ),
    Field(
        "messages that come at once in plan mode",
        "The peer begins each with no text, in case a plan comes; ours has what is known by then.",
        "item/started",
        ".item.text",
        lambda ours, theirs: (ours, theirs) == ("Done", ""),
        right="either",
    ),
    Field(
        "threads that name no provider are listed with any",
        "The peer lists them with the configured one.",
        "thread/list answered",
        ".data",
        only=("the list of one provider",),
        right="either",
    ),
)
