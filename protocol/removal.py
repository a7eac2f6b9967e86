"""Less of a thread, or nothing of it: params, results and notifications of thread/revert and thread/delete."""

from __future__ import annotations

from protocol.thread import Thread
from protocol.wire import Wire


class ThreadRevertParams(Wire):
    """Take back this turn and all later ones. Files that they changed stay changed."""

    thread_id: str
    before_turn_id: str


class ThreadRevertResponse(Wire):
    """The thread, without turns. The cursors lead from the end of what is left backwards; null if nothing is."""

    thread: Thread
    turns_backwards_cursor: str | None
    items_backwards_cursor: str | None
