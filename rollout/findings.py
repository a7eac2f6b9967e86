"""What an examination of a rollout says. Values only; as JSON they have these members, in camelCase."""

from __future__ import annotations

from typing import Literal

from protocol.usage import TokenUsageBreakdown
from protocol.wire import Wire

FindingKind = Literal[
    "torn-tail",
    "no-newline",
    "not-json",
    "glued",
    "incomplete-line",
    "empty",
    "no-meta",
    "late-meta",
    "second-meta",
    "foreign-meta",
    "other-name",
    "unanswered-call",
    "stray-output",
    "unfinished-turn",
    "overlapping-turns",
    "ordinal",
]

REPAIRABLE: frozenset[FindingKind] = frozenset({"torn-tail", "no-newline", "not-json", "glued"})
"""What a repair mends. All else is left as it is: what is not there cannot be written in its place."""

MOST_OF_A_KIND = 100
"""Findings of one kind that are told one by one; all are counted."""


UNREADABLE = "(unreadable)"
"""The kind of what has none."""


class Finding(Wire):
    """One thing that is not as it should be. ``line`` counts from 1, blank lines too; null: of the whole file."""

    kind: FindingKind
    line: int | None
    text: str


class KindCount(Wire):
    """How many lines of a kind there are, and their bytes. ``known``: this version knows what the kind means."""

    kind: str
    lines: int
    bytes: int
    known: bool


class TurnUse(Wire):
    """What a turn used, in tokens. ``line``: where it begins. Input holds the cached, output the reasoning tokens."""

    turn_id: str
    line: int
    status: Literal["completed", "failed", "interrupted", "unfinished"]
    rolled_back: bool
    usage: TokenUsageBreakdown


class Report(Wire):
    """An examination. ``total``: the usage the file ends with, null if it never says; ``counts``: all findings."""

    path: str
    thread_id: str | None
    paginated: bool
    lines: int
    bytes: int
    kinds: list[KindCount]
    turns: list[TurnUse]
    total: TokenUsageBreakdown | None
    findings: list[Finding]
    counts: dict[FindingKind, int]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    @property
    def is_repairable(self) -> bool:
        """Whether a repair would change the file."""
        return not REPAIRABLE.isdisjoint(self.counts)


class Notebook:
    """Findings in the order in which they are made; past :data:`MOST_OF_A_KIND` of a kind they are only counted."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.counts: dict[FindingKind, int] = {}

    def note(self, kind: FindingKind, line: int | None, text: str) -> None:
        """Enter one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= MOST_OF_A_KIND:
            self.findings.append(Finding(kind=kind, line=line, text=text))
