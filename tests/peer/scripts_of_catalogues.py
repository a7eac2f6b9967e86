"""Conversations about what a newer client asks around its threads: catalogues, sections, queues, searches."""

from __future__ import annotations

from tests.peer.steps import NEW, Conversation, Joining, Open, ask, conversation, ended, held, start, words
from tests.support import rollouts as seeds

UNKNOWN = "01900000-0000-7000-8000-0000000000ff"
WRONG_TURN = "01900000-0000-7000-9000-0000000000ff"

CATALOGUES: tuple[Conversation, ...] = (
    conversation(
        "what a newer client asks when it starts",
        ask("A", "account/read"),
        ask("A", "account/bedrock/checkGovCloudRequirements"),
        ask("A", "hooks/list", cwds=["/elsewhere"]),
        ask("A", "hooks/list"),
        ask("A", "plugin/installed"),
        ask("A", "configRequirements/read"),
        ask("A", "collaborationMode/list"),
        ask("A", "permissionProfile/list"),
        ask("A", "permissionProfile/list", limit=1),
        versions=NEW,
    ),
)

SORTING: tuple[Conversation, ...] = (
    conversation(
        "threads in sections",
        ask("A", "threadSection/list"),
        ask("A", "threadSection/create", name="Work"),
        versions=NEW,
    ),
    conversation(
        "words that wait for their turn",
        start("A"),
        held("A", "queued"),
        ask(
            "A",
            "thread/queue/add",
            threadId="$thread",
            input=words("next"),
            clientUserMessageId="q1",
        ),
        ask("A", "turn/interrupt", threadId="$thread", turnId="$turn"),
        ended("A", how="interrupted"),
        Open("queued"),
        versions=NEW,
    ),
    conversation(
        "a search through what was said",
        ask("A", "thread/search", searchTerm="hello"),
        ask("A", "thread/search", searchTerm="said by nobody"),
        seeds={"old": seeds.plain},
        versions=NEW,
    ),
    conversation(
        "what happened in a thread, in one list",
        ask("A", "thread/timeline/list", threadId="$old"),
        seeds={"old": seeds.plain},
        versions=NEW,
    ),
)

GATES: tuple[Conversation, ...] = (
    conversation(
        "archive of threads that are not there",
        ask("A", "thread/archive", threadId=UNKNOWN),
        ask("A", "thread/archive", threadId="nonsense"),
        ask("A", "thread/unarchive", threadId=UNKNOWN),
        versions=NEW,
    ),
    conversation(
        "archive of a thread without a turn",
        start("A"),
        ask("A", "thread/archive", threadId="$thread"),
        versions=NEW,
    ),
    conversation(
        "a thread without a file gets no name",
        start("A", ephemeral=True),
        ask("A", "thread/name/set", threadId="$thread", name="Brief"),
        versions=NEW,
    ),
    conversation(
        "a thread starts with permissions by name",
        start("A", permissions=":danger-full-access", approvalsReviewer="auto_review"),
        ask("A", "thread/start", permissions=":workspace", sandbox="read-only"),
        ask("A", "thread/start", permissions="nobody's"),
        ask("A", "thread/start", permissionProfile={"type": "disabled"}, called="permissions without a name"),
        versions=NEW,
    ),
    conversation(
        "what is experimental in the newer peer",
        ask("A", "thread/settings/update", threadId=UNKNOWN),
        ask("A", "turn/settings/update", threadId=UNKNOWN, turnId=WRONG_TURN),
        ask("A", "thread/readState/update", threadId=UNKNOWN, expectedRevision="x", operation={"type": "read"}),
        ask("A", "thread/resume", threadId="$old", initialTurnsPage={}),
        ask("A", "thread/fork", threadId="$old", beforeTurnId=WRONG_TURN),
        clients={"A": Joining(experimental=False)},
        seeds={"old": seeds.plain},
        versions=NEW,
    ),
    conversation(
        "what is no longer experimental in the newer peer",
        ask("A", "thread/turns/list", threadId="$old", itemsView="notLoaded"),
        ask("A", "thread/resume", threadId="$old", excludeTurns=True),
        ask("A", "thread/fork", threadId="$old", lastTurnId=WRONG_TURN),
        ask("A", "thread/goal/get", threadId="$old"),
        ask("A", "thread/delete", threadId=UNKNOWN),
        ask("A", "thread/revert", threadId=UNKNOWN, beforeTurnId=WRONG_TURN),
        ask("A", "turn/start", threadId=UNKNOWN, input=words("x"), clientUserMessageId="x"),
        clients={"A": Joining(experimental=False)},
        seeds={"old": seeds.plain},
        versions=NEW,
    ),
)
