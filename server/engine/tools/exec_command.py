"""exec_command: a command that the model may leave running, and look at again with write_stdin."""

from __future__ import annotations

from typing import Any

from server.commands.child import Launch, SpawnError
from server.commands.terminals import Ended, Hearer, Terminal
from server.engine.permission.script import join
from server.engine.tools.command_item import CommandItem
from server.engine.tools.launching import folder, ready_launch, shell_script
from server.engine.tools.permit import Permit, Wish, may_try_again, permit, without_walls
from server.engine.tools.seen import seconds_within, told
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function
from server.engine.tools.wishes import Permissions, patched, permission_members

PATIENCE, SHORTEST, LONGEST = 10_000, 250, 30_000
"""Milliseconds until the model hears of a command that still runs: by itself, at least, at most."""

TRIAL = 0.15
"""Seconds in which a command must have failed for it to be run again without walls."""

_DESCRIPTION = """\
Run a command in a shell. If it has not ended after yield_time_ms, you get a session ID: the command goes on, also after
your turn, and write_stdin looks at it again or types into it."""


class _Arguments(Permissions):
    cmd: str
    workdir: str | None = None
    shell: str | None = None
    login: bool | None = None
    tty: bool = False
    yield_time_ms: int = PATIENCE
    max_output_tokens: int | None = None


class ExecCommand(Tool):
    """Begins commands as terminals of the thread."""

    name = "exec_command"
    parallel = True

    def offer(self) -> dict[str, Any]:
        """A script, and how to run it."""
        parameters: dict[str, Any] = {
            "cmd": {"type": "string", "description": "The script for the shell."},
            "workdir": {"type": "string", "description": "Where it runs, instead of the turn's working directory."},
            "shell": {"type": "string", "description": "Another shell than the user's own, by name or path."},
            "login": {"type": "boolean", "description": "Whether it is a login shell (default: true)."},
            "tty": {
                "type": "boolean",
                "description": "Give it a terminal, so that you can type into it later. Otherwise it has no input.",
            },
            "yield_time_ms": {
                "type": "number",
                "description": f"How long to wait for its end, in milliseconds (default: {PATIENCE}).",
            },
            "max_output_tokens": {"type": "number", "description": "Longer output loses its middle."},
        }
        return function(self.name, _DESCRIPTION, {**parameters, **permission_members()}, "cmd")

    async def run(self, call: Call, work: Work) -> Content:
        """Begin it, and wait for its end or until the time is up. What runs then goes on without the turn."""
        given = call.arguments(_Arguments)
        cwd = folder(work.settings, given.workdir)
        argv = shell_script(work.settings, given.cmd, given.login, given.shell)
        if (said := await patched(call.id, argv, cwd, work)) is not None:
            return said
        wish = Wish.of(given, argv, cwd, tty=given.tty)
        item = CommandItem(work, call.id, argv, cwd, "unified_exec_startup")
        permitted = await permit(work, item, wish)
        terminals = work.workspace.terminals
        number = terminals.reserve()
        try:
            terminal = await _Start(work, item, wish, permitted).begin(number)
        except SpawnError as error:
            item.fail(f"The command could not be started: {error}")
            raise CallFailed(f"exec_command failed for `{join(argv)}`: {error}") from error
        finally:
            terminals.free(number)
        seen = await terminal.collect(seconds_within(given.yield_time_ms, SHORTEST, LONGEST))
        if seen.exit_code is not None:
            terminals.forget(number)
        return told(terminal, seen, work.settings, given.max_output_tokens)


class _Start:
    """Begins one command, a second time without walls if these stopped it and somebody allows it."""

    def __init__(self, work: Work, item: CommandItem, wish: Wish, permitted: Permit) -> None:
        self._work, self._item, self._wish, self._permitted = work, item, wish, permitted

    async def begin(self, number: int) -> Terminal:
        """The terminal in which it runs, or has run. Raises :class:`~server.commands.child.SpawnError`."""
        launch = await self._launch(bypass=self._permitted.bypass)
        if not may_try_again(self._work, launch):
            return await self._open(number, launch, self._item)
        held = _Held(self._item)
        terminal = await self._open(number, launch, held)
        try:
            await terminal.wait(TRIAL)
            if terminal.end is None or not await self._again(terminal.end):
                return terminal
            held.drop()
        finally:
            held.release()
        self._work.workspace.terminals.forget(number)
        return await self._open(number, await self._launch(bypass=True), self._item)

    async def _launch(self, *, bypass: bool) -> Launch:
        return await ready_launch(self._work, self._wish.argv, self._wish.cwd, bypass=bypass)

    async def _open(self, number: int, launch: Launch, hearer: Hearer) -> Terminal:
        return await self._work.workspace.terminals.open(number, launch, hearer, tty=self._wish.tty)

    async def _again(self, end: Ended) -> bool:
        return await without_walls(self._work, self._item, self._wish, self._permitted, end.output, end.exit_code)


class _Held:
    """Keeps what it hears until it is clear whether that counts."""

    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._terminal: Terminal | None = None
        self._said: list[str] | None = []
        self._end: Ended | None = None
        self._counts = True

    def began(self, terminal: Terminal) -> None:
        """It runs."""
        self._terminal = terminal

    def said(self, text: str) -> None:
        """More of its output."""
        if self._said is None:
            self._hearer.said(text)
        else:
            self._said.append(text)

    def ended(self, end: Ended) -> None:
        """It has ended."""
        if self._said is None:
            self._hearer.ended(end)
        else:
            self._end = end

    def drop(self) -> None:
        """None of it counts."""
        self._counts = False

    def release(self) -> None:
        """Tell what was kept, and from now on all at once."""
        said, self._said = self._said or [], None
        if not self._counts or self._terminal is None:
            return
        self._terminal.hearer = self._hearer
        self._hearer.began(self._terminal)
        for text in said:
            self._hearer.said(text)
        if self._end is not None:
            self._hearer.ended(self._end)
