"""A command as clients see it: an item that starts, says something and ends, and how the rollout keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from protocol.item import CommandExecution
from protocol.wire import UNSET
from rollout import events, mapping
from server.commands.terminals import Ended, Terminal
from server.engine.permission.actions import parsed_commands
from server.engine.tools.tool import Work

Source = Literal["agent", "user_shell", "unified_exec_startup"]


class CommandItem:
    """One command of a turn. Begun once; whoever begins it again only gives it its number.

    Hears what a :class:`~server.commands.terminals.Terminal` says.
    """

    def __init__(self, work: Work, item_id: str, argv: Sequence[str], cwd: str, source: Source = "agent") -> None:
        self.id = item_id
        self._work = work
        self._source: Source = source
        self._number: str | None = None
        self._has_begun = False
        self._stored = events.ExecCommandEnd(
            call_id=item_id,
            turn_id=work.turn_id,
            command=list(argv),
            cwd=cwd,
            parsed_cmd=parsed_commands(argv),
            exit_code=-1,
            duration=events.Duration(secs=0, nanos=0),
        )

    @property
    def shown(self) -> CommandExecution:
        """As it is before it has ended."""
        item = mapping.command(replace(self._stored, source=self._source, process_id=self._number or UNSET))
        return replace(item, status="inProgress", exit_code=None, duration_ms=None)

    def asked(self) -> None:
        """It starts, unless it has, and waits for somebody's permission."""
        if not self._has_begun:
            self._has_begun = True
            self._work.begin(replace(self.shown, source="agent"))

    def start(self) -> None:
        """It starts, unless somebody was already asked about it."""
        if not self._has_begun:
            self._has_begun = True
            self._work.begin(self.shown)

    def finish(
        self, exit_code: int, output: str, seconds: float, *, status: str | None = None, out: str = "", err: str = ""
    ) -> None:
        """It has ended like this; ``out`` and ``err`` where they came apart. Time in seconds."""
        whole = int(seconds)
        event = replace(
            self._stored,
            source=self._source,
            process_id=self._number or UNSET,
            stdout=out,
            stderr=err,
            aggregated_output=output,
            exit_code=exit_code,
            duration=events.Duration(secs=whole, nanos=int((seconds - whole) * 1e9)),
            status=status or ("completed" if exit_code == 0 else "failed"),
        )
        self._work.end(mapping.command(event), event)

    def decline(self) -> None:
        """Somebody said no."""
        self._source = "agent"
        self.finish(-1, "", 0.0, status="declined")

    def fail(self, why: str) -> None:
        """It could not be started."""
        self.start()
        self.finish(-1, why, 0.0)

    # -- as who hears of a terminal ------------------------------------------------------------------------------------

    def began(self, terminal: Terminal) -> None:
        """It runs."""
        self._number = str(terminal.number)
        self.start()

    def said(self, text: str) -> None:
        """More of its output."""
        self._work.emit(events.CommandOutput(turn_id=self._work.turn_id, item_id=self.id, delta=text))

    def ended(self, end: Ended) -> None:
        """It has ended, maybe after its turn."""
        self.finish(end.exit_code, end.output, end.seconds)
