"""write_stdin: type into a command that still runs, or look at what it said since."""

from __future__ import annotations

from typing import Any

from protocol.wire import Record
from rollout.events import TerminalInteraction
from server.commands.terminals import Terminal
from server.engine.tools.command_item import CommandItem
from server.engine.tools.exec_command import LONGEST, SHORTEST
from server.engine.tools.seen import seconds_within, told
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function

LOOK = 5_000
"""Milliseconds that a look at a command takes at least, unless it ends; asking again and again costs more."""

_DESCRIPTION = """\
Type into a command that exec_command left running with tty, or look at what a command said since: then leave out chars.
Answers when it ends, or after yield_time_ms."""


class _Arguments(Record):
    session_id: int
    chars: str = ""
    yield_time_ms: int = SHORTEST
    max_output_tokens: int | None = None


class WriteStdin(Tool):
    """Writes to terminals of the thread, whatever turn began them."""

    name = "write_stdin"
    parallel = True

    def offer(self) -> dict[str, Any]:
        """Which command, and what to type."""
        parameters: dict[str, Any] = {
            "session_id": {"type": "number", "description": "The session ID of the command."},
            "chars": {"type": "string", "description": "What to type; \\u0003 interrupts it. Empty: only look."},
            "yield_time_ms": {"type": "number", "description": "How long to wait for more output, in milliseconds."},
            "max_output_tokens": {"type": "number", "description": "Longer output loses its middle."},
        }
        return function(self.name, _DESCRIPTION, parameters, "session_id")

    async def run(self, call: Call, work: Work) -> Content:
        """Type, wait, and tell what came. The turn's clients see what was typed."""
        given = call.arguments(_Arguments)
        terminals = work.workspace.terminals
        terminal = terminals.find(given.session_id)
        if terminal is None:
            raise CallFailed(f"write_stdin failed: Unknown process id {given.session_id}")
        if given.chars:
            try:
                await terminal.write(given.chars)
            except ValueError as error:
                raise CallFailed(f"write_stdin failed: {error}") from error
            _show(work, terminal, given.chars)
            seconds = seconds_within(given.yield_time_ms, SHORTEST, LONGEST)
        else:
            longest = work.settings.keys.background_terminal_max_timeout
            seconds = seconds_within(given.yield_time_ms, LOOK, max(LOOK, longest))
        seen = await terminal.collect(seconds)
        if seen.exit_code is not None:
            terminals.forget(given.session_id)
        elif not given.chars:
            _show(work, terminal, "")
        return told(terminal, seen, work.settings, given.max_output_tokens)


def _show(work: Work, terminal: Terminal, typed: str) -> None:
    """Tell clients what was typed, or that somebody looked at what goes on."""
    if isinstance(item := terminal.hearer, CommandItem):
        number = str(terminal.number)
        work.emit(TerminalInteraction(turn_id=work.turn_id, item_id=item.id, process_id=number, stdin=typed))
