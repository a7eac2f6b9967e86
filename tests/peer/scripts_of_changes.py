"""Conversations about threads that are changed from outside: turns taken back, items put in, facts corrected."""

from __future__ import annotations

from typing import Any

from tests.peer.steps import NEW, OLD, Conversation, Hear, Open, ask, conversation, ended, held, say, start
from tests.support import rollouts as seeds

UNKNOWN = "01900000-0000-7000-8000-0000000000ff"

INJECTED: dict[str, Any] = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "as if I had said so"}],
}

ROLLBACKS: tuple[Conversation, ...] = (
    conversation(
        "turns are taken back",
        start("A"),
        say("A", "stays"),
        say("A", "goes"),
        say("A", "goes as well"),
        ask("B", "thread/rollback", threadId="$thread", numTurns=2),
        Hear("A", "thread/tokenUsage/updated", {"tokenUsage": {"last": {"inputTokens": 0}}}),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        say("A", "and on"),
        ask("B", "thread/rollback", threadId="$thread", numTurns=9),
        ask("B", "thread/resume", threadId="$thread"),
        versions=OLD,
    ),
    conversation(
        "turns of a prepared thread are taken back",
        ask("A", "thread/resume", threadId="$old"),
        Hear("A", "thread/tokenUsage/updated"),
        ask("A", "thread/rollback", threadId="$old", numTurns=1),
        ask("B", "thread/resume", threadId="$old"),
        seeds={"old": seeds.with_usage},
        versions=OLD,
    ),
    conversation(
        "taking back what cannot be taken back",
        start("A"),
        ask("A", "thread/rollback", threadId="$thread", numTurns=0),
        ask("A", "thread/rollback", threadId=UNKNOWN, numTurns=1),
        ask("A", "thread/rollback", threadId="nonsense", numTurns=1),
        ask("A", "thread/rollback", threadId="$thread", numTurns=-1),
        ask("A", "thread/rollback", threadId="$thread"),
        versions=OLD,
    ),
    conversation(
        "taking back turns while one runs",
        start("A"),
        say("A", "hello"),
        held("A", "rolling"),
        ask("B", "thread/rollback", threadId="$thread", numTurns=1),
        ask("B", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Open("rolling"),
        versions=OLD,
    ),
    conversation(
        "taking back turns of a thread without a file",
        start("A", ephemeral=True),
        ask("A", "thread/rollback", threadId="$thread", numTurns=1),
        versions=OLD,
    ),
    conversation(
        "turns are taken back where that is unknown",
        ask("A", "thread/resume", threadId="$old", excludeTurns=True),
        ask("A", "thread/rollback", threadId="$old", numTurns=1),
        seeds={"old": seeds.plain},
        versions=NEW,
    ),
)

PAGES: tuple[Conversation, ...] = (
    conversation(
        "turns page by page",
        ask("A", "thread/turns/list", threadId="$old"),
        ask("A", "thread/turns/list", threadId="$old", limit=1, save={"next": "nextCursor", "back": "backwardsCursor"}),
        ask("A", "thread/turns/list", threadId="$old", cursor="$next"),
        ask("A", "thread/turns/list", threadId="$old", cursor="$back", sortDirection="asc"),
        ask("A", "thread/turns/list", threadId="$old", sortDirection="asc", limit=0),
        ask("A", "thread/turns/list", threadId="$old", cursor="nonsense"),
        ask("A", "thread/turns/list", threadId=UNKNOWN),
        ask("A", "thread/turns/list", threadId="nonsense"),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "the turns of a loaded thread page by page",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/turns/list", threadId="$thread"),
    ),
)

FACTS: tuple[Conversation, ...] = (
    conversation(
        "items are put into a thread",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/inject_items", threadId="$thread", items=[INJECTED]),
        ask("B", "thread/inject_items", threadId="$thread", items=[]),
        ask("B", "thread/inject_items", threadId=UNKNOWN, items=[]),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "the repository of a thread is corrected",
        start("A"),
        say("A", "hello"),
        ask(
            "A",
            "thread/metadata/update",
            threadId="$thread",
            gitInfo={"sha": "beef", "branch": " main ", "originUrl": None},
        ),
        ask("A", "thread/metadata/update", threadId="$thread", gitInfo={"sha": None}),
        ask("A", "thread/read", threadId="$thread"),
        ask("A", "thread/metadata/update", threadId="$thread", gitInfo={}),
        ask("A", "thread/metadata/update", threadId="$thread"),
        ask("A", "thread/metadata/update", threadId="$thread", gitInfo={"sha": "  "}),
        ask("A", "thread/metadata/update", threadId=UNKNOWN, gitInfo={"sha": "x"}),
        ask("A", "thread/resume", threadId="$thread"),
        Hear("A", "thread/tokenUsage/updated"),
    ),
    conversation(
        "whether memories may be made of a thread",
        ask("A", "thread/memoryMode/set", threadId="$old", mode="disabled"),
        ask("A", "thread/memoryMode/set", threadId="$old", mode="sometimes"),
        ask("A", "thread/memoryMode/set", threadId=UNKNOWN, mode="enabled"),
        start("A", ephemeral=True),
        ask("A", "thread/memoryMode/set", threadId="$thread", mode="enabled"),
        seeds={"old": seeds.plain},
    ),
)
