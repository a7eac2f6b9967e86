"""Tools of MCP servers: each as a tool of a turn, shown, asked about if it needs that, and called. Knows no client."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import Any

import structlog
from msgspec.structs import replace

from protocol.asks import ELICITATION
from protocol.config import ConfigTarget
from protocol.item import McpToolCall
from rollout.events import Duration, McpInvocation, McpToolCallEnd, ToolProgress
from server.config_write import ChangeRefused, write
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work
from server.errors import ConfigError
from server.mcp import approval
from server.mcp.connection import McpError
from server.mcp.output import model_output, refused_output, shown_result
from server.mcp.servers import McpTool, Servers

_log = structlog.get_logger(__name__)


class McpCalled(Tool):
    """One tool of one server, under the names that models know it by."""

    def __init__(self, servers: Servers, tool: McpTool) -> None:
        self.name = tool.name.flat
        self.parallel = tool.is_parallel
        self._servers = servers
        self._tool = tool

    def offer(self) -> dict[str, Any]:
        """As a function; see Toolbox for models that know namespaces."""
        return self._tool.function(self.name)

    async def run(self, call: Call, work: Work) -> Content:
        """Call it at its server."""
        tool = self._tool
        arguments = _arguments(call)
        begun = time.monotonic()
        item = McpToolCall(id=call.id, server=tool.server, tool=tool.tool, status="inProgress", arguments=arguments)
        work.begin(item)
        result: dict[str, Any] | None = None
        error = "the turn was stopped"
        try:
            await self._admit(arguments, work)
            result = await self._servers.call(
                tool.server, tool.tool, arguments, on_progress=partial(_progress, work, call.id)
            )
        except McpError as refused:
            error = str(refused)
        finally:
            seconds = time.monotonic() - begun
            _end(work, item, result, error, seconds)
        return refused_output(error, seconds) if result is None else model_output(result, seconds)

    async def _admit(self, arguments: Any, work: Work) -> None:
        """Return if the tool may run, by itself or because somebody said so. Raises McpError."""
        tool, settings = self._tool, work.settings
        known = (tool.server, tool.tool)
        if known in self._servers.approved:
            return
        match approval.decide(tool.annotations, tool.approval_mode, settings.approval_policy, settings.sandbox):
            case "run":
                return
            case "refuse":
                raise McpError(approval.FORBIDDEN)
            case "ask":
                question = approval.question(work.host.id, work.turn_id, tool.server, tool.described, arguments)
        meaning = approval.meaning(await work.host.ask(ELICITATION, question))
        if meaning.refusal is not None:
            raise McpError(meaning.refusal)
        if meaning.remember is not None:
            self._servers.approved.add(known)
        if meaning.remember == "always":
            await _remember(work, tool)


def _arguments(call: Call) -> Any:
    try:
        return json.loads(call.text) if call.text.strip() else None
    except (ValueError, RecursionError) as error:
        raise CallFailed(f"failed to parse function arguments: {error}") from error


def _progress(work: Work, item_id: str, progress: float, total: float | None, message: str | None) -> None:
    share = f"{progress:g}" if total is None else f"{progress:g} of {total:g}"
    work.emit(ToolProgress(turn_id=work.turn_id, item_id=item_id, message=message or share))


def _end(work: Work, item: McpToolCall, result: dict[str, Any] | None, error: str, seconds: float) -> None:
    whole, rest = divmod(int(seconds * 1e9), 1_000_000_000)
    failed = result is None or bool(result.get("isError"))
    ended = replace(
        item,
        status="failed" if failed else "completed",
        result=None if result is None else shown_result(result),
        error={"message": error} if result is None else None,
        duration_ms=int(seconds * 1000),
    )
    stored = McpToolCallEnd(
        call_id=item.id,
        invocation=McpInvocation(server=item.server, tool=item.tool, arguments=item.arguments),
        duration=Duration(secs=whole, nanos=rest),
        result={"Err": error} if result is None else {"Ok": result},
    )
    work.end(ended, stored)


async def _remember(work: Work, tool: McpTool) -> None:
    """Write down that this tool may always run, where its server is configured by the user."""
    config = work.workspace.machine.config.reread()
    if tool.server not in config.user_table.get("mcp_servers", {}):
        return
    try:
        await asyncio.to_thread(write, config, ConfigTarget(), [approval.always(tool.server, tool.tool)])
    except (ChangeRefused, ConfigError, OSError) as error:
        _log.warning("approval_not_kept", server=tool.server, tool=tool.tool, reason=str(error))
