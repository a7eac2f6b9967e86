"""What the turns of one thread work with and leave to each other. Ends with the thread; knows no turn and no client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from server.commands.sandbox import Sandbox
from server.config import Config
from server.engine.permission.grants import Grants
from server.mcp.register import McpRegister
from server.mcp.servers import Servers
from server.skills.store import Skills


@dataclass(frozen=True)
class Machine:
    """What all threads share: the server's configuration, what confines commands, skills, MCP servers."""

    config: Config
    sandbox: Sandbox
    skills: Skills
    mcp: McpRegister

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that the server sees."""
        return self.config.environ or os.environ

    @property
    def home(self) -> Path:
        """CODEX_HOME."""
        return self.config.codex_home


@dataclass
class Workspace:
    """One thread's own."""

    machine: Machine
    grants: Grants = field(default_factory=Grants)
    """What a person allowed for as long as the thread is loaded."""

    servers: Servers | None = None
    """The MCP servers; None until the thread is ready."""

    def start(self) -> None:
        """Begin to start what turns will need; at once, and only the first time."""
        if self.servers is not None:
            self.servers.start()

    async def close(self) -> None:
        """End all that is left running. The workspace is of no use afterwards."""
        if self.servers is not None:
            await self.machine.mcp.end(self.servers)
