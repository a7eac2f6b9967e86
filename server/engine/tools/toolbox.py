"""Which tools a turn has: chosen by its settings, in an order that does not change. Knows no call's work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

from rollout.model_items import as_object
from server.engine.settings import Settings
from server.engine.tools.apply_patch import ApplyPatch
from server.engine.tools.dynamic import DynamicTool, specs
from server.engine.tools.exec_command import ExecCommand
from server.engine.tools.mcp_resources import ListResources, ListResourceTemplates, ReadResource
from server.engine.tools.mcp_tool import McpCalled
from server.engine.tools.request_user_input import RequestUserInput
from server.engine.tools.shell import ContainerExec, LocalShell, Shell
from server.engine.tools.shell_command import ShellCommand
from server.engine.tools.tool import Call, Tool
from server.engine.tools.update_plan import UpdatePlan
from server.engine.tools.view_image import ViewImage
from server.engine.tools.web_search import web_search
from server.engine.tools.write_stdin import WriteStdin
from server.engine.workspace import Workspace
from server.mcp.servers import McpTool, Servers, offered, offered_flat


class Toolbox:
    """The tools of one request. ``hidden`` ones answer when they are called and are not offered.

    ``foreign`` tools are those of MCP servers; a model that knows namespaces is told of them server by server.
    ``of_clients`` come last, and none of them takes the name of another tool.
    """

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        hidden: Iterable[Tool] = (),
        servers: Servers | None = None,
        foreign: Iterable[McpTool] = (),
        of_clients: Iterable[DynamicTool] = (),
        *,
        namespaces: bool = False,
    ) -> None:
        self._offered = list(tools)
        self._by_name: dict[str, Tool] = {tool.name: tool for tool in (*self._offered, *hidden)}
        self._of_clients = [tool for tool in of_clients if self._by_name.setdefault(tool.name, tool) is tool]
        self._servers = servers
        self._foreign = list(foreign)
        self._namespaces = namespaces

    def offers(self) -> list[dict[str, Any]]:
        """What the model is told. The same each time, for the sake of the provider's cache."""
        of_clients = (tool.offer() for tool in self._of_clients if not tool.spec.defer_loading)
        return [*(tool.offer() for tool in self._offered), *self._offers_of_servers(), *of_clients]

    def without(self, *names: str) -> Toolbox:
        """The same but for these tools."""
        rest = copy(self)
        rest._offered = [tool for tool in self._offered if tool.name not in names]
        rest._by_name = {name: tool for name, tool in self._by_name.items() if name not in names}
        return rest

    def find(self, call: Call) -> Tool | None:
        """The tool that a call means."""
        own = self._by_name.get(f"{call.namespace}__{call.name}" if call.namespace else call.name)
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
    commands = _commands(settings)
    hidden = [tool for tool in _COMMANDS if tool not in commands]
    hidden += [] if settings.known.images else [ViewImage()]
    return Toolbox(
        [*commands, *reading, *_own(settings)],
        hidden,
        servers,
        foreign,
        map(DynamicTool, specs(workspace.dynamic_tools)),
        # Namespaces are the Responses API's own; back ends that only speak alike take functions.
        namespaces=settings.provider.is_openai,
    )


_RESOURCES = (ListResources, ListResourceTemplates, ReadResource)

_COMMANDS: tuple[Tool, ...] = (ExecCommand(), WriteStdin(), ShellCommand(), Shell(), LocalShell(), ContainerExec())
"""All tools that run commands; a model may call what it was not offered, for it was trained with it."""


def _commands(settings: Settings) -> Sequence[Tool]:
    """Those that a model is offered."""
    features = settings.keys.features
    if features.get("shell_tool") is False:
        return ()
    if features.get("unified_exec") is not False:
        return _COMMANDS[:2]
    return _COMMANDS[2:3] if settings.known.known else _COMMANDS[3:4]


def _own(settings: Settings) -> Iterator[Tool]:
    """The others of ours."""
    if _enabled(settings, "update_plan"):
        yield UpdatePlan()
    if _enabled(settings, "request_user_input"):
        yield RequestUserInput()
    yield ApplyPatch(freeform=settings.known.freeform_apply_patch)
    if (searching := web_search(settings)) is not None:
        yield searching
    if settings.known.images and _enabled(settings, "view_image"):
        yield ViewImage()


def _enabled(settings: Settings, name: str) -> bool:
    """Whether the configuration leaves this tool in: ``features.x``, ``tools.x`` or ``tools.x.enabled``."""
    tool = settings.keys.tools.get(name, settings.keys.tools.get(f"experimental_{name}"))
    wanted = as_object(tool).get("enabled", True) if isinstance(tool, dict) else tool
    return wanted is not False and settings.keys.features.get(name) is not False
