"""Conversations about lists: filters, order, paging. All of them find the same threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.peer.steps import NEW, Conversation, Joining, ask, conversation, say, start
from tests.support import rollouts as seeds
from tests.support.rollouts import RolloutBuilder


def threads(home: Path) -> Mapping[str, str]:
    """Threads of several providers, sources and folders, one without a word, one archived."""
    for number in range(1, 6):
        seeds.plain(home, number=number, provider="test")
    seeds.with_git(home, number=11, provider="other", cwd="/elsewhere")
    seeds.plain(home, number=12, provider="test", source="exec", cwd="/elsewhere")
    seeds.plain(home, number=13, provider="test", source="cli")
    seeds.plain(home, number=14, provider="test", source={"subagent": "review"})
    seeds.legacy(home, number=15, provider=None)
    for number in (21, 22, 23):
        same = RolloutBuilder(home, number=number, provider="test", cwd="/same")
        same.created = seeds.BEGIN
        same.turn("one", "first").write()
    RolloutBuilder(home, number=16, provider="test").write()
    archived = seeds.plain(home, number=17, provider="test").path
    (home / "archived_sessions").mkdir()
    os.replace(archived, home / "archived_sessions" / archived.name)
    return {}


def listing(name: str, **params: Any) -> Conversation:
    """One request, as soon as somebody is there."""
    return conversation(name, ask("A", "thread/list", **params))


def newer(name: str, **params: Any) -> Conversation:
    """One request that only the newer peer knows."""
    return conversation(name, ask("A", "thread/list", **params), versions=NEW)


USED: dict[str, Any] = {"limit": 4, "sortKey": "recency_at", "cwd": "/project", "sourceKinds": ["vscode"]}

NEWER_LISTS: tuple[Conversation, ...] = (
    conversation(
        "paging through the list in the order of use",
        ask("A", "thread/list", **USED, save={"next": "nextCursor", "back": "backwardsCursor"}),
        ask("A", "thread/list", **USED, cursor="$next"),
        ask("A", "thread/list", **USED, cursor="$back", sortDirection="asc"),
        versions=NEW,
    ),
    newer("the list in the order of sections", sortKey="section_position"),
    newer("the list of a section", sortKey="section_position", sectionId="nowhere"),
    newer("the list without some threads", excludedThreadIds=[seeds.thread_id(1), seeds.thread_id(5)]),
    newer("the list without threads that are none", excludedThreadIds=["nonsense"]),
    newer("the list of this account", currentAccountOnly=True, limit=3),
    newer("the list of one maker", originators=["tests"]),
    newer("the list of the children of a thread", parentThreadId=seeds.thread_id(1)),
    newer("the list of the children of nothing", parentThreadId="nonsense"),
    newer("the list of a project", projectId="nowhere"),
    newer("the list with attached threads", includeAttachedThreads=True),
)

LISTS: tuple[Conversation, ...] = (
    listing("the list as it comes"),
    listing("the list of every provider", modelProviders=[]),
    listing("the list of one provider", modelProviders=["other"]),
    listing("the list of one provider in a folder", modelProviders=["other"], cwd="/elsewhere"),
    listing("the list of some sources", sourceKinds=["exec", "subAgentReview"]),
    listing("the list of no source", sourceKinds=[]),
    listing("the list of a folder", cwd="/elsewhere", modelProviders=[], sourceKinds=["exec", "vscode"]),
    listing("the list of folders", cwd=["/elsewhere", "/nowhere"]),
    listing("the list of no folder", cwd=[]),
    listing("the archived threads", archived=True),
    listing("the list in the order of change", sortKey="updated_at", limit=3),
    listing("the list, oldest first", sortDirection="asc", limit=3),
    listing("the list with a limit of nothing", limit=0),
    listing("a list from a cursor that is none", cursor="nonsense"),
    conversation(
        "paging through the list",
        ask("A", "thread/list", limit=3, save={"next": "nextCursor"}),
        ask("A", "thread/list", limit=3, cursor="$next", save={"next": "nextCursor", "back": "backwardsCursor"}),
        ask("A", "thread/list", limit=3, cursor="$next"),
        ask("A", "thread/list", limit=9, cursor="$back", sortDirection="asc"),
    ),
    conversation(
        "paging through the list in the order of change",
        ask("A", "thread/list", limit=4, sortKey="updated_at", save={"next": "nextCursor"}),
        ask("A", "thread/list", limit=4, sortKey="updated_at", cursor="$next"),
    ),
    conversation(
        "paging through threads of one second",
        ask("A", "thread/list", cwd="/same", limit=2, save={"next": "nextCursor"}),
        ask("A", "thread/list", cwd="/same", limit=2, cursor="$next", called="the second page of one second"),
    ),
    listing("a list from a cursor that is a time", cursor="2026-01-05T12:00:03Z"),
    listing("a list from a cursor that is the name of a file", cursor="2026-01-05T12-00-03"),
    listing("the list with a limit above all", limit=1000, sortKey="updated_at", sortDirection="asc"),
    listing("the list of a source that is none", sourceKinds=["bogus"]),
    listing("the list of what can be known without the files", useStateDbOnly=True, limit=2, cwd="/elsewhere"),
    *NEWER_LISTS,
    conversation(
        "searching for a title",
        ask("A", "thread/name/set", threadId=seeds.thread_id(2), name="A Needle"),
        ask("A", "thread/list", searchTerm="Needle"),
        ask("A", "thread/list", searchTerm="haystack"),
    ),
    conversation(
        "which threads are loaded",
        ask("A", "thread/loaded/list"),
        ask("A", "thread/resume", threadId=seeds.thread_id(3)),
        ask("A", "thread/resume", threadId=seeds.thread_id(4)),
        start("A", ephemeral=True),
        ask("B", "thread/loaded/list"),
        ask("B", "thread/loaded/list", limit=1),
        ask("B", "thread/loaded/list", limit=0, cursor=seeds.thread_id(3)),
        ask("B", "thread/loaded/list", cursor="nonsense"),
        ask("B", "thread/list", limit=4),
    ),
    conversation(
        "a thread is listed once it has a word of its user",
        start("A"),
        ask("B", "thread/list", limit=1),
        say("A", "now it is"),
        ask("B", "thread/list", limit=1),
        clients={"B": Joining()},
    ),
)
