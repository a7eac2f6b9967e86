"""The session block: the result that start, resume and fork share."""

from __future__ import annotations

from protocol.thread import SessionResponse, Thread
from server.engine.settings import Settings


def session_response(thread: Thread, settings: Settings) -> SessionResponse:
    """A thread and the settings it runs with."""
    return SessionResponse(
        thread=thread,
        model=settings.model,
        model_provider=settings.provider.id,
        service_tier=settings.service_tier,
        cwd=settings.cwd,
        instruction_sources=[],
        approval_policy=settings.approval_policy,
        approvals_reviewer=settings.approvals_reviewer,
        sandbox=settings.sandbox,
        permission_profile=settings.permission_profile,
        reasoning_effort=settings.effort,
    )
