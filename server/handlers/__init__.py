"""One function per method, listed by hand. A handler sees no JSON, encodes no reply and catches no exception."""

from __future__ import annotations

from typing import Any

from server.dispatch import Route
from server.handlers import (
    account,
    archive,
    attach,
    catalogue,
    configuration,
    handshake,
    history,
    metadata,
    skills,
    thread,
    turn,
)

ROUTES: tuple[Route[Any, Any], ...] = (
    handshake.initialize,
    thread.start,
    attach.resume,
    attach.fork,
    thread.read,
    catalogue.list_threads,
    catalogue.list_loaded,
    thread.unsubscribe,
    thread.set_name,
    archive.archive,
    archive.unarchive,
    history.rollback,
    history.list_turns,
    metadata.update,
    history.inject_items,
    metadata.set_memory_mode,
    turn.start,
    turn.steer,
    turn.interrupt,
    account.read,
    account.read_rate_limits,
    configuration.list_models,
    configuration.list_collaboration_modes,
    configuration.list_experimental_features,
    configuration.list_mcp_servers,
    configuration.read,
    configuration.read_requirements,
    skills.list_skills,
)
"""Every method we serve; a test holds it against the rows of ``protocol.methods``."""
