"""Read states: the first turn of a thread that a person has not seen, and how clients change it."""

from __future__ import annotations

from protocol.wire import Wire


class UnreadTurn(Wire, tag="turn"):
    """The earliest turn whose result nobody has looked at."""

    turn_id: str


class UnreadThread(Wire, tag="threadStart"):
    """Marked unread by hand, as a whole."""


UnreadPosition = UnreadTurn | UnreadThread


class ThreadReadState(Wire):
    """Null is read. ``revision`` is another after each change; who changes the state names the one it has seen."""

    first_unread: UnreadPosition | None = None
    revision: str


class MarkRead(Wire, tag="read"):
    """All of it was seen."""


class MarkUnread(Wire, tag="unread"):
    """A person wants to come back to it."""


class ThreadReadStateUpdateParams(Wire):
    """``expected_revision``: of the state that was on the screen."""

    thread_id: str
    expected_revision: str
    operation: MarkRead | MarkUnread


class ThreadReadStateUpdateResponse(Wire):
    """The state after the change."""

    read_state: ThreadReadState


class ThreadReadStateChangedNotification(Wire):
    """A turn ended with a result, or somebody marked the thread."""

    thread_id: str
    read_state: ThreadReadState


class ReadStateConflict(Wire):
    """``data`` of the refusal of a change to a state that the caller has not seen."""

    reason: str = "readStateConflict"
    read_state: ThreadReadState
