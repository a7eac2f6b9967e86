"""Compares two recordings of one conversation, connection by connection and message by message.

First what may differ between any two runs is taken out (ids, times, paths, texts), then what the table of intended
differences names; whatever else differs is told as a readable diff.
"""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any

from tests.peer.player import Heard, Recording
from tests.peer.rows import ABSENT, Difference, Extra, Field, Verdict

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_MODEL_ID = re.compile(r"\b(?:msg|rs|resp|call|fc)_\w+\b")
_ROLLOUT = re.compile(r"sessions/(?:\d{4}/\d\d/\d\d/)?rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-")
_CLOCKS = frozenset({"createdAt", "updatedAt", "recencyAt", "startedAt", "completedAt", "sectionEnteredAt"})
_FINE_CLOCKS = frozenset({"startedAtMs", "completedAtMs"})
_TEXTS = frozenset({"message", "additionalDetails", "summary"})
_TEXT_OF = re.compile(r".* refused|error|warning|configWarning")


@dataclass
class Outcome:
    """What is left: the differences that nobody intends, as text; and the rows of the table that were needed."""

    unexpected: list[str] = field(default_factory=list)
    used: set[Difference] = field(default_factory=set)


def compare(name: str, ours: Recording, theirs: Recording, table: Sequence[Difference]) -> Outcome:
    """Hold what our server said in this conversation against what the peer said."""
    outcome = Outcome()
    rows = [row for row in table if not row.only or name in row.only]
    sides = (_told(ours, "ours", rows, outcome), _told(theirs, "theirs", rows, outcome))
    for who in ours.heard:
        mine, other = (side[who] for side in sides)
        _mask(mine, other, rows, outcome)
        diff = list(difflib.unified_diff(_shown(other), _shown(mine), "peer", "ours", n=6, lineterm=""))
        if diff:
            outcome.unexpected.append(f"{name}: connection {who}\n" + "\n".join(diff))
    return outcome


# -- what differs between any two runs ---------------------------------------------------------------------------------


def _told(recording: Recording, side: str, rows: Sequence[Difference], outcome: Outcome) -> dict[str, list[Heard]]:
    """What every connection heard, without what only this side says, with names for what is only so this time."""
    told = {who: _without_extras(heard, side, rows, outcome) for who, heard in recording.heard.items()}
    fields = [row for row in rows if isinstance(row, Field)]
    names = {
        recording.names[name]: f"<{name}>" for name in reversed(recording.names) if name not in ("home", "version")
    }
    neutral = _Neutral(recording, names)
    for each in chain.from_iterable(told.values()):
        neutral.meet(each.body, "", [row for row in fields if row.is_of(each.kind)])
    return {who: [neutral.message(each) for each in heard] for who, heard in told.items()}


def _without_extras(heard: list[Heard], side: str, rows: Sequence[Difference], outcome: Outcome) -> list[Heard]:
    kept: list[Heard] = []
    extras = [row for row in rows if isinstance(row, Extra | Verdict)]
    for at, each in enumerate(heard):
        row = next((row for row in extras if row.covers(side, each, heard[:at])), None)
        if row is None:
            kept.append(each)
        else:
            outcome.used.add(row)
    return kept


class _Neutral:
    """Takes out of one side's messages what is only so in this run. ``names`` grows as new ids appear."""

    def __init__(self, recording: Recording, names: dict[str, str]) -> None:
        self._recording = recording
        self._names = names
        self._now = range(int(recording.began), int(time.time()) + 2)

    def meet(self, value: Any, place: str, skipped: Sequence[Field]) -> None:
        """Name new ids in their order, but not yet those at places where the other side may have another one."""
        match value:
            case _ if any(row.is_at(place) for row in skipped):
                return
            case dict():
                for key in sorted(value):
                    self._text(key, "")
                    self.meet(value[key], f"{place}.{key}", skipped)
            case list():
                for each in value:
                    self.meet(each, f"{place}.*", skipped)
            case str():
                self._text(value, "")

    def message(self, heard: Heard) -> Heard:
        """The message as it would be in any run."""
        return Heard(heard.kind, self._value(heard.body, "", bool(_TEXT_OF.fullmatch(heard.kind))))

    def _value(self, value: Any, key: str, texts: bool) -> Any:
        match value:
            case dict():
                return {
                    self._text(each, ""): self._value(value[each], each, texts or key == "error" or each == "error")
                    for each in value
                }
            case list():
                return [self._value(each, key, texts) for each in value]
            case str() if texts and key in _TEXTS:
                return "<text>"
            case str():
                return self._text(value, key)
            case int() if key in _CLOCKS and value in self._now:
                return "<now>"
            case int() if key in _FINE_CLOCKS and value // 1000 in self._now:
                return "<now>"
            case int() | float() if key == "durationMs" and value != SEEDED_MS:
                return "<duration>"
            case _:
                return value

    def _text(self, text: str, key: str) -> str:
        if key in ("userAgent", "cliVersion"):
            return "<version>"
        text = text.replace(str(self._recording.home), "<home>")
        text = _ROLLOUT.sub("sessions/<time>-", text)
        return _MODEL_ID.sub(self._named, _UUID.sub(self._named, text))

    def _named(self, match: re.Match[str]) -> str:
        if match[0] not in self._names:
            self._names[match[0]] = f"<id {1 + sum(name.startswith('<id ') for name in self._names.values())}>"
        return self._names[match[0]]


SEEDED_MS = 2_000
"""How long the turns of prepared threads took."""


# -- what the table names ----------------------------------------------------------------------------------------------


def _mask(ours: list[Heard], theirs: list[Heard], rows: Sequence[Difference], outcome: Outcome) -> None:
    """Take intended differences out of messages that belong together."""
    fields = [row for row in rows if isinstance(row, Field)]
    matcher = difflib.SequenceMatcher(None, [each.kind for each in ours], [each.kind for each in theirs], False)
    for mine, other, size in matcher.get_matching_blocks():
        for one, two in zip(ours[mine : mine + size], theirs[other : other + size], strict=True):
            one.body, two.body = _masked(one.kind, "", one.body, two.body, fields, outcome)


def _masked(kind: str, place: str, ours: Any, theirs: Any, rows: Sequence[Field], outcome: Outcome) -> tuple[Any, Any]:
    if ours == theirs:
        return ours, theirs
    row = next((row for row in rows if row.covers(kind, place, ours, theirs)), None)
    if row is not None:
        outcome.used.add(row)
        return f"<{row.name}>", f"<{row.name}>"
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = {
            key: _masked(kind, f"{place}.{key}", ours.get(key, ABSENT), theirs.get(key, ABSENT), rows, outcome)
            for key in sorted({*ours, *theirs})
        }
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    if isinstance(ours, list) and isinstance(theirs, list):
        both = [
            _masked(kind, f"{place}.*", one, two, rows, outcome)
            for one, two in zip_longest(ours, theirs, fillvalue=ABSENT)
        ]
        return [pair[0] for pair in both], [pair[1] for pair in both]
    return ours, theirs


def _shown(heard: list[Heard]) -> list[str]:
    return list(_lines(heard))


def _lines(heard: list[Heard]) -> Iterator[str]:
    for each in heard:
        yield each.kind
        yield from ("    " + line for line in json.dumps(each.body, indent=1, sort_keys=True).splitlines())
