"""shell_command: a script that the model waits for."""

from __future__ import annotations

from typing import Any

from server.engine.tools.launching import folder, shell_script
from server.engine.tools.permit import Wish
from server.engine.tools.tool import Call, Content, Tool, Work, function
from server.engine.tools.waited import TIMEOUT_MS, Timed, waited_for
from server.engine.tools.wishes import permission_members

_DESCRIPTION = "Run a script in the user's shell, and wait until it ends. It has no input."


class _Arguments(Timed):
    command: str
    workdir: str | None = None
    login: bool | None = None


class ShellCommand(Tool):
    """Runs a script to its end."""

    name = "shell_command"
    parallel = True

    def offer(self) -> dict[str, Any]:
        """A script, and how long it may take."""
        parameters: dict[str, Any] = {
            "command": {"type": "string", "description": "The script."},
            "workdir": {"type": "string", "description": "Where it runs, instead of the turn's working directory."},
            "login": {"type": "boolean", "description": "Whether it is a login shell (default: true)."},
            "timeout_ms": {
                "type": "number",
                "description": f"After so many milliseconds it is ended (default: {TIMEOUT_MS}).",
            },
        }
        return function(self.name, _DESCRIPTION, {**parameters, **permission_members()}, "command")

    async def run(self, call: Call, work: Work) -> Content:
        """Run it. Interrupted, it ends with all that it began."""
        given = call.arguments(_Arguments)
        argv = shell_script(work.settings, given.command, given.login)
        wish = Wish.of(given, argv, folder(work.settings, given.workdir))
        return await waited_for(work, call.id, wish, given.seconds)
