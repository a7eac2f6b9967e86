"""What the turns of one thread work with and leave to each other. Ends with the thread; knows no turn and no client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.commands.sandbox import Sandbox
from server.config import Config
from server.skills.store import Skills


@dataclass(frozen=True)
class Machine:
    """What all threads share: the server's configuration, what confines commands here, the skills on disk."""

    config: Config
    sandbox: Sandbox
    skills: Skills

    @property
    def home(self) -> Path:
        """CODEX_HOME."""
        return self.config.codex_home


@dataclass
class Workspace:
    """One thread's own."""

    machine: Machine
    dynamic_tools: Sequence[dict[str, Any]] = ()
    """Tools that a client brought, as the thread's meta keeps them."""
    granted: set[str] = field(default_factory=set[str])
    """What a person allowed for the rest of the session."""

    async def close(self) -> None:
        """End all that is left running. The workspace is of no use afterwards."""
