"""The MCP servers of all threads, and those that run only for one question. Knows no client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from protocol.elicitation import McpServerElicitationRequestParams, McpServerElicitationRequestResponse
from protocol.mcp import McpServerStatusUpdatedNotification, StartupState
from server.mcp.connection import Ask, Place
from server.mcp.servers import Reread, Servers
from server.mcp.settings import Configured

Tell = Callable[[McpServerStatusUpdatedNotification], None]


class McpRegister:
    """Whose MCP servers run. ``tell`` hears how far each has come; ``environ`` is what they may see a part of."""

    def __init__(self, environ: Mapping[str, str], tell: Tell) -> None:
        self._environ = environ
        self._tell = tell
        self._threads: set[Servers] = set()

    def open(self, thread_id: str, cwd: str, configured: Configured, ask: Ask, reread: Reread | None = None) -> Servers:
        """The servers of a thread, not started yet. ``reread`` is asked, in a thread, when they are to be reloaded."""

        def tell(name: str, status: StartupState, error: str | None) -> None:
            self._tell(McpServerStatusUpdatedNotification(thread_id=thread_id, name=name, status=status, error=error))

        place = Place(thread_id=thread_id, cwd=cwd, environ=self._environ)
        servers = Servers(place, configured, ask, tell, reread)
        self._threads.add(servers)
        return servers

    async def end(self, servers: Servers) -> None:
        """Their thread is no more: stop them."""
        self._threads.discard(servers)
        await servers.close()

    def reload(self) -> None:
        """The configuration has changed."""
        for servers in self._threads:
            servers.reload()

    async def close(self) -> None:
        """Stop all servers of all threads."""
        await asyncio.gather(*map(self.end, list(self._threads)))

    @asynccontextmanager
    async def briefly(self, cwd: str, configured: Configured) -> AsyncGenerator[Servers]:
        """Servers for one question of a client; stopped at the end of the block. They may ask nobody anything."""
        place = Place(thread_id="", cwd=cwd, environ=self._environ)
        servers = Servers(place, configured, _decline, lambda _name, _state, _error: None)
        try:
            yield servers
        finally:
            await servers.close()


async def _decline(_question: McpServerElicitationRequestParams) -> McpServerElicitationRequestResponse:
    return McpServerElicitationRequestResponse(action="decline")
