"""Input that came before: the turn that has it, by the id that its client gave it. Knows no handler and no socket."""

from __future__ import annotations

from msgspec.structs import replace

from protocol.turn import Turn as WireTurn
from rollout.history import History
from server.engine.turn import Turn
from server.threads.translate import begun_turn


def turn_with(client_id: str | None, running: Turn | None, history: History) -> WireTurn | None:
    """The turn that took this input or is about to, without its items; None if there is none, or no id.

    What an interrupted turn discarded and what was rolled back is in no turn. A fork has what was copied.
    """
    if not client_id:
        return None
    if running is not None and running.waits(client_id):
        return begun_turn(running.id)
    turn = history.turn_with(client_id)
    if turn is None:
        return None
    is_over = turn.status == "inProgress" and (running is None or running.id != turn.id)
    return replace(turn, items=[], items_view="notLoaded", status="interrupted" if is_over else turn.status)
