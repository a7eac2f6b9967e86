"""Conversations about threads: started, resumed, forked, read, named, put away, left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rollout import events
from tests.peer.steps import (
    OLD,
    Conversation,
    Hear,
    Open,
    ask,
    begin,
    conversation,
    ended,
    held,
    say,
    start,
)
from tests.support import rollouts as seeds

UNKNOWN = "01900000-0000-7000-8000-0000000000ff"


def with_commands(home: Path, **options: Any) -> seeds.Written:
    """A turn that ran two commands and thought in between; then one without."""
    builder = seeds.RolloutBuilder(home, **options).begin().say("one")
    for call_id in ("call_a", "call_b"):
        builder.add(*seeds.call_items(call_id, "out"), seeds.command_end(call_id, builder.turn_ids[-1]))
        builder.add(events.AgentReasoning(text="Hm."))
    return builder.answer("first").complete("first").turn("two", "second").write()


ATTACHING: tuple[Conversation, ...] = (
    conversation(
        "a new thread is announced to all",
        start("A"),
        Hear("B", "thread/started"),
    ),
    conversation("a thread starts with settings", start("A", ephemeral=True, model="other", sandbox="workspace-write")),
    conversation(
        "threads start with every kind of setting",
        start("A", cwd="/nowhere/at/all", approvalPolicy="on-request", developerInstructions="Be kind."),
        start("A", cwd="relative", sandbox="danger-full-access", serviceTier="flex"),
        start("A", config={"model": "of-config", "model_reasoning_effort": "high"}, personality="friendly"),
        start("A", sessionStartSource="clear", serviceName="tests", modelProvider="patient"),
    ),
    conversation(
        "a thread starts with a set of permissions",
        start("A", permissionProfile={"type": "disabled"}, approvalsReviewer="auto_review", baseInstructions="Hm."),
        versions=OLD,
    ),
    conversation("a first turn beside an idle client", start("A"), say("A", "hello"), say("A", "think twice")),
    conversation(
        "resume from disk with usage",
        ask("A", "thread/resume", threadId="$old"),
        Hear("A", "thread/tokenUsage/updated"),
        ask("B", "thread/loaded/list", cursor=UNKNOWN),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "resume from disk without usage", ask("A", "thread/resume", threadId="$old"), seeds={"old": seeds.plain}
    ),
    conversation(
        "resume from disk when usage was never told",
        ask("A", "thread/resume", threadId="$old"),
        seeds={"old": seeds.with_null_usage},
    ),
    conversation(
        "resume from disk when the last usage was not told",
        ask("A", "thread/resume", threadId="$old"),
        Hear("A", "thread/tokenUsage/updated"),
        seeds={"old": seeds.with_usage_then_null},
    ),
    conversation(
        "resume from disk after a rollback",
        ask("A", "thread/resume", threadId="$old"),
        Hear("A", "thread/tokenUsage/updated"),
        seeds={"old": seeds.rolled_back},
    ),
    conversation(
        "resume of an old file that knows no turns",
        ask("A", "thread/resume", threadId="$old"),
        seeds={"old": seeds.legacy},
    ),
    conversation(
        "resume of files that ended badly",
        ask("A", "thread/resume", threadId="$interrupted"),
        ask("A", "thread/resume", threadId="$crashed"),
        ask("A", "thread/resume", threadId="$failed"),
        seeds={"interrupted": seeds.interrupted, "crashed": seeds.mid_turn, "failed": seeds.failed},
    ),
    conversation(
        "resume of files with much in them",
        ask("A", "thread/resume", threadId="$compacted"),
        ask("A", "thread/resume", threadId="$elements"),
        ask("A", "thread/resume", threadId="$git"),
        seeds={"compacted": seeds.compacted, "elements": seeds.with_text_elements, "git": seeds.with_git},
    ),
    conversation(
        "resume of a file with commands in it",
        ask("A", "thread/resume", threadId="$old"),
        ask("A", "thread/read", threadId="$old", includeTurns=True),
        seeds={"old": with_commands},
    ),
    conversation(
        "resume with settings of its own",
        ask("A", "thread/resume", threadId="$old", sandbox="read-only", permissionProfile={"type": "disabled"}),
        ask("A", "thread/resume", threadId="$old", modelProvider="nope"),
        ask("A", "thread/resume", threadId="$old", cwd="/elsewhere", approvalPolicy="on-request", sandbox="read-only"),
        ask("B", "thread/resume", threadId="$old", cwd="/ignored", approvalPolicy="never"),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "resume of a file with a broken line",
        ask("A", "thread/resume", threadId="$old"),
        seeds={"old": seeds.with_garbage},
    ),
    conversation(
        "resume of a file that a crash cut short",
        ask("A", "thread/resume", threadId="$old"),
        say("A", "go on", "$old"),
        seeds={"old": seeds.torn},
    ),
    conversation(
        "a second client joins a thread without a turn",
        start("A"),
        ask("B", "thread/resume", threadId="$thread"),
    ),
    conversation(
        "a second client joins a thread without a file",
        start("A", ephemeral=True),
        ask("B", "thread/resume", threadId="$thread"),
    ),
    conversation(
        "a turn goes on where the file ended",
        ask("A", "thread/resume", threadId="$old"),
        Hear("A", "thread/tokenUsage/updated"),
        say("A", "three", "$old"),
        ask("B", "thread/read", threadId="$old", includeTurns=True),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "a second client joins between turns",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
        say("B", "both hear this"),
        ended("A"),
    ),
    conversation(
        "a second client joins in the middle of a message",
        start("A"),
        say("A", "hello"),
        held("A", "joined"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated"),
        Open("joined"),
        ended("A"),
        ended("B"),
        ask("B", "thread/resume", threadId="$thread"),
        Hear("B", "thread/tokenUsage/updated", {"tokenUsage": {"total": {"totalTokens": 99}}}),
    ),
    conversation(
        "resume by path",
        ask("A", "thread/resume", threadId="whatever", path="$old_path"),
        ask("A", "thread/resume", threadId="$old", path="$old_path"),
        ask("A", "thread/resume", threadId="$old", path="/elsewhere.jsonl"),
        ask("A", "thread/resume", threadId="whatever", path="$home/missing.jsonl"),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "resume without turns",
        ask("A", "thread/resume", threadId="$old", excludeTurns=True),
        ask("B", "thread/resume", threadId="$old", excludeTurns=True),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "resume with a history",
        ask("A", "thread/resume", threadId="none", history=[]),
        ask(
            "A",
            "thread/resume",
            threadId="none",
            history=[{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "earlier"}]}],
            save={"thread": "thread.id"},
        ),
        ask("A", "thread/resume", threadId="$thread", history=[]),
        say("A", "hello"),
    ),
    conversation(
        "resume with another model",
        ask("A", "thread/resume", threadId="$old", model="other-model"),
        ask("B", "thread/resume", threadId="$old", model="third-model"),
        seeds={"old": seeds.plain},
    ),
)

FORKING: tuple[Conversation, ...] = (
    conversation(
        "fork of an idle thread",
        ask("A", "thread/fork", threadId="$old", save={"fork": "thread.id"}),
        Hear("A", "thread/tokenUsage/updated"),
        Hear("B", "thread/started"),
        say("A", "its own way", "$fork"),
        ask("B", "thread/read", threadId="$fork", includeTurns=True),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "fork of a thread with a model of its own",
        start("A", model="own-model"),
        say("A", "hello"),
        ask("B", "thread/fork", threadId="$thread"),
        Hear("A", "thread/started"),
    ),
    conversation(
        "fork of a running thread",
        start("A"),
        held("A", "forked"),
        ask("B", "thread/fork", threadId="$thread", save={"fork": "thread.id"}),
        Hear("A", "thread/started", {"thread": {"id": "$fork"}}),
        Open("forked"),
        ended("A"),
        ask("B", "thread/read", threadId="$fork", includeTurns=True),
    ),
    conversation(
        "fork without a file",
        ask("A", "thread/fork", threadId="$old", ephemeral=True, save={"fork": "thread.id"}),
        Hear("A", "thread/tokenUsage/updated"),
        say("A", "off the record", "$fork"),
        ask("A", "thread/read", threadId="$fork"),
        seeds={"old": seeds.with_usage},
    ),
    conversation(
        "fork without turns, by path, of old and failed files",
        ask("A", "thread/fork", threadId="$old", excludeTurns=True),
        ask("A", "thread/fork", threadId="whatever", path="$old_path"),
        Hear("A", "thread/started"),
        ask("A", "thread/fork", threadId="$legacy"),
        ask("A", "thread/fork", threadId="$failed"),
        seeds={"old": seeds.plain, "legacy": seeds.legacy, "failed": seeds.failed},
    ),
    conversation(
        "fork of what cannot be forked",
        start("A"),
        ask("A", "thread/fork", threadId="$thread"),
        ask("A", "thread/fork", threadId=UNKNOWN),
        ask("A", "thread/fork", threadId="nonsense"),
        ask("A", "thread/fork", threadId=UNKNOWN, path="$home/missing.jsonl"),
    ),
)

KEEPING: tuple[Conversation, ...] = (
    conversation(
        "read of a thread on disk",
        ask("A", "thread/read", threadId="$old"),
        ask("A", "thread/read", threadId="$old", includeTurns=True),
        ask("A", "thread/read", threadId="$crashed", includeTurns=True),
        seeds={"old": seeds.with_usage, "crashed": seeds.mid_turn},
    ),
    conversation(
        "read of a loaded thread",
        start("A"),
        ask("B", "thread/read", threadId="$thread"),
        say("A", "hello"),
        ask("B", "thread/read", threadId="$thread"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        held("A", "read"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        Open("read"),
        ended("A"),
    ),
    conversation(
        "read of what cannot be read",
        ask("A", "thread/read", threadId=UNKNOWN),
        ask("A", "thread/read", threadId="nonsense"),
    ),
    conversation(
        "read of a thread without a file",
        start("A", ephemeral=True),
        ask("B", "thread/read", threadId="$thread"),
    ),
    conversation(
        "the turns of a thread without a turn are read",
        start("A"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "the turns of a thread without a file are read",
        start("A", ephemeral=True),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
    ),
    conversation(
        "a loaded thread gets a name",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/name/set", threadId="$thread", name="  A title "),
        Hear("A", "thread/name/updated"),
        Hear("B", "thread/name/updated"),
        ask("A", "thread/name/set", threadId="$thread", name="   "),
        ask("A", "thread/read", threadId="$thread"),
        ask("A", "thread/resume", threadId="$thread"),
        ask("A", "thread/fork", threadId="$thread"),
    ),
    conversation(
        "a thread on disk gets a name",
        ask("A", "thread/name/set", threadId="$old", name="Another title"),
        Hear("B", "thread/name/updated"),
        ask("A", "thread/read", threadId="$old"),
        ask("A", "thread/resume", threadId="$old"),
        ask("A", "thread/name/set", threadId=UNKNOWN, name="x"),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "a thread without a turn gets a name",
        start("A"),
        ask("A", "thread/name/set", threadId="$thread", name="Early"),
        Hear("A", "thread/name/updated"),
        ask("A", "thread/read", threadId="$thread"),
    ),
    conversation(
        "a thread without a file gets a name",
        start("A", ephemeral=True),
        ask("A", "thread/name/set", threadId="$thread", name="Brief"),
        begin("A", "hello"),
        Hear("A", "turn/completed"),
        versions=OLD,
    ),
    conversation(
        "an idle thread is archived and brought back",
        start("A"),
        say("A", "hello"),
        ask("B", "thread/archive", threadId="$thread"),
        Hear("A", "thread/archived"),
        ask("B", "thread/archive", threadId="$thread"),
        ask("B", "thread/resume", threadId="$thread"),
        ask("B", "thread/fork", threadId="$thread"),
        ask("B", "thread/name/set", threadId="$thread", name="x"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        ask("B", "thread/unarchive", threadId="$thread"),
        Hear("A", "thread/unarchived"),
        ask("B", "thread/unarchive", threadId="$thread"),
        ask("B", "turn/start", threadId="$thread", input=[]),
        ask("B", "thread/resume", threadId="$thread"),
    ),
    conversation(
        "a running thread is archived",
        start("A"),
        held("A", "never"),
        ask("B", "thread/archive", threadId="$thread"),
        Hear("A", "thread/archived"),
        ask("B", "thread/read", threadId="$thread", includeTurns=True),
        Open("never"),
    ),
    conversation(
        "a prepared thread is archived and brought back",
        ask("A", "thread/archive", threadId="$old"),
        Hear("A", "thread/archived"),
        ask("A", "thread/unarchive", threadId="$old"),
        Hear("A", "thread/unarchived"),
        seeds={"old": seeds.plain},
    ),
    conversation(
        "archive of what cannot be archived",
        start("A"),
        ask("A", "thread/archive", threadId="$thread"),
        ask("A", "thread/archive", threadId=UNKNOWN),
        ask("A", "thread/archive", threadId="nonsense"),
        ask("A", "thread/unarchive", threadId=UNKNOWN),
        ask("A", "thread/unarchive", threadId="$thread"),
        versions=OLD,
    ),
    conversation(
        "a client leaves a thread",
        start("A"),
        ask("B", "thread/unsubscribe", threadId="$thread"),
        ask("B", "thread/unsubscribe", threadId="$old"),
        ask("A", "thread/unsubscribe", threadId="$thread"),
        ask("A", "thread/unsubscribe", threadId="$thread"),
        ask("A", "thread/unsubscribe", threadId="nonsense"),
        begin("A", "unheard"),
        Hear("B", "thread/status/changed", {"status": {"type": "idle"}}),
        seeds={"old": seeds.plain},
    ),
)
