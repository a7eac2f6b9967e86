"""Cursors of lists: a time and the id of the thread it belongs to, so that none of the same second is lost. Pure.

Written as ``2025-01-05T12:00:10.123Z~<thread id>``, with ``+`` at the end if that thread is part of the next page.
A bare time, in this form or as in file names, stands for all threads of that time: they are not part of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class InvalidCursor(ValueError):
    """The text is no cursor."""


class Key(NamedTuple):
    """What a list is ordered by: unix milliseconds, then thread id."""

    milliseconds: int
    thread_id: str


class Cursor(NamedTuple):
    """A place in a list. Without an id: before and after all entries of that millisecond."""

    milliseconds: int
    thread_id: str | None = None
    inclusive: bool = False

    def passes(self, key: Key, *, descending: bool) -> bool:
        """Whether an entry comes after this place, going in this direction."""
        if self.thread_id is None:
            return key.milliseconds != self.milliseconds and (key.milliseconds < self.milliseconds) == descending
        here = (self.milliseconds, self.thread_id)
        return self.inclusive if key == here else (key < here) == descending


def write(key: Key, *, inclusive: bool = False) -> str:
    """The cursor at an entry; ``inclusive``: the page that begins there holds it."""
    moment = milliseconds_to_time(key.milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{moment}~{key.thread_id}{'+' if inclusive else ''}"


def parse(text: str) -> Cursor:
    """Read a cursor. Raises :class:`InvalidCursor`."""
    moment, tilde, rest = text.partition("~")
    thread_id = rest.removesuffix("+")
    if "|" in text or (tilde and not thread_id):
        raise InvalidCursor(text)
    return Cursor(_milliseconds(moment, text), thread_id or None, rest.endswith("+"))


def _milliseconds(moment: str, text: str) -> int:
    try:
        return time_to_milliseconds(datetime.strptime(moment, "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC))
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(moment)
    except ValueError:
        raise InvalidCursor(text) from None
    if "T" not in moment or time.tzinfo is None:
        raise InvalidCursor(text)
    return time_to_milliseconds(time)


def time_to_milliseconds(moment: datetime) -> int:
    """Unix milliseconds of a time with a zone."""
    return (moment - _EPOCH) // _MILLISECOND


def local_milliseconds(moment: datetime) -> int:
    """Unix milliseconds of a local time, taken for UTC."""
    return time_to_milliseconds(moment.replace(tzinfo=UTC))


def within_reach(milliseconds: int) -> int:
    """The nearest unix milliseconds that can be written as a time: file systems know more."""
    return min(max(milliseconds, _FIRST), _LAST)


def milliseconds_to_time(milliseconds: int) -> datetime:
    """The time (UTC) of unix milliseconds."""
    return _EPOCH + milliseconds * _MILLISECOND


_FIRST = time_to_milliseconds(datetime.min.replace(tzinfo=UTC))
_LAST = time_to_milliseconds(datetime.max.replace(tzinfo=UTC))
