"""One configured MCP server over the life of a thread: started, found dead, started again, stopped for good.

Owns: the state that clients are told of. Must not know: other servers, approvals, what a tool is called by models.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from protocol.mcp import RuntimeStatus, StartupState
from server.errors import ConfigError
from server.mcp.connection import Ask, Gone, Greeting, McpConnection, McpError, Place, Unauthorized
from server.mcp.settings import ServerSettings

RESTARTS = 3
WINDOW = 60.0
"""So many times in so many seconds a server that has died is started again."""

Tell = Callable[[str, StartupState, str | None], None]
"""Hears how far a server has come: its name, its state, and why it failed."""

_log = structlog.get_logger(__name__)


class McpServer:
    """One server of a thread. ``state`` is ``notStarted`` until :meth:`start`; ``error`` says why it failed."""

    def __init__(self, name: str, configured: ServerSettings | ConfigError, place: Place, ask: Ask, tell: Tell) -> None:
        self.name = name
        self.configured = configured
        self.error: str | None = None
        is_off = isinstance(configured, ServerSettings) and not configured.enabled
        self.state: RuntimeStatus = "disabled" if is_off else "notStarted"
        self._place = place
        self._ask = ask
        self._tell = tell
        self._connection: McpConnection | None = None
        self._starting: asyncio.Task[None] | None = None
        self._restarts: deque[float] = deque(maxlen=RESTARTS)

    @property
    def settings(self) -> ServerSettings | None:
        """How it is configured; null if that is a mistake."""
        return self.configured if isinstance(self.configured, ServerSettings) else None

    @property
    def greeting(self) -> Greeting:
        """What it said of itself when it was last started."""
        return Greeting() if self._connection is None else self._connection.greeting

    @property
    def is_required(self) -> bool:
        """No thread can be without it."""
        return self.settings is not None and self.settings.enabled and self.settings.required

    def start(self) -> None:
        """Begin to start it, once."""
        if self.state == "notStarted":
            self._begin()

    def cancel_start(self) -> None:
        """Give up a start under way."""
        if self.state == "starting" and self._starting is not None:
            self._starting.cancel()

    async def started(self) -> None:
        """Wait until it is ready, or known not to become so."""
        if self._starting is not None:
            await asyncio.wait({self._starting})

    async def connection(self) -> McpConnection:
        """It, ready to be asked; one that has died is started again. Raises :class:`McpError`."""
        self.start()
        await self.started()
        if self.state == "connected" and self._connection is not None and not self._connection.is_alive:
            self._restart()
            await self.started()
        if self.state != "connected" or self._connection is None:
            raise McpError(self.error or f"the MCP server `{self.name}` is {_words(self.state)}")
        return self._connection

    async def refreshed(self) -> Greeting:
        """What it says of itself, with its tools as they are now, if it runs."""
        connection = self._connection
        if connection is not None and connection.is_alive and connection.tools_changed:
            try:
                await connection.refresh()
            except McpError as error:
                _log.warning("mcp_tools_unknown", server=self.name, reason=str(error))
        return self.greeting

    async def close(self) -> None:
        """Stop it for good. Nothing of it is left then."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._connection is not None:
            await self._connection.close()
        if self.state != "disabled":
            self.state = "cancelled"

    def _restart(self) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._restarts) == RESTARTS and now - self._restarts[0] < WINDOW:
            raise Gone(
                f"the MCP server `{self.name}` has ended {RESTARTS + 1} times within {WINDOW:g} seconds "
                "and is not started again for now"
            )
        self._restarts.append(now)
        self._begin()

    def _begin(self) -> None:
        self.state, self.error = "starting", None
        self._tell(self.name, "starting", None)
        self._starting = asyncio.create_task(self._start(), name=f"start of mcp {self.name}")

    async def _start(self) -> None:
        try:
            if isinstance(self.configured, ConfigError):
                raise McpError(str(self.configured))
            if self._connection is not None:
                await self._connection.close()
            connection = McpConnection(self.configured, self._place, self._ask)
            await connection.start()
            self._connection, self.state = connection, "connected"
            self._tell(self.name, "ready", None)
        except McpError as error:
            self.state = "authenticationRequired" if isinstance(error, Unauthorized) else "failed"
            self.error = f"the MCP server `{self.name}` could not be started: {error}"
            _log.warning("mcp_server_failed", server=self.name, thread=self._place.thread_id, reason=str(error))
            self._tell(self.name, "failed", self.error)
        finally:
            if self.state == "starting":
                self.state = "cancelled"
                self._tell(self.name, "cancelled", None)


def _words(state: RuntimeStatus) -> str:
    return {"disabled": "disabled in the configuration", "cancelled": "not started: its start was given up"}.get(
        state, "not running"
    )
