"""Which tools a turn has: chosen by its settings, in an order that does not change. Knows no call's work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from server.engine.settings import Settings
from server.engine.tools.apply_patch import ApplyPatch
from server.engine.tools.exec_command import ExecCommand
from server.engine.tools.request_user_input import RequestUserInput
from server.engine.tools.shell import ContainerExec, LocalShell, Shell
from server.engine.tools.shell_command import ShellCommand
from server.engine.tools.tool import Call, Tool
from server.engine.tools.update_plan import UpdatePlan
from server.engine.tools.write_stdin import WriteStdin
from server.engine.workspace import Workspace


class Toolbox:
    """The tools of one turn. ``hidden`` ones answer when they are called and are not offered."""

    def __init__(self, tools: Iterable[Tool], hidden: Iterable[Tool] = ()) -> None:
        self._offered = list(tools)
        self._by_name = {tool.name: tool for tool in (*self._offered, *hidden)}

    def offers(self) -> list[dict[str, Any]]:
        """What the model is told. The same each time, for the sake of the provider's cache."""
        return [tool.offer() for tool in self._offered]

    def find(self, call: Call) -> Tool | None:
        """The tool that a call means."""
        return self._by_name.get(call.name if call.namespace is None else f"{call.namespace}.{call.name}")


async def toolbox(settings: Settings, workspace: Workspace) -> Toolbox:
    """The tools for a turn with these settings."""
    del workspace
    offered, patches = _commands(settings), ApplyPatch(freeform=settings.known.freeform_apply_patch)
    hidden = [tool for tool in _COMMANDS if tool not in offered]
    return Toolbox([*offered, UpdatePlan(), RequestUserInput(), patches], hidden)


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
