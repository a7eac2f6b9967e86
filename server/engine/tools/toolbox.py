"""Which tools a turn has: chosen by its settings, in an order that does not change. Knows no call's work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rollout.model_items import as_object
from server.engine.settings import Settings
from server.engine.tools.dynamic import DynamicTool, specs
from server.engine.tools.request_user_input import RequestUserInput
from server.engine.tools.tool import Call, Tool
from server.engine.tools.update_plan import UpdatePlan
from server.engine.tools.view_image import ViewImage
from server.engine.tools.web_search import web_search
from server.engine.workspace import Workspace


class Toolbox:
    """The tools of one turn. ``hidden`` ones answer when they are called and are not offered."""

    def __init__(self, tools: Iterable[Tool], hidden: Iterable[Tool] = ()) -> None:
        self._offered = list(tools)
        self._by_name = {tool.name: tool for tool in (*hidden, *self._offered)}

    def offers(self) -> list[dict[str, Any]]:
        """What the model is told. The same each time, for the sake of the provider's cache."""
        return [tool.offer() for tool in self._offered]

    def find(self, call: Call) -> Tool | None:
        """The tool that a call means."""
        return self._by_name.get(call.name if not call.namespace else f"{call.namespace.rstrip('_')}__{call.name}")


async def toolbox(settings: Settings, workspace: Workspace) -> Toolbox:
    """The tools for a turn with these settings."""
    offered: list[Tool] = []
    if _enabled(settings, "update_plan"):
        offered.append(UpdatePlan())
    if _enabled(settings, "request_user_input"):
        offered.append(RequestUserInput())
    if (searching := web_search(settings)) is not None:
        offered.append(searching)
    hidden: list[Tool] = []
    if _enabled(settings, "view_image"):
        (offered if settings.known.images else hidden).append(ViewImage())
    of_clients = {spec.known_as: spec for spec in specs(workspace.dynamic_tools)}
    for name, spec in of_clients.items():
        if name not in {tool.name for tool in offered}:
            (hidden if spec.defer_loading else offered).append(DynamicTool(spec))
    return Toolbox(offered, hidden)


def _enabled(settings: Settings, name: str) -> bool:
    """Whether the configuration leaves this tool in: ``features.x``, ``tools.x`` or ``tools.x.enabled``."""
    tool = settings.keys.tools.get(name, settings.keys.tools.get(f"experimental_{name}"))
    wanted = as_object(tool).get("enabled", True) if isinstance(tool, dict) else tool
    return wanted is not False and settings.keys.features.get(name) is not False
