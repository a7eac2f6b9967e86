"""One MCP server, run for one thread: started when wanted, asked in a bounded time, left without a trace.

The SDK costs half a second and some sixty megabytes; it is loaded, in a thread, with the first server that is started.
Owns: the life of one connection. Must not know: other servers, the thread, approvals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from protocol.elicitation import McpServerElicitationRequestParams, McpServerElicitationRequestResponse
from protocol.wire import Record
from rollout.model_items import as_list, as_object
from server.commands.child import SpawnError
from server.errors import ConfigError
from server.mcp.settings import ServerSettings
from server.offload import made_to_stay

if TYPE_CHECKING:
    from server.mcp.session import Session

MOST_PAGES = 100
"""Pages of a list that are asked for; a server may always name one more."""

CLOSING = 10.0
"""Seconds after which what does not let itself be closed is left to its warden."""

Ask = Callable[[McpServerElicitationRequestParams], Awaitable[McpServerElicitationRequestResponse]]
"""Puts a server's question to the user. Cancelled when the server takes it back, or is no more."""

Progress = Callable[[float, float | None, str | None], None]
"""Hears how far a call is: so much, of how much, and in words."""

_log = structlog.get_logger(__name__)


class McpError(Exception):
    """A server could not be started, did not answer, or refused. The text suits clients and models.

    ``code`` and ``detail`` are those of a JSON-RPC error of the server; null if it is none.
    """

    def __init__(self, message: str, *, code: int | None = None, detail: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail


class Unauthorized(McpError):
    """The server wants to know who we are."""


class Gone(McpError):
    """The connection has ended: the server died, or was closed."""


class Place(Record):
    """Where servers run: the thread they run for, its folder, and the variables that we see."""

    thread_id: str
    cwd: str
    environ: Mapping[str, str]


class Greeting(Record):
    """What a server says of itself at its start, as JSON; ``tools`` are all that it has, offered or not."""

    server: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    instructions: str | None = None
    tools: list[dict[str, Any]] = []
    tools_meta: Any = None


class McpConnection:
    """A server from its start to its end; made anew for another start."""

    def __init__(self, settings: ServerSettings, place: Place, ask: Ask) -> None:
        self.settings = settings
        self.greeting = Greeting()
        self._place = place
        self._ask = ask
        self._session: Session | None = None
        self._life: asyncio.Task[None] | None = None
        self._limits: set[asyncio.Timeout] = set()
        self._asking = 0

    @property
    def is_alive(self) -> bool:
        """It was started and has not ended."""
        return self._session is not None and self._life is not None and not self._life.done()

    async def start(self) -> None:
        """Start it and ask for its tools. Raises :class:`McpError`; nothing is left of it then, or if cancelled."""
        is_up = False
        try:
            async with asyncio.timeout(self.settings.startup_timeout_sec):
                await self._start()
            is_up = True
        except TimeoutError:
            raise McpError(f"it was not ready within {self.settings.startup_timeout_sec:g} seconds") from None
        finally:
            if not is_up:
                await self.close()

    async def _start(self) -> None:
        session = (await made_to_stay(_load))(self.settings, self._place, self._asked)
        self._life = asyncio.create_task(session.run(), name=f"mcp {self.settings.name}")
        await asyncio.wait({self._life, session.ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            raise _why(self._life, session) or Gone("it ended before it was ready" + session.last_words())
        self._session = session
        self.greeting = session.greeting
        await self.refresh()

    async def refresh(self) -> None:
        """Ask for its tools again. Raises :class:`McpError`."""
        session = self._require()
        session.tools_changed = False
        tools: list[dict[str, Any]] = []
        meta: Any = None
        if "tools" in session.greeting.capabilities:
            tools, meta = await self._all("tools/list", "tools")
        usable = [tool for tool in tools if isinstance(tool.get("name"), str)]
        self.greeting = Greeting(
            server=session.greeting.server,
            capabilities=session.greeting.capabilities,
            instructions=session.greeting.instructions,
            tools=usable,
            tools_meta=meta,
        )

    @property
    def tools_changed(self) -> bool:
        """It has said that it has other tools now."""
        return self._session is not None and self._session.tools_changed

    async def call(
        self, tool: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None, on_progress: Progress | None
    ) -> dict[str, Any]:
        """Call a tool; its result as JSON. A cancelled call is cancelled at the server. Raises :class:`McpError`.

        The time in which the server waits for the user does not count.
        """
        params: dict[str, Any] = {"name": tool, "arguments": arguments or {}}
        if meta:
            params["_meta"] = meta
        return await self._request("tools/call", params, on_progress)

    async def page(self, method: str, cursor: str | None = None) -> dict[str, Any]:
        """One page of a list. Raises :class:`McpError`."""
        return await self._request(method, {} if cursor is None else {"cursor": cursor})

    async def all_of(self, method: str, member: str) -> list[dict[str, Any]]:
        """Everything in a list of resources; empty if the server has none at all. Raises :class:`McpError`."""
        if "resources" not in self.greeting.capabilities:
            return []
        return (await self._all(method, member))[0]

    async def read(self, uri: str, meta: dict[str, Any] | None = None) -> dict[str, Any]:
        """A resource, as JSON. Raises :class:`McpError`."""
        return await self._request("resources/read", {"uri": uri} | ({"_meta": meta} if meta else {}))

    async def close(self) -> None:
        """End it. Returns when nothing of it is left."""
        self._session = None
        if self._life is None:
            return
        self._life.cancel()
        _, late = await asyncio.wait({self._life}, timeout=CLOSING)
        if late:
            _log.warning("mcp_server_lingers", server=self.settings.name)

    async def _all(self, method: str, member: str) -> tuple[list[dict[str, Any]], Any]:
        found: list[dict[str, Any]] = []
        meta: Any = None
        cursor: str | None = None
        for number in range(MOST_PAGES):
            page = await self.page(method, cursor)
            meta = page.get("_meta") if number == 0 else meta
            found += [as_object(each) for each in as_list(page.get(member)) if as_object(each)]
            cursor = page.get("nextCursor")
            if not cursor:
                break
        return found, meta

    async def _request(
        self, method: str, params: dict[str, Any], on_progress: Progress | None = None
    ) -> dict[str, Any]:
        session, life = self._require(), self._life
        assert life is not None
        seconds = self.settings.tool_timeout_sec
        try:
            async with asyncio.timeout(None if self._asking else seconds) as limit:
                self._limits.add(limit)
                try:
                    return await session.request(method, params, on_progress)
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            raise McpError(f"it did not answer within {seconds:g} seconds") from None
        except Gone:
            await asyncio.wait({life}, timeout=CLOSING)  # so that the next call finds it dead
            raise Gone("it ended before it answered" + session.last_words()) from None

    def _require(self) -> Session:
        if self._session is None or not self.is_alive:
            raise Gone("it does not run")
        return self._session

    async def _asked(self, question: McpServerElicitationRequestParams) -> McpServerElicitationRequestResponse:
        self._asking += 1
        for limit in self._limits:
            limit.reschedule(None)
        try:
            return await self._ask(question)
        finally:
            self._asking -= 1
            if not self._asking:
                until = asyncio.get_running_loop().time() + self.settings.tool_timeout_sec
                for limit in self._limits:
                    limit.reschedule(until)


def _load() -> type[Session]:
    from server.mcp.session import Session

    return Session


def _first(error: BaseException) -> BaseException:
    """The error itself, where task groups of the SDK have put one around another."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _first(inner[0]) if inner else error


def _why(life: asyncio.Task[None], session: Session) -> McpError | None:
    """What a life that has ended ended with."""
    if life.cancelled() or (ended := life.exception()) is None:
        return None
    error = _first(ended)
    if isinstance(error, McpError):
        return error
    if isinstance(error, SpawnError | ConfigError):
        return McpError(str(error))
    return McpError(f"{str(error) or type(error).__name__}{session.last_words()}")
