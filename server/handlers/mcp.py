"""MCP servers for clients: which there are, their tools and resources. A thread's, or ones started to answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from protocol import methods
from protocol.errors import RpcError, internal_error, invalid_request
from protocol.mcp import (
    ListMcpServerStatusParams,
    ListMcpServerStatusResponse,
    McpResourceReadParams,
    McpResourceReadResponse,
    McpServerOauthLoginParams,
    McpServerOauthLoginResponse,
    McpServerToolCallParams,
    McpServerToolCallResponse,
)
from protocol.wire import UNSET, Empty
from rollout.model_items import as_list, as_object
from server.dispatch import Call, handles
from server.errors import ConfigError
from server.handlers.checks import parse_thread_id
from server.mcp.connection import McpError
from server.mcp.servers import Servers
from server.mcp.settings import Configured, ServerSettings, read_servers
from server.mcp.status import describe


@handles(methods.MCP_SERVER_STATUS_LIST)
async def list_statuses(call: Call, params: ListMcpServerStatusParams) -> ListMcpServerStatusResponse:
    """A page of the servers, each when its start is over."""
    running = _running(call, params.thread_id)
    configured = {} if running is not None else await _configured(call)
    names = sorted(configured) if running is None else [server.name for server in running.all()]
    if params.server_name is not None:
        names = [name for name in names if name == params.server_name]
    first = _first(params.cursor, len(names))
    page = names[first:] if params.limit is None else names[first : first + max(params.limit, 1)]
    wanted = {name: configured[name] for name in page} if running is None else {}
    async with _servers(call, running, wanted) as servers:
        full = params.detail != "toolsAndAuthOnly"
        told = (describe(servers.get(name), full=full, of_thread=running is not None) for name in page)
        last = first + len(page)
        return ListMcpServerStatusResponse(
            data=list(await asyncio.gather(*told)), next_cursor=str(last) if last < len(names) else None
        )


@handles(methods.CONFIG_MCP_SERVER_RELOAD)
async def reload(call: Call, _params: Empty) -> Empty:
    """Have every thread read its servers' configuration again, before its next request to a model."""
    call.app.mcp.reload()
    return Empty()


@handles(methods.MCP_SERVER_OAUTH_LOGIN)
async def sign_in(call: Call, params: McpServerOauthLoginParams) -> McpServerOauthLoginResponse:
    """Nobody can: says what to do instead."""
    settings = (await _configured(call)).get(params.name)
    if settings is None:
        raise invalid_request(f"No MCP server named '{params.name}' found.")
    if isinstance(settings, ServerSettings) and settings.url is None:
        raise invalid_request("OAuth login is only supported for streamable HTTP servers.")
    raise invalid_request(
        f"this server cannot sign in to MCP servers; put a token for '{params.name}' into an environment variable "
        "and name it in `bearer_token_env_var`"
    )


@handles(methods.MCP_SERVER_RESOURCE_READ)
async def read_resource(call: Call, params: McpResourceReadParams) -> McpResourceReadResponse:
    """A resource, from the thread's server or from one that is started for it."""
    if params.origin_call_id is not None and params.thread_id is None:
        raise invalid_request("`originCallId` needs a `threadId`")
    if params.target is not None:
        raise invalid_request("`target` names a hosted app, and there is none here")
    running = _running(call, params.thread_id)
    configured = {} if running is not None else await _configured(call)
    wanted = {name: each for name, each in configured.items() if name == params.server}
    async with _servers(call, running, wanted) as servers:
        try:
            result = await servers.read_resource(params.server, params.uri, params.meta)
        except McpError as error:
            raise _refusal(error) from error
    return McpResourceReadResponse(contents=as_list(result.get("contents")), origin_call_id=params.origin_call_id)


@handles(methods.MCP_SERVER_TOOL_CALL)
async def call_tool(call: Call, params: McpServerToolCallParams) -> McpServerToolCallResponse:
    """Call a tool of a thread's server: the client wants it, so nobody is asked."""
    servers = _running(call, params.thread_id)
    if servers is None:
        raise internal_error(f"unknown MCP server '{params.server}'")
    try:
        result = await servers.call(params.server, params.tool, params.arguments, meta=as_object(params.meta) or None)
    except McpError as error:
        raise _refusal(error) from error
    said: dict[str, Any] = {"structured_content": "structuredContent", "is_error": "isError", "meta": "_meta"}
    rest = {ours: UNSET if result.get(name) is None else result[name] for ours, name in said.items()}
    return McpServerToolCallResponse(content=as_list(result.get("content")), **rest)


def _running(call: Call, thread_id: str | None) -> Servers | None:
    """The servers of this thread, which must be loaded; None without a thread."""
    if thread_id is None:
        return None
    thread = call.app.loaded.require(parse_thread_id(thread_id))
    return thread.workspace.servers


async def _configured(call: Call) -> Configured:
    try:
        settings = await asyncio.to_thread(lambda: call.app.config.reread().effective())
    except ConfigError as error:
        raise internal_error(f"failed to load configuration: {error}") from error
    return read_servers(settings.keys.mcp_servers)


@asynccontextmanager
async def _servers(call: Call, running: Servers | None, wanted: Configured) -> AsyncGenerator[Servers]:
    """Those that run, or else these for the time of the block."""
    if running is not None:
        yield running
        return
    async with call.app.mcp.briefly(str(Path.cwd()), wanted) as servers:
        servers.start()
        yield servers


def _first(cursor: str | None, total: int) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal():
        raise invalid_request(f"invalid cursor: {cursor}")
    if int(cursor) > total:
        raise invalid_request(f"cursor {cursor} exceeds total MCP servers {total}")
    return int(cursor)


def _refusal(error: McpError) -> RpcError:
    """What the server itself refuses comes with its own code; everything else is ours to report."""
    if error.code is None:
        return internal_error(str(error))
    return RpcError(error.code, str(error), UNSET if error.detail is None else error.detail)
