"""What is known of a thread without its turns: enough for a list and for the head of every reply. Pure."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from protocol.thread import GitInfo, SessionSource
from protocol.wire import Record, UnsetType
from rollout.boundaries import preview
from rollout.events import UserMessage
from rollout.latest import Latest
from rollout.lines import GitState, SessionMeta
from rollout.mapping import optional
from rollout.model_items import as_object
from rollout.reader import Head, spoken
from rollout.times import moment_of

_PLAIN_SOURCES = {"cli": "cli", "vscode": "vscode", "exec": "exec", "mcp": "appServer"}
_INTERACTIVE = frozenset({"cli", "vscode", "custom:atlas", "custom:chatgpt"})
_AGENT_KINDS = {"review": "subAgentReview", "compact": "subAgentCompact", "thread_spawn": "subAgentThreadSpawn"}


class ThreadSummary(Record):
    """A thread at a glance. Times in unix seconds; ``source`` in wire names; ``preview`` is ``""`` before the first
    user message; ``name`` is None when nobody gave one or it says the same as the preview.

    ``recency_at``: when its last turn began; before the first, when it was made. ``model`` and ``reasoning_effort``:
    what it ran with last; None before its first turn.
    """

    id: str
    session_id: str
    forked_from_id: str | None
    parent_thread_id: str | None
    history_mode: Literal["legacy", "paginated"]
    preview: str
    model_provider: str
    created_at: int
    updated_at: int
    recency_at: int
    path: Path
    cwd: str
    cli_version: str
    originator: str
    source: SessionSource
    thread_source: str | None
    model: str | None
    reasoning_effort: str | None
    agent_nickname: str | None
    agent_role: str | None
    git_info: GitInfo | None
    name: str | None

    @classmethod
    def of_new(cls, meta: SessionMeta, path: Path, now: int) -> ThreadSummary:
        """A thread that was just made: nothing said, no name."""
        return summarise(Head(meta=meta, first_message=None), path, now)

    def with_first_message(self, message: UserMessage) -> ThreadSummary:
        """The same once the user has spoken."""
        return self.with_preview(preview(spoken(message)))

    def with_preview(self, text: str) -> ThreadSummary:
        """The same with this preview."""
        return replace(self, preview=text)

    def copied_from(self, source: ThreadSummary) -> ThreadSummary:
        """The same as a fork of ``source``: with its preview and name."""
        return replace(self, preview=source.preview, forked_from_id=source.id, name=source.name)

    def named(self, name: str | None) -> ThreadSummary:
        """The same with this name, if it says more than the preview."""
        text = (name or "").strip()
        return replace(self, name=None if text in ("", self.preview) else text)

    def with_latest(self, latest: Latest) -> ThreadSummary:
        """The same with what its newest lines say; its name stands elsewhere."""
        recency = recency_ms(latest, self.created_at * 1000, self.updated_at * 1000) // 1000
        return replace(self, recency_at=recency, model=latest.model, reasoning_effort=latest.effort)

    def with_turn(self, now: int) -> ThreadSummary:
        """The same when another turn begins."""
        return replace(self, recency_at=max(now, self.recency_at))

    def with_git(self, git: GitInfo | None) -> ThreadSummary:
        """The same with this repository."""
        return replace(self, git_info=git)


def summarise(head: Head, path: Path, updated_at: int) -> ThreadSummary:
    """A thread by the head of its rollout. Its name, which stands elsewhere, is None."""
    meta = head.meta
    spawned = _spawned(meta.source)
    return ThreadSummary(
        id=meta.id,
        session_id=optional(meta.session_id) or meta.id,
        forked_from_id=optional(meta.forked_from_id),
        parent_thread_id=optional(meta.parent_thread_id) or spawned.get("parent_thread_id"),
        history_mode="paginated" if meta.is_paginated else "legacy",
        preview="" if head.first_message is None else preview(head.first_message),
        model_provider=meta.model_provider or "",
        created_at=unix_seconds(meta.timestamp),
        updated_at=updated_at,
        recency_at=unix_seconds(meta.timestamp),
        path=path,
        cwd=meta.cwd,
        cli_version=meta.cli_version,
        originator=meta.originator,
        source=wire_source(meta.source),
        thread_source=optional(meta.thread_source),
        model=None,
        reasoning_effort=None,
        agent_nickname=optional(meta.agent_nickname) or spawned.get("agent_nickname"),
        agent_role=optional(meta.agent_role) or spawned.get("agent_role"),
        git_info=git_info(meta.git),
        name=None,
    )


def unix_seconds(timestamp: str) -> int:
    """A stored time in unix seconds; 0 if it cannot be read."""
    moment = moment_of(timestamp)
    return 0 if moment is None else int(moment.timestamp())


def recency_ms(latest: Latest, created_ms: int, updated_ms: int) -> int:
    """When something was last said in a thread, in unix milliseconds.

    Files of old versions do not tell when turns began: then it is when they were last written to.
    """
    return updated_ms if latest.turn_ms is None else max(latest.turn_ms, created_ms)


def git_info(git: GitState | UnsetType | None) -> GitInfo | None:
    """The repository in wire form."""
    if not isinstance(git, GitState):
        return None
    return GitInfo(sha=optional(git.commit_hash), branch=optional(git.branch), origin_url=optional(git.repository_url))


def wire_source(source: str | dict[str, Any]) -> SessionSource:
    """Where a thread came from, in wire names; ``unknown`` for what we do not know."""
    if isinstance(source, str):
        return _PLAIN_SOURCES.get(source, "unknown")
    match source:
        case {"custom": str(name)}:
            return {"custom": name}
        case {"subagent": kind}:
            return {"subAgent": kind}
        case _:
            return "unknown"


def _spawned(source: str | dict[str, Any]) -> dict[str, Any]:
    agent = as_object(as_object(source).get("subagent"))
    return as_object(agent.get("thread_spawn"))


def source_kinds(source: SessionSource) -> frozenset[str]:
    """The kinds a list may ask for that this source (in wire names) is one of."""
    if isinstance(source, str):
        return frozenset({source})
    if "custom" in source:
        return frozenset({f"custom:{source['custom']}"})
    agent = source.get("subAgent")
    kind = agent if isinstance(agent, str) else next(iter(as_object(agent)), "other")
    return frozenset({"subAgent", _AGENT_KINDS.get(kind, "subAgentOther")})


def asked_kinds(asked: Collection[str]) -> Collection[str]:
    """The kinds that a list holds which asks for these; asking for none means the interactive ones."""
    return asked or _INTERACTIVE
