"""What an attaching connection gets. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.frames import Message, Question
from protocol.sequence import Resumed
from protocol.thread import Thread
from protocol.turn import Turn
from protocol.wire import UNSET, UnsetType
from server.threads.replay import Replay


@dataclass(frozen=True)
class Snapshot:
    """What an attaching connection gets: the thread and its turns as of now, and the usage replay after the reply."""

    thread: Thread
    turns: list[Turn]
    replay: Replay
    questions: Sequence[Question] = ()
    """What waits for an answer of any subscriber."""
    sequence: Resumed | UnsetType = UNSET
    """The place of the snapshot among the thread's notifications, for a connection that wants their numbers."""
    missed: Sequence[Message] = ()
    """What such a connection missed; then ``thread`` holds no turns, and there is no replay."""
