"""Other settings for a thread that lives: who is told, and what is kept of them. Knows no handler."""

from __future__ import annotations

from protocol import frames, notices
from protocol.frames import Message
from protocol.settings import ThreadSettings, ThreadSettingsUpdatedNotification
from server.engine.context import settings_applied
from server.engine.settings import Settings
from server.threads.describe import environment
from server.threads.live import LiveThread


def adopt(live: LiveThread, settings: Settings, *, record: bool) -> Message | None:
    """Let later turns run with these settings. Returns what those who follow the thread must hear if they are others.

    ``record``: keep them in the rollout. Where a turn follows at once, the turn's own context does that.
    """
    before, live.settings = shown(live.settings), settings
    now = shown(settings)
    if now == before:
        return None
    if record:
        live.emit(settings_applied(live.id, settings))
    updated = ThreadSettingsUpdatedNotification(thread_id=live.id, thread_settings=now)
    return frames.notification(notices.THREAD_SETTINGS_UPDATED, updated)


def shown(settings: Settings) -> ThreadSettings:
    """The settings as clients see them."""
    return ThreadSettings(
        cwd=settings.cwd,
        environments=[environment(settings)],
        approval_policy=settings.approval_policy,
        approvals_reviewer=settings.approvals_reviewer,
        sandbox_policy=settings.sandbox,
        active_permission_profile=settings.active_profile,
        model=settings.model,
        model_provider=settings.provider.id,
        service_tier=settings.service_tier,
        effort=settings.effort,
        summary=settings.summary,
        collaboration_mode=settings.collaboration,
        personality=settings.personality,
    )
