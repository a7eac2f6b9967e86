"""The Thread object of the wire from what the rollout says. Pure but for one look at the file's age."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from protocol.thread import Thread, ThreadEnvironment, ThreadStatus
from protocol.turn import Turn
from protocol.wire import Encoded
from rollout.catalog import ThreadSummary
from server.engine.settings import LOCAL, Settings


def thread_object(
    summary: ThreadSummary,
    status: ThreadStatus,
    turns: list[Turn] | Encoded,
    settings: Settings | None = None,
    *,
    ephemeral: bool = False,
) -> Thread:
    """Put a thread into the form that every method and notification shows. ``settings``: of a loaded one."""
    return Thread(
        id=summary.id,
        session_id=summary.session_id,
        environments=None if settings is None else [environment(settings)],
        model=summary.model if settings is None else settings.model,
        reasoning_effort=summary.reasoning_effort if settings is None else settings.effort,
        can_accept_direct_input=None if settings is None else True,
        forked_from_id=summary.forked_from_id,
        parent_thread_id=summary.parent_thread_id,
        history_mode=summary.history_mode,
        recency_at=summary.recency_at,
        originator=summary.originator,
        thread_source=summary.thread_source,
        preview=summary.preview,
        ephemeral=ephemeral,
        model_provider=summary.model_provider,
        created_at=summary.created_at,
        updated_at=summary.updated_at if ephemeral else _updated_at(summary),
        status=status,
        path=None if ephemeral else str(summary.path),
        cwd=summary.cwd,
        cli_version=summary.cli_version,
        source=summary.source,
        agent_nickname=summary.agent_nickname,
        agent_role=summary.agent_role,
        git_info=summary.git_info,
        name=summary.name,
        turns=cast("list[Turn]", turns),  # encoded or not, a frame says the same
    )


def environment(settings: Settings) -> ThreadEnvironment:
    """The one place that a thread works in."""
    return ThreadEnvironment(
        environment_id=LOCAL, cwd=settings.cwd, runtime_workspace_roots=list(settings.workspace_roots)
    )


def _updated_at(summary: ThreadSummary) -> int:
    try:
        return int(Path(summary.path).stat().st_mtime)
    except FileNotFoundError:  # nothing was said yet, so there is no file
        return summary.updated_at
