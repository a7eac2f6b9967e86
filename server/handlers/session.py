"""The session block: the result that start, resume and fork share, and what a resume adds to it."""

from __future__ import annotations

from typing import Any

from protocol.thread import ResumeResponse, SessionResponse, TurnsPage
from server.engine.settings import Settings
from server.threads.snapshot import Snapshot


def session_response(snapshot: Snapshot, settings: Settings) -> SessionResponse:
    """A thread and the settings it runs with."""
    return SessionResponse(**_session(snapshot, settings))


def resume_response(
    snapshot: Snapshot,
    settings: Settings,
    *,
    page: TurnsPage | None,
    turns_cursor: str | None,
    items_cursor: str | None,
) -> ResumeResponse:
    """The same with the page of turns that was asked for, and the way back from the end of the history."""
    return ResumeResponse(
        **_session(snapshot, settings),
        collaboration_mode=settings.collaboration,
        initial_turns_page=page,
        turns_backwards_cursor=turns_cursor,
        items_backwards_cursor=items_cursor,
    )


def _session(snapshot: Snapshot, settings: Settings) -> dict[str, Any]:
    return {
        "thread": snapshot.thread,
        "sequence": snapshot.sequence,
        "model": settings.model,
        "model_provider": settings.provider.id,
        "service_tier": settings.service_tier,
        "cwd": settings.cwd,
        "runtime_workspace_roots": list(settings.workspace_roots),
        "instruction_sources": [],
        "approval_policy": settings.approval_policy,
        "approvals_reviewer": settings.approvals_reviewer,
        "sandbox": settings.sandbox,
        "permission_profile": settings.permission_profile,
        "active_permission_profile": settings.active_profile,
        "reasoning_effort": settings.effort,
    }
