"""A loaded thread's status, derived from facts. Knows no event and no connection."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.thread import Active, Failed, Idle, ThreadStatus


@dataclass
class Status:
    """``running``: a turn is under way. ``failed``: the last one ended with an error. Running outranks failed."""

    running: bool = False
    failed: bool = False

    def wire(self) -> ThreadStatus:
        """The status as clients see it."""
        if self.running:
            return Active()
        return Failed() if self.failed else Idle()
