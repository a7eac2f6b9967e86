"""A copy of a thread under a new id. Pure; the source is not touched."""

from __future__ import annotations

from collections.abc import Iterable

from rollout.events import TurnAborted
from rollout.history import is_mid_turn as is_mid_turn
from rollout.history import rebuild
from rollout.lines import Entry, OtherItem, ResponseItem, SessionMeta
from rollout.paginated import StoredItem
from rollout.reader import Rollout

_MARKER = (
    "<turn_aborted>\nThis conversation was copied while the turn above was still running. The copy stops here: "
    "commands of that turn may have run in part, or may still run.\n</turn_aborted>"
)


def copy(rollout: Rollout, meta: SessionMeta) -> list[Entry]:
    """The entries of the child: its own ``meta``, all of the source, and, if that stops mid-turn, an end of its turn.

    ``rollout`` must hold its model items. The end has no times: nobody knows when the copied turn will have ended.
    """
    copied = [kept for entry in rollout.entries for kept in _kept(entry)]
    return [meta, *copied, *(_interruption(rollout.entries) if is_mid_turn(rollout.entries) else ())]


def _kept(entry: Entry) -> Iterable[Entry]:
    """What a copy holds of an entry: it is written in the legacy form, whatever the source's."""
    if isinstance(entry, OtherItem):
        return ()
    return entry.events if isinstance(entry, StoredItem) else (entry,)


def _interruption(entries: list[Entry]) -> tuple[ResponseItem, TurnAborted]:
    content = [{"type": "input_text", "text": _MARKER}]
    marker = ResponseItem(payload={"type": "message", "role": "user", "content": content})
    return marker, TurnAborted(turn_id=rebuild(entries).open_turn_id, reason="interrupted")
