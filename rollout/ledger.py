"""Entries -> which turns there were, how they ended and what each used. Keeps no text: a few numbers for each turn.

A turn's usage is by how much the thread's sums grew in it. ``last`` is never added up: lines repeat it.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import astuple

from protocol.usage import TokenUsageBreakdown
from rollout import events
from rollout.findings import Notebook, TurnUse
from rollout.history import is_harmless
from rollout.lines import Entry
from rollout.reader import user_text
from rollout.usage import breakdown

Sums = tuple[int, ...]
_NOTHING: Sums = (0,) * len(TokenUsageBreakdown.__struct_fields__)


class _Turn:
    __slots__ = ("explicit", "id", "line", "rolled_back", "status", "used")

    def __init__(self, turn_id: str, line: int, *, explicit: bool) -> None:
        self.id = turn_id
        self.line = line
        self.explicit = explicit
        self.status: Literal["completed", "failed", "interrupted", "unfinished"] = (
            "unfinished" if explicit else "completed"
        )
        self.rolled_back = False
        self.used = _NOTHING


class Ledger:
    """The turns of one file, line by line. ``total``: the newest sums."""

    def __init__(self, notebook: Notebook) -> None:
        self.total: TokenUsageBreakdown | None = None
        self._sums = _NOTHING
        self._turns: list[_Turn] = []
        self._by_id: dict[str, _Turn] = {}
        self._open: _Turn | None = None
        self._position = -1
        self._notebook = notebook

    def feed(self, line: int, entry: Entry) -> None:
        """Take the next entry, which stands in this line."""
        self._position += 1
        match entry:
            case events.TaskStarted():
                self._begin(_Turn(entry.turn_id, line, explicit=True))
            case events.TaskComplete():
                self._complete(line, self._by_id.get(entry.turn_id))
            case events.TurnAborted():
                self._stop(self._by_id.get(entry.turn_id or ""))
            case events.Error() if self._open is not None and not is_harmless(entry):
                self._open.status = "failed"
            case events.ThreadRolledBack():
                self._roll_back(entry.num_turns)
            case events.TokenCount() if entry.info is not None:
                self._count(entry.info.total_token_usage)
            case _ if user_text(entry) is not None:
                self._said(line)
            case _:
                pass

    def _begin(self, turn: _Turn) -> None:
        self._turns.append(turn)
        self._by_id[turn.id] = turn
        self._open = turn

    def _said(self, line: int) -> None:
        if self._open is None or not self._open.explicit:
            self._begin(_Turn(f"rollout-{self._position}", line, explicit=False))

    def _complete(self, line: int, named: _Turn | None) -> None:
        turn = named or self._open
        if turn is None:
            return
        if turn is not self._open and self._open is not None and turn.status == self._open.status == "unfinished":
            text = f"turn {turn.id} ends while turn {self._open.id} runs: two programs wrote at the same time"
            self._notebook.note("overlapping-turns", line, text)
        if turn.status == "unfinished":
            turn.status = "completed"
        if turn is self._open:
            self._open = None

    def _stop(self, named: _Turn | None) -> None:
        turn = named or self._open
        if turn is not None:
            turn.status = "interrupted"

    def _roll_back(self, count: int) -> None:
        self._open = None
        standing = [turn for turn in self._turns if not turn.rolled_back]
        for turn in standing[max(0, len(standing) - count) :]:
            turn.rolled_back = True

    def _count(self, total: events.TokenUsage) -> None:
        self.total = breakdown(total)
        sums: Sums = astuple(self.total)
        turn = self._open or (self._turns[-1] if self._turns else None)
        if turn is not None:
            grown = (max(0, new - old) for new, old in zip(sums, self._sums, strict=True))
            turn.used = tuple(used + more for used, more in zip(turn.used, grown, strict=True))
        self._sums = sums

    @property
    def open_since(self) -> int | None:
        """The line in which the turn begins that has not ended; None if there is none."""
        return self._open.line if self._open is not None else None

    def close(self, *, running: bool) -> None:
        """Note the turns that never ended; not the last one if it may be running."""
        for turn in self._turns:
            if turn.status == "unfinished" and not (running and turn is self._open):
                text = f"turn {turn.id} begins here and never ends; it is shown as interrupted"
                self._notebook.note("unfinished-turn", turn.line, text)

    def turns(self) -> list[TurnUse]:
        """All turns, the rolled back ones too: what they used was used."""
        return [
            TurnUse(
                turn_id=turn.id,
                line=turn.line,
                status=turn.status,
                rolled_back=turn.rolled_back,
                usage=_breakdown(turn.used),
            )
            for turn in self._turns
        ]


def _breakdown(sums: Sums) -> TokenUsageBreakdown:
    return TokenUsageBreakdown(**dict(zip(TokenUsageBreakdown.__struct_fields__, sums, strict=True)))
