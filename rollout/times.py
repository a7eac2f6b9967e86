"""Stored times: UTC, as text. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(timestamp: str) -> datetime | None:
    """A stored time; None if it cannot be read."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
