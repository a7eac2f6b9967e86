"""What the turns of one thread work with and leave to each other. Ends with the thread; knows no turn and no client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.commands.sandbox import Sandbox
from server.commands.terminals import Terminals
from server.config import Config
from server.config_project import trusted_folders
from server.engine.permission.grants import Grants
from server.engine.permission.rules import Rules, append_allow
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
    dynamic_tools: Sequence[dict[str, Any]] = ()
    """Tools that a client brought, as the thread's meta keeps them."""

    grants: Grants = field(default_factory=Grants)
    """What a person allowed for as long as the thread is loaded."""

    beside: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    """The commands of people that run here."""

    servers: Servers | None = None
    """The MCP servers; None until the thread is ready."""

    def __post_init__(self) -> None:
        self.terminals = Terminals(self.machine.sandbox.release)
        self._rules: dict[str, Rules] = {}

    def start(self) -> None:
        """Begin to start what turns will need; at once, and only the first time."""
        if self.servers is not None:
            self.servers.start()

    async def rules(self, cwd: str) -> Rules:
        """What the user allowed and forbade for commands of threads at work in this folder; read once."""
        if cwd not in self._rules:
            self._rules[cwd] = await asyncio.to_thread(self._read_rules, Path(cwd))
        return self._rules[cwd]

    async def allow(self, prefix: list[str]) -> None:
        """Let commands that begin so always run, and remember it. Raises OSError and ValueError."""
        await asyncio.to_thread(append_allow, self.machine.home, prefix)
        for rules in self._rules.values():
            rules.allow(prefix)

    def _read_rules(self, cwd: Path) -> Rules:
        config = self.machine.config
        projects = config.effective(cwd=cwd).keys.projects
        return Rules.load([config.codex_home, *trusted_folders(cwd, projects, config.codex_home)])

    async def end_commands(self) -> None:
        """End all commands that go on without a turn. Awaits nothing if there are none."""
        beside = self.beside.copy()
        for task in beside:
            task.cancel()
        if beside:
            await asyncio.wait(beside)
        await self.terminals.clean()

    async def close(self) -> None:
        """End all that is left running. The workspace is of no use afterwards."""
        await self.end_commands()
        servers, self.servers = self.servers, None
        if servers is not None:
            await self.machine.mcp.end(servers)
