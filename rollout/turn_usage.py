"""What each turn of a rollout cost, and what its thread has used: read from ``token_count`` lines, off the event loop.

A turn costs what the sum of the thread grew by while its counts came. ``last`` is never added up: each response leaves
about two counts of it. What was rolled back stays spent, but no turn is left to show it for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from rollout.events import TokenCount, TokenUsage, TokenUsageInfo
from rollout.history import History
from rollout.lines import OTHER_ITEM, decode_line
from rollout.reader import UNREAD_COUNT, skim
from rollout.tail import lines_backwards
from rollout.usage import growth

MOST_READ = 4 << 20
"""Bytes from the end of a file in which its newest usage is looked for; a thread that used any told so there."""

_MARK = b'"token_count"'


class Spent(NamedTuple):
    """``newest``: the usage that the rollout ends with. ``turns``: what each turn that is left cost, in their order."""

    newest: TokenUsageInfo | None
    turns: list[tuple[str, TokenUsage]]


class Spending:
    """Sums up turns while a rollout is read. Feed each entry after its history was fed."""

    def __init__(self) -> None:
        self.newest: TokenUsageInfo | None = None
        self._owner: str | None = None
        self._before: TokenUsage | None = None
        self._spent: dict[str, TokenUsage] = {}

    def feed(self, count: TokenCount, history: History) -> None:
        """Take the next count, which ``history`` has been fed already."""
        if count.info is None:
            return
        owner = history.usage_owner
        if owner is not None and owner.turn_id != self._owner:
            self._owner, self._before = owner.turn_id, self._total
        self.newest = count.info
        if owner is not None:
            self._spent[owner.turn_id] = growth(self._before, count.info.total_token_usage)

    @property
    def _total(self) -> TokenUsage | None:
        return None if self.newest is None else self.newest.total_token_usage

    def of(self, history: History) -> Spent:
        """What was spent, by the turns that are there now."""
        ids = [turn.id for turn in history.turns()]
        return Spent(self.newest, [(each, self._spent[each]) for each in ids if each in self._spent])


def spent(path: Path) -> Spent:
    """What a whole rollout says. Raises :class:`~rollout.reader.RolloutError`, OSError."""
    history, spending = History(), Spending()
    for raw, skimmed in skim(path):
        if skimmed is OTHER_ITEM:
            history.pass_over(1)
            continue
        entry = decode_line(raw) if skimmed is UNREAD_COUNT else skimmed
        if entry is None:
            continue
        history.feed(entry)
        if isinstance(entry, TokenCount):
            spending.feed(entry, history)
    return spending.of(history)


def newest_usage(path: Path) -> TokenUsageInfo | None:
    """The usage that a rollout ends with, read from its end; None if there is none near it. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = 0
        for line in lines_backwards(descriptor):
            size += len(line) + 1
            if _MARK in line[:200] and isinstance(count := decode_line(line), TokenCount) and count.info is not None:
                return count.info
            if size > MOST_READ:
                break
    finally:
        os.close(descriptor)
    return None
