"""Commands that a person runs in a thread: a turn of their own, or beside what the running turn does.

They run with full access and nobody is asked, for a person wanted just that. The model learns of them by a record in
its history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uuid_utils import uuid4

from rollout.lines import ResponseItem
from server.commands.child import SpawnError
from server.commands.once import run_once
from server.engine.host import Host
from server.engine.inputs import Input
from server.engine.patches.turn_diff import TurnDiff
from server.engine.settings import Settings
from server.engine.tools.command_item import CommandItem
from server.engine.tools.launching import open_launch, shell_script
from server.engine.tools.tool import Work
from server.engine.tools.truncation import Budget, truncated
from server.engine.turn import Turn
from server.engine.workspace import Workspace
from server.providers.provider import Provider

ABORTED = "command aborted by user"

Note = Callable[[ResponseItem], None]
"""Takes the record of a command for the model history."""


class UserShell:
    """One command, which takes so many seconds at most."""

    def __init__(self, command: str, seconds: float) -> None:
        self._command = command
        self._seconds = seconds

    async def run(self, work: Work, note: Note) -> None:
        """Run it to its end; cancelled, it ends at once, and the record says so."""
        settings, machine = work.settings, work.workspace.machine
        argv = shell_script(settings, self._command)
        item = CommandItem(work, str(uuid4()), argv, settings.cwd, "user_shell")
        item.start()
        exit_code, output, seconds = -1, ABORTED, 0.0
        try:
            launch = open_launch(work.host.id, settings, machine, argv, settings.cwd)
            done = await run_once(launch, self._seconds, item.said)
            exit_code, output, seconds = done.exit_code, done.aggregated, done.seconds
        except SpawnError as error:
            output = f"The command could not be started: {error}"
        finally:
            item.finish(exit_code, output, seconds)
            note(self._record(exit_code, seconds, truncated(output, Budget.of(settings))))

    def _record(self, exit_code: int, seconds: float, output: str) -> ResponseItem:
        result = f"Exit code: {exit_code}\nDuration: {seconds:.4f} seconds\nOutput:\n{output}"
        text = (
            f"<user_shell_command>\n<command>\n{self._command}\n</command>\n"
            f"<result>\n{result}\n</result>\n</user_shell_command>"
        )
        content = [{"type": "input_text", "text": text}]
        return ResponseItem(payload={"type": "message", "role": "user", "content": content})


class Beside:
    """The commands that people run while one turn runs."""

    def __init__(self) -> None:
        self.running = set[asyncio.Task[None]]()

    def begin(self, shell: UserShell, work: Work, note: Note) -> None:
        """Start one. It ends with the thread at the latest."""
        task = asyncio.get_running_loop().create_task(shell.run(work, note))
        for tasks in (self.running, work.workspace.beside):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def stop(self) -> None:
        """End all of them."""
        running = self.running.copy()
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


class ShellTurn(Turn):
    """A turn that only runs a person's commands. It takes no input; what is said meanwhile is the next turn."""

    kind = "regular"
    answers = False

    def __init__(
        self, host: Host, provider: Provider, settings: Settings, workspace: Workspace, first: UserShell
    ) -> None:
        super().__init__(host, provider, settings)
        self._first = first
        self._workspace = workspace
        self._beside = Beside()

    def steer(self, given: Input) -> bool:
        """It never does."""
        return False

    def run_beside(self, shell: UserShell) -> bool:
        """One more command; the turn ends when all have ended."""
        if self._open:
            self._begin(shell)
        return self._open

    def _begin(self, shell: UserShell) -> None:
        work = Work(self._host, self.id, self._settings, self._workspace, TurnDiff(None), self.stop)
        self._beside.begin(shell, work, self._host.emit)

    async def _do(self) -> None:
        self._begin(self._first)
        try:
            while self._beside.running:
                await asyncio.wait(self._beside.running)
                await asyncio.sleep(0)  # the set forgets those that have ended in a turn of the event loop
            self._open = False
        finally:
            await self._beside.stop()

    async def _keep(self, *, failed: bool) -> None:
        """There is nothing: each command has kept its own record."""
