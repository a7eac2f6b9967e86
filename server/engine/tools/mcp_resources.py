"""What MCP servers keep for reading: lists of resources and of their templates, and one of them. Knows no client."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from protocol.wire import Record, encode
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function
from server.mcp.connection import McpError
from server.mcp.servers import Servers

_TEXT = {"type": "string"}
_PAGE = {
    "server": _TEXT | {"description": "Only this server; without it all servers."},
    "cursor": _TEXT | {"description": "The nextCursor of the page before; only with a server."},
}


class _Page(Record):
    server: str | None = None
    cursor: str | None = None


class _Resource(Record):
    server: str
    uri: str


class _Reading(Tool):
    parallel = True

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    async def run(self, call: Call, work: Work) -> Content:
        """Ask the servers. The answer is JSON."""
        try:
            return encode(await self._ask(call)).decode()
        except McpError as error:
            raise CallFailed(str(error)) from error

    @abstractmethod
    async def _ask(self, call: Call) -> dict[str, Any]: ...


class ListResources(_Reading):
    """The resources of one server or of all."""

    name = "list_mcp_resources"

    def offer(self) -> dict[str, Any]:
        """A page of one server, or everything."""
        return function(self.name, "List what MCP servers offer for reading: files, schemas, records.", _PAGE)

    async def _ask(self, call: Call) -> dict[str, Any]:
        given = call.arguments(_Page)
        return await self._servers.list_resources(given.server, given.cursor)


class ListResourceTemplates(_Reading):
    """The templates by which addresses of resources are made."""

    name = "list_mcp_resource_templates"

    def offer(self) -> dict[str, Any]:
        """A page of one server, or everything."""
        described = "List the templates of MCP servers: addresses with places to fill in, which can then be read."
        return function(self.name, described, _PAGE)

    async def _ask(self, call: Call) -> dict[str, Any]:
        given = call.arguments(_Page)
        return await self._servers.list_resource_templates(given.server, given.cursor)


class ReadResource(_Reading):
    """One resource."""

    name = "read_mcp_resource"

    def offer(self) -> dict[str, Any]:
        """By its server and address."""
        named = {"server": _TEXT | {"description": "As listed."}, "uri": _TEXT | {"description": "As listed."}}
        return function(self.name, "Read one resource of an MCP server.", named, "server", "uri")

    async def _ask(self, call: Call) -> dict[str, Any]:
        given = call.arguments(_Resource)
        return {"server": given.server} | await self._servers.read_resource(given.server, given.uri)
