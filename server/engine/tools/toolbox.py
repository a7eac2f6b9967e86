"""Which tools a turn has: chosen by its settings, in an order that does not change. Knows no call's work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.engine.settings import Settings
from server.engine.tools.apply_patch import ApplyPatch
from server.engine.tools.request_user_input import RequestUserInput
from server.engine.tools.tool import Call, Tool
from server.engine.tools.update_plan import UpdatePlan
from server.engine.workspace import Workspace


class Toolbox:
    """The tools of one turn. ``hidden`` ones answer when they are called and are not offered."""

    def __init__(self, tools: Iterable[Tool], hidden: Iterable[Tool] = ()) -> None:
        self._offered, self._hidden = list(tools), list(hidden)
        self._by_name = {tool.name: tool for tool in (*self._offered, *self._hidden)}

    def offers(self) -> list[dict[str, Any]]:
        """What the model is told. The same each time, for the sake of the provider's cache."""
        return [tool.offer() for tool in self._offered]

    def without(self, *names: str) -> Toolbox:
        """The same tools but for these."""
        offered, hidden = (
            [tool for tool in tools if tool.name not in names] for tools in (self._offered, self._hidden)
        )
        return Toolbox(offered, hidden)

    def find(self, call: Call) -> Tool | None:
        """The tool that a call means."""
        return self._by_name.get(call.name if call.namespace is None else f"{call.namespace}.{call.name}")


async def toolbox(settings: Settings, workspace: Workspace) -> Toolbox:
    """The tools for a turn with these settings."""
    del workspace
    return Toolbox([UpdatePlan(), RequestUserInput(), ApplyPatch(freeform=settings.known.freeform_apply_patch)])
