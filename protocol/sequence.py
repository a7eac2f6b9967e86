"""Numbers of a thread's notifications: where a client was when it lost its connection, and what it is told then."""

from __future__ import annotations

from protocol.wire import UNSET, UnsetType, Wire

EXTENSION = "threadcast/sequence"
"""Member of ``capabilities.extensions``: true asks for numbers."""


class Position(Wire):
    """The place of one notification among those of its thread: the last one that a client saw.

    ``epoch`` names the time since the thread was loaded; numbers of another one mean nothing. They grow, though not
    always by one: what only newer versions know has a number too, and for a client that does not keep up several
    notifications become one, with the number of the last.
    """

    epoch: str
    number: int


class Number(Position):
    """The ``sequence`` of a notification. ``replay``: it was missed, and comes again for this connection only."""

    replay: bool | UnsetType = UNSET


class Resumed(Position):
    """Where a resume ends: what follows has greater numbers.

    ``complete``: what was missed comes next, and the reply holds no turns. If false the position that was asked for is
    not remembered any more: the reply is the whole of the thread.
    """

    complete: bool
