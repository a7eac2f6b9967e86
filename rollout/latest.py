"""What the newest lines of a rollout say of its thread: its name, its settings, when its last turn began. Pure.

Fed with every line of the file; decodes only the newest line of each kind.
"""

from __future__ import annotations

import msgspec

from protocol.wire import Record
from rollout.cursors import time_to_milliseconds
from rollout.events import TaskStarted, ThreadSettingsApplied
from rollout.lines import Entry, TurnContext, decode_line
from rollout.mapping import optional
from rollout.model_items import as_object
from rollout.names import NAME_EVENT, named_by
from rollout.times import moment_of

_START = 160
"""Bytes of a line in which its kind stands."""

_TURNS = (b'"task_started"', b'"turn_started"')
_SETTINGS = (b'"turn_context"', b'"thread_settings_applied"')


class Latest(Record):
    """``name``: the last one recorded. ``turn_ms``: when the last turn began, in unix milliseconds; None before the
    first. ``model`` and ``effort``: what the thread runs with.
    """

    name: str | None = None
    turn_ms: int | None = None
    model: str | None = None
    effort: str | None = None


class _Time(Record):
    timestamp: str


_time = msgspec.json.Decoder(_Time)


class Newest:
    """Looks for the newest lines of a thread, going on from what was found ``before``."""

    def __init__(self, thread_id: str, before: Latest | None = None) -> None:
        self._thread_id = thread_id
        self._found = before or Latest()
        self._turn = b""
        self._settings = b""

    def feed(self, raw: bytes) -> None:
        """Take the next line."""
        if NAME_EVENT in raw:
            name = named_by(raw, self._thread_id)
            if name is not None:
                self._found = msgspec.structs.replace(self._found, name=name)
        start = raw[:_START]
        if any(mark in start for mark in _TURNS):
            self._turn = raw
        elif any(mark in start for mark in _SETTINGS):
            self._settings = raw

    def latest(self) -> Latest:
        """What was found so far."""
        found = self._found
        if self._turn and isinstance(decode_line(self._turn), TaskStarted):
            found = msgspec.structs.replace(found, turn_ms=line_ms(self._turn))
        settings = settings_of(decode_line(self._settings)) if self._settings else None
        if settings is not None:
            found = msgspec.structs.replace(found, model=settings[0], effort=settings[1])
        self._found, self._turn, self._settings = found, b"", b""
        return found


def settings_of(entry: Entry | None) -> tuple[str, str | None] | None:
    """Model and reasoning effort that an entry says the thread runs with; None if it says nothing of them."""
    match entry:
        case TurnContext():
            return entry.model, optional(entry.effort) or _effort(optional(entry.collaboration_mode))
        case ThreadSettingsApplied(thread_settings={"model": str(model), **rest}):
            effort = rest.get("reasoning_effort")
            return model, str(effort) if effort else None
        case _:
            return None


def _effort(mode: object) -> str | None:
    effort = as_object(as_object(mode).get("settings")).get("reasoning_effort")
    return str(effort) if effort else None


def line_ms(raw: bytes) -> int | None:
    """When a line was written, in unix milliseconds; None if it does not say."""
    moment = moment_of(_time.decode(raw).timestamp)
    return None if moment is None else time_to_milliseconds(moment)
