"""A server as ``mcpServerStatus/list`` shows it. Knows no request."""

from __future__ import annotations

from typing import Any

from protocol.mcp import AuthStatus, McpServerPresentation, McpServerStatus
from server.mcp.connection import McpError
from server.mcp.server import McpServer


async def describe(server: McpServer, *, full: bool, of_thread: bool) -> McpServerStatus:
    """What is known of a server when its start is over; ``full``: with its resources."""
    if server.state != "disabled":
        server.start()
        await server.started()
    greeting, settings = await server.refreshed(), server.settings
    said = greeting.server
    return McpServerStatus(
        name=server.name,
        runtime_status=server.state if of_thread else None,
        http_origin=None if settings is None else settings.origin,
        server_info=_info(said) if said.get("name") else None,
        server_capabilities=greeting.capabilities if said else None,
        tool_list_meta=greeting.tools_meta,
        tools={each["name"]: each for each in greeting.tools if settings is not None and settings.offers(each["name"])},
        tools_error=server.error,
        resources=await _listed(server, "resources/list", "resources") if full else [],
        resource_templates=await _listed(server, "resources/templates/list", "resourceTemplates") if full else [],
        auth_status=_auth(server),
    )


async def _listed(server: McpServer, method: str, member: str) -> list[Any]:
    if server.state != "connected":
        return []
    try:
        return list(await (await server.connection()).all_of(method, member))
    except McpError:
        return []


def _info(said: dict[str, Any]) -> McpServerPresentation:
    return McpServerPresentation(
        name=said["name"],
        title=said.get("title"),
        version=said.get("version") or "",
        description=said.get("description"),
        icons=said.get("icons"),
        website_url=said.get("websiteUrl"),
    )


def _auth(server: McpServer) -> AuthStatus:
    if server.state == "authenticationRequired":
        return "notLoggedIn"
    settings = server.settings
    return "bearerToken" if settings is not None and settings.bearer_token_env_var else "unsupported"
