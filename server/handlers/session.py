"""The session block: the result that start, resume and fork share, and what a resume adds to it."""

from __future__ import annotations

from typing import Any

from protocol.thread import ResumeResponse, SessionResponse, TurnsPage
from server.engine.project_docs import Docs
from server.engine.settings import Settings
from server.threads.snapshot import Snapshot


def session_response(snapshot: Snapshot, settings: Settings, docs: Docs) -> SessionResponse:
    """A thread and the settings it runs with; ``docs``: the AGENTS.md files that count for it."""
    return SessionResponse(**_session(snapshot, settings, docs))


def resume_response(
    snapshot: Snapshot,
    settings: Settings,
    docs: Docs,
    *,
    page: TurnsPage | None,
    turns_cursor: str | None,
    items_cursor: str | None,
) -> ResumeResponse:
    """The same with the page of turns that was asked for, and the way back from the end of the history."""
    return ResumeResponse(
        **_session(snapshot, settings, docs),
        collaboration_mode=settings.collaboration,
        initial_turns_page=page,
        turns_backwards_cursor=turns_cursor,
        items_backwards_cursor=items_cursor,
    )


def _session(snapshot: Snapshot, settings: Settings, docs: Docs) -> dict[str, Any]:
    return {
        "thread": snapshot.thread,
        "sequence": snapshot.sequence,
        "model": settings.model,
        "model_provider": settings.provider.id,
        "service_tier": settings.service_tier,
        "cwd": settings.cwd,
        "runtime_workspace_roots": list(settings.workspace_roots),
        "instruction_sources": list(docs.sources),
        "approval_policy": settings.approval_policy,
        "approvals_reviewer": settings.approvals_reviewer,
        "sandbox": settings.sandbox,
        "permission_profile": settings.permission_profile,
        "active_permission_profile": settings.active_profile,
        "reasoning_effort": settings.effort,
    }
