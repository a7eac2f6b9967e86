"""shell: a program with arguments that the model waits for; under other names for models that know these."""

from __future__ import annotations

from typing import Any

from server.engine.tools.launching import folder
from server.engine.tools.permit import Wish
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function
from server.engine.tools.waited import TIMEOUT_MS, Timed, waited_for
from server.engine.tools.wishes import permission_members

_DESCRIPTION = """\
Run a program with arguments, and wait until it ends. No input. For a script run a shell: ["bash", "-lc", "…"]."""


class _Arguments(Timed):
    command: list[str]
    workdir: str | None = None
    working_directory: str | None = None
    """The same, as ``local_shell`` calls it."""


class Shell(Tool):
    """Runs a program to its end."""

    name = "shell"
    parallel = True

    def offer(self) -> dict[str, Any]:
        """The program with its arguments, and how long it may take."""
        parameters: dict[str, Any] = {
            "command": {"type": "array", "items": {"type": "string"}, "description": "The program and its arguments."},
            "workdir": {"type": "string", "description": "Where it runs, instead of the turn's working directory."},
            "timeout_ms": {
                "type": "number",
                "description": f"After so many milliseconds it is ended (default: {TIMEOUT_MS}).",
            },
        }
        return function(self.name, _DESCRIPTION, {**parameters, **permission_members()}, "command")

    async def run(self, call: Call, work: Work) -> Content:
        """Run it. Interrupted, it ends with all that it began."""
        given = call.arguments(_Arguments)
        if not given.command:
            raise CallFailed("command must not be empty")
        wish = Wish.of(given, given.command, folder(work.settings, given.workdir or given.working_directory))
        return await waited_for(work, call.id, wish, given.seconds)


class LocalShell(Shell):
    """The same for models that were trained with it."""

    name = "local_shell"


class ContainerExec(Shell):
    """The same under the name of another product's tool, which models mix up with it."""

    name = "container.exec"
