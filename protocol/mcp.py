"""MCP servers as clients see them: their state, tools, resources."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from protocol.wire import UNSET, Count, Json, UnsetType, Wire

Detail = Literal["full", "toolsAndAuthOnly"]
AuthStatus = Literal["unknown", "unsupported", "notLoggedIn", "bearerToken", "oAuth"]
StartupState = Literal["starting", "ready", "failed", "cancelled"]
RuntimeStatus = Literal[
    "notStarted", "starting", "connected", "authenticationRequired", "failed", "cancelled", "disabled"
]


class ListMcpServerStatusParams(Wire):
    """A page of the MCP servers of a thread, or of the configuration; or only one of them."""

    cursor: str | None = None
    limit: Count | None = None
    detail: Detail | None = None
    thread_id: str | None = None
    server_name: str | None = None


class McpServerPresentation(Wire):
    """How a server presents itself."""

    name: str
    title: str | None = None
    version: str
    description: str | None = None
    icons: list[Json] | None = None
    website_url: str | None = None


class McpServerStatus(Wire):
    """One MCP server. ``tools`` by name. ``runtime_status`` null: it runs for no thread that was named."""

    name: str
    runtime_status: RuntimeStatus | None = None
    plugin_id: str | None = None
    http_origin: str | None = None
    server_info: McpServerPresentation | None = None
    server_capabilities: Json = None
    tool_list_meta: Json = None
    tools: dict[str, Json] = {}
    tools_error: str | None = None
    resources: list[Json] = []
    resource_templates: list[Json] = []
    auth_status: AuthStatus


class ListMcpServerStatusResponse(Wire):
    """Servers by name."""

    data: list[McpServerStatus]
    next_cursor: str | None = None


class McpResourceReadParams(Wire):
    """Read a resource of a server, of the one that a thread runs or of one that is started for it."""

    thread_id: str | None = None
    server: str
    uri: str
    meta: dict[str, Any] | None = msgspec.field(name="_meta", default=None)
    origin_call_id: str | None = None
    connector_id: str | None = None
    target: Json = None


class McpResourceReadResponse(Wire):
    """The contents, as the server says them."""

    contents: list[Json]
    origin_call_id: str | None = None


class McpServerToolCallParams(Wire):
    """Call a tool of a server that a thread runs."""

    thread_id: str
    server: str
    tool: str
    arguments: Json = None
    meta: Json = msgspec.field(name="_meta", default=None)


class McpServerToolCallResponse(Wire):
    """What the tool says; absent what it does not say."""

    content: list[Json]
    structured_content: Json | UnsetType = UNSET
    is_error: bool | UnsetType = UNSET
    meta: Json | UnsetType = msgspec.field(name="_meta", default=UNSET)


class McpServerOauthLoginParams(Wire):
    """Sign in to a server."""

    name: str
    scopes: list[str] | None = None
    timeout_secs: int | None = None
    thread_id: str | None = None
    client_registration: str | None = None


class McpServerOauthLoginResponse(Wire):
    """Where the user signs in."""

    authorization_url: str
    login_id: str | None = None


class McpServerStatusUpdatedNotification(Wire):
    """How far a server has come with its start for a thread."""

    thread_id: str
    name: str
    status: StartupState
    error: str | None = None
    failure_reason: Literal["reauthenticationRequired"] | None = None
