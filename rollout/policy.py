"""Which events reach the disk, and in what form. Pure; knows no file.

We always record what the peer calls the extended set: errors and the ends of commands, patches and tools.
"""

from __future__ import annotations

from typing import TypeGuard, TypeVar, get_args

import msgspec

from rollout.events import DurableEvent, Event, ExecCommandEnd
from rollout.lines import Compacted, Entry, ResponseItem, SessionMeta, TurnContext
from rollout.model_items import is_known
from rollout.paginated import StoredItem

OUTPUT_LIMIT = 10_000
"""Bytes of a command's output that are kept."""

_KEPT = frozenset(get_args(DurableEvent)) | {SessionMeta, TurnContext, Compacted}


def is_recorded(entry: Entry | Event) -> TypeGuard[Entry]:
    """Whether this entry or event is written: not live events, not model items of a kind we do not know."""
    if isinstance(entry, ResponseItem):
        return is_known(entry.payload)
    if isinstance(entry, StoredItem):
        return entry.payload is not None
    return type(entry) in _KEPT


E = TypeVar("E", bound="Entry | Event")


def sanitise(event: E) -> E:
    """The event in its stored form: a command's output is cut in the middle to :data:`OUTPUT_LIMIT` bytes, once."""
    if not isinstance(event, ExecCommandEnd):
        return event
    return msgspec.structs.replace(
        event, stdout="", stderr="", formatted_output="", aggregated_output=cut(event.aggregated_output, OUTPUT_LIMIT)
    )


def cut(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` bytes: head and tail, with a note in between of how much is missing."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return text
    note = f"\n[... {len(encoded) - limit} bytes left out ...]\n"
    kept = max(0, limit - len(note.encode()) - 8)
    head, tail = encoded[: kept // 2], encoded[len(encoded) - (kept - kept // 2) :]
    return head.decode(errors="ignore") + note + tail.decode(errors="ignore")
