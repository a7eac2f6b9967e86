"""The Thread object of the wire from what the rollout says. Pure but for one look at the file's age."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from protocol.thread import Thread, ThreadStatus
from protocol.turn import Turn
from protocol.wire import Encoded
from rollout.catalog import ThreadSummary


def thread_object(
    summary: ThreadSummary, status: ThreadStatus, turns: list[Turn] | Encoded, *, ephemeral: bool = False
) -> Thread:
    """Put a thread into the form that every method and notification shows."""
    return Thread(
        id=summary.id,
        forked_from_id=summary.forked_from_id,
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


def _updated_at(summary: ThreadSummary) -> int:
    try:
        return int(Path(summary.path).stat().st_mtime)
    except FileNotFoundError:  # nothing was said yet, so there is no file
        return summary.updated_at
