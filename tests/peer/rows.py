"""What rows the table of intended differences is made of. Knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from tests.peer.player import Heard

ABSENT = "<absent>"
"""Stands for a member that is not there."""

Side = Literal["ours", "theirs"]
Right = Literal["ours", "either"]
"""Who does what is right. Where the peer is, there is no row: we do as it does."""


@dataclass(frozen=True)
class Field:
    """A member of a message that has another value. ``kind`` is a pattern; in ``place`` ``*`` is any list index, and
    two dots at the beginning stand for any depth."""

    name: str
    reason: str
    kind: str
    place: str
    when: Callable[[Any, Any], bool] = lambda _ours, _theirs: True
    only: tuple[str, ...] = ()
    right: Right = "ours"

    def covers(self, kind: str, place: str, ours: Any, theirs: Any) -> bool:
        """Whether this row is about such a difference."""
        return self.is_of(kind) and self.is_at(place) and self.when(ours, theirs)

    def is_of(self, kind: str) -> bool:
        """Whether this row is about messages of this kind."""
        return fnmatchcase(kind, self.kind)

    def is_at(self, place: str) -> bool:
        """Whether this row is about such members."""
        return place == self.place or (self.place.startswith("..") and place.endswith(self.place[1:]))


@dataclass(frozen=True)
class Extra:
    """A message that only one side sends. ``kind`` is a pattern; ``when`` sees the message and what the connection had
    heard before.

    ``sometimes``: it depends on how its tasks happen to run, so the row may be idle in a run.
    """

    name: str
    reason: str
    side: Side
    kind: str
    when: Callable[[Any, Sequence[Heard]], bool] = lambda _body, _before: True
    only: tuple[str, ...] = ()
    sometimes: bool = False
    right: Right = "ours"

    def covers(self, side: str, heard: Heard, before: Sequence[Heard]) -> bool:
        """Whether this is such a message."""
        return side == self.side and fnmatchcase(heard.kind, self.kind) and self.when(heard.body, before)


@dataclass(frozen=True)
class Verdict:
    """A request that one side grants and the other refuses. ``method`` is a pattern."""

    name: str
    reason: str
    method: str
    ours: Literal["answered", "refused"]
    only: tuple[str, ...]
    right: Right = "ours"

    def covers(self, side: str, heard: Heard, _before: Sequence[Heard]) -> bool:
        """Whether this is that answer."""
        theirs = "refused" if self.ours == "answered" else "answered"
        return fnmatchcase(heard.kind, f"{self.method} {self.ours if side == 'ours' else theirs}")


Difference = Field | Extra | Verdict
