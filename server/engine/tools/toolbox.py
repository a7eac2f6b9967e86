"""Which tools a turn has: chosen by its settings, in an order that does not change. Knows no call's work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.engine.settings import Settings
from server.engine.tools.apply_patch import ApplyPatch
from server.engine.tools.mcp_resources import ListResources, ListResourceTemplates, ReadResource
from server.engine.tools.mcp_tool import McpCalled
from server.engine.tools.request_user_input import RequestUserInput
from server.engine.tools.tool import Call, Tool
from server.engine.tools.update_plan import UpdatePlan
from server.engine.workspace import Workspace
from server.mcp.servers import McpTool, Servers, offered, offered_flat
from server.providers.settings import OPENAI


class Toolbox:
    """The tools of one request. ``hidden`` ones answer when they are called and are not offered.

    ``foreign`` tools are those of MCP servers; a model that knows namespaces is told of them server by server.
    """

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        hidden: Iterable[Tool] = (),
        servers: Servers | None = None,
        foreign: Iterable[McpTool] = (),
        *,
        namespaces: bool = False,
    ) -> None:
        self._offered = list(tools)
        self._by_name = {tool.name: tool for tool in (*self._offered, *hidden)}
        self._servers = servers
        self._foreign = list(foreign)
        self._namespaces = namespaces

    def offers(self) -> list[dict[str, Any]]:
        """What the model is told. The same each time, for the sake of the provider's cache."""
        return [*(tool.offer() for tool in self._offered), *self._offers_of_servers()]

    def find(self, call: Call) -> Tool | None:
        """The tool that a call means."""
        own = self._by_name.get(call.name) if call.namespace is None else None
        if own is not None or self._servers is None:
            return own
        found = self._servers.find(call.name, call.namespace)
        return None if found is None else McpCalled(self._servers, found)

    def _offers_of_servers(self) -> list[dict[str, Any]]:
        if self._servers is None or not self._foreign:
            return []
        return offered(self._foreign, self._servers.instructions) if self._namespaces else offered_flat(self._foreign)


async def toolbox(settings: Settings, workspace: Workspace) -> Toolbox:
    """The tools for a request with these settings. Waits for MCP servers that are starting."""
    servers = workspace.servers
    foreign = [] if servers is None else await servers.tools()
    reading = [each(servers) for each in _RESOURCES] if servers is not None and servers.is_any_on else []
    own = [UpdatePlan(), RequestUserInput(), ApplyPatch(freeform=settings.known.freeform_apply_patch)]
    # Namespaces are the Responses API's own; back ends that only speak alike take functions.
    return Toolbox([*reading, *own], (), servers, foreign, namespaces=settings.provider.id == OPENAI)


_RESOURCES = (ListResources, ListResourceTemplates, ReadResource)
