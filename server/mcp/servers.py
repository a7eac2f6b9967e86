"""All MCP servers of one thread: their tools and resources as models and clients want them.

Owns: which servers there are, and names of their tools. Must not know: clients, approvals, the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from protocol.wire import Record
from rollout.model_items import as_list, as_object
from server.errors import ConfigError
from server.mcp.connection import Ask, McpError, Place, Progress
from server.mcp.names import ToolName, named
from server.mcp.server import McpServer, Tell
from server.mcp.settings import ApprovalMode, Configured, ServerSettings

Reread = Callable[[], Configured]
"""Reads the configuration of the thread's servers anew. Blocks; raises :class:`~server.errors.ConfigError`."""

_log = structlog.get_logger(__name__)


class UnknownServer(McpError):
    """No server of this name is configured."""


class McpTool(Record):
    """A tool that models may call. ``described`` is what its server says of it."""

    server: str
    tool: str
    name: ToolName
    described: dict[str, Any]
    approval_mode: ApprovalMode
    is_parallel: bool

    @property
    def annotations(self) -> dict[str, Any]:
        """What the server says of its effects."""
        return as_object(self.described.get("annotations"))

    def function(self, name: str) -> dict[str, Any]:
        """The tool as a function of the Responses API, under this name."""
        said = self.described.get("description")
        schema = as_object(self.described.get("inputSchema"))
        return {
            "type": "function",
            "name": name,
            "description": said if isinstance(said, str) else "",
            "strict": False,
            "parameters": {"type": "object", "properties": {}} | schema,
        }


class Servers:
    """The MCP servers of one thread. What has been approved for the rest of its session is in ``approved``."""

    def __init__(
        self, place: Place, configured: Configured, ask: Ask, tell: Tell, reread: Reread | None = None
    ) -> None:
        self._place = place
        self._ask = ask
        self._tell = tell
        self._reread = reread
        self._is_stale = False
        self._reloading = asyncio.Lock()
        self._is_closed = False
        self._servers = {name: self._made(name, each) for name, each in configured.items()}
        self._tools: list[McpTool] = []
        self.approved: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._servers)

    @property
    def is_any_on(self) -> bool:
        """Whether some server is configured and enabled: models are offered the tools for resources then."""
        return any(server.state != "disabled" for server in self._servers.values())

    def get(self, name: str) -> McpServer:
        """The server of this name. Raises :class:`UnknownServer`."""
        server = self._servers.get(name)
        if server is None:
            raise UnknownServer(f"unknown MCP server '{name}'")
        return server

    def all(self) -> list[McpServer]:
        """All of them, by name."""
        return [self._servers[name] for name in sorted(self._servers)]

    def start(self) -> None:
        """Begin to start all that are enabled, at once and without waiting."""
        for server in self._servers.values():
            server.start()

    def cancel_start(self) -> None:
        """Give up the starts under way, as an interrupted client wants it."""
        for server in self._servers.values():
            server.cancel_start()

    async def require(self) -> None:
        """Wait for the servers that no thread can be without. Raises :class:`McpError` that names those that failed."""
        required = [server for server in self._servers.values() if server.is_required]
        for server in required:
            await server.started()
        failed = [f"{each.name}: {each.error}" for each in required if each.state != "connected"]
        if failed:
            raise McpError(f"required MCP servers failed to initialize: {'; '.join(failed)}")

    def reload(self) -> None:
        """Read the configuration again before tools are next listed; servers that are configured as before stay."""
        self._is_stale = self._reread is not None

    async def tools(self) -> list[McpTool]:
        """All tools that may be offered, by server and name, when every server is ready or known not to be."""
        await self._reload()
        self.start()
        servers = [server for server in self.all() if server.settings is not None and server.state != "disabled"]
        for server in servers:
            await server.started()
        greetings = await asyncio.gather(*(server.refreshed() for server in servers))
        offered = {
            (server.name, tool["name"]): (server.settings, tool)
            for server, greeting in zip(servers, greetings, strict=True)
            for tool in greeting.tools
            if server.settings is not None and server.state == "connected" and server.settings.offers(tool["name"])
        }
        names = named(offered)
        self._tools = [_tool(names[key], *offered[key]) for key in sorted(offered)]
        return self._tools

    def instructions(self, server: str) -> str | None:
        """What a server says about its use."""
        return self.get(server).greeting.instructions

    def find(self, name: str, namespace: str | None = None) -> McpTool | None:
        """The tool that a model calls by this name, among those that were last listed."""
        for tool in self._tools:
            if namespace is None:
                if tool.name.flat == name:
                    return tool
            elif tool.name.name == name and tool.name.namespace.rstrip("_") == namespace.rstrip("_"):
                return tool
        return None

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Any = None,
        *,
        meta: dict[str, Any] | None = None,
        on_progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Call a tool, approved or not; the result of ``tools/call`` as the server says it: ``content``, and perhaps
        ``structuredContent``, ``isError``, ``_meta``. Cancelled: so is the call at the server. Raises McpError."""
        known = self.get(server)
        if known.settings is not None and not known.settings.offers(tool):
            raise McpError(f"tool '{tool}' is disabled for MCP server '{server}'")
        if arguments is not None and not isinstance(arguments, dict):
            raise McpError(f"the arguments of `{server}/{tool}` must be a JSON object")

        async def ask() -> dict[str, Any]:
            return await (await known.connection()).call(tool, as_object(arguments), meta, on_progress)

        return await _named(f"tool call failed for `{server}/{tool}`", ask)

    async def list_resources(self, server: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        """A page of one server's resources, or all of all servers, each with its ``server``. Raises McpError."""
        return await self._list("resources/list", "resources", server, cursor)

    async def list_resource_templates(self, server: str | None = None, cursor: str | None = None) -> dict[str, Any]:
        """The same of templates of resources."""
        return await self._list("resources/templates/list", "resourceTemplates", server, cursor)

    async def read_resource(self, server: str, uri: str, meta: dict[str, Any] | None = None) -> dict[str, Any]:
        """A resource, ``contents`` as the server says them. Raises :class:`McpError`."""
        known = self.get(server)

        async def ask() -> dict[str, Any]:
            return await (await known.connection()).read(uri, meta)

        return await _named(f"resources/read failed for `{server}` ({uri})", ask)

    async def close(self) -> None:
        """Stop all of them. Nothing of them is left then."""
        self._is_closed = True
        await asyncio.gather(*(server.close() for server in self._servers.values()))

    async def _list(self, method: str, member: str, server: str | None, cursor: str | None) -> dict[str, Any]:
        if server is not None:
            known = self.get(server)

            async def ask() -> dict[str, Any]:
                return await (await known.connection()).page(method, cursor)

            page = await _named(f"{method} failed for `{server}`", ask)
            more = {"nextCursor": page["nextCursor"]} if page.get("nextCursor") else {}
            return {"server": server, member: _of(server, as_list(page.get(member)))} | more
        if cursor is not None:
            raise McpError("a cursor belongs to one server; name it")
        self.start()
        found: list[dict[str, Any]] = []
        for each in self.all():
            await each.started()
            if each.state == "connected":
                try:
                    found += _of(each.name, await (await each.connection()).all_of(method, member))
                except McpError as error:
                    _log.warning("mcp_resources_unknown", server=each.name, reason=str(error))
        return {member: found}

    async def _reload(self) -> None:
        async with self._reloading:
            if not self._is_stale or self._reread is None:
                return
            self._is_stale = False
            try:
                configured = await asyncio.to_thread(self._reread)
            except ConfigError as error:
                _log.warning("mcp_configuration_kept", thread=self._place.thread_id, reason=str(error))
                return
            await self._replace(configured)

    async def _replace(self, configured: Mapping[str, ServerSettings | ConfigError]) -> None:
        """Keep what is as configured and has not failed; end the others, and make those that are missing."""
        kept = {
            name: server
            for name, server in self._servers.items()
            if server.configured == configured.get(name) and server.state in ("connected", "starting", "disabled")
        }
        gone = [server for name, server in self._servers.items() if name not in kept]
        if not self._is_closed:
            self._servers = {name: kept.get(name) or self._made(name, each) for name, each in configured.items()}
        await asyncio.gather(*(server.close() for server in gone))

    def _made(self, name: str, configured: ServerSettings | ConfigError) -> McpServer:
        return McpServer(name, configured, self._place, self._ask, self._tell)


def offered(tools: Iterable[McpTool], instructions: Callable[[str], str | None]) -> list[dict[str, Any]]:
    """The tools for a model that knows namespaces: one for each server."""
    spaces: dict[str, dict[str, Any]] = {}
    for tool in tools:
        said = instructions(tool.server) or f"Tools of the MCP server {tool.server}."
        entry: dict[str, Any] = {"type": "namespace", "name": tool.name.namespace, "description": said, "tools": []}
        spaces.setdefault(tool.server, entry)["tools"].append(tool.function(tool.name.name))
    return list(spaces.values())


def offered_flat(tools: Iterable[McpTool]) -> list[dict[str, Any]]:
    """The tools for a model that knows functions only."""
    return [tool.function(tool.name.flat) for tool in tools]


def _tool(name: ToolName, settings: ServerSettings, described: dict[str, Any]) -> McpTool:
    return McpTool(
        server=settings.name,
        tool=described["name"],
        name=name,
        described=described,
        approval_mode=settings.approval_mode(described["name"]),
        is_parallel=settings.supports_parallel_tool_calls,
    )


def _of(server: str, found: list[Any]) -> list[dict[str, Any]]:
    return [{"server": server} | as_object(each) for each in found]


async def _named(what: str, ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The answer, or an error that says what could not be done."""
    try:
        return await ask()
    except McpError as error:
        raise McpError(f"{what}: {error}", code=error.code, detail=error.detail) from error
