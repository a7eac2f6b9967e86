"""A loaded thread's status, derived from facts. Knows no event and no connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from protocol.thread import Active, ActiveFlag, Failed, Idle, ThreadStatus


@dataclass
class Status:
    """``running``: a turn is under way. ``failed``: the last one ended with an error. Running outranks failed.

    ``approvals`` and ``inputs`` count the questions that wait for a person.
    """

    running: bool = False
    failed: bool = False
    approvals: int = 0
    inputs: int = 0

    def waiting(self, what: Literal["approval", "input"] | None, more: int) -> Status:
        """The status when so many more questions of this kind wait."""
        approvals = self.approvals + (more if what == "approval" else 0)
        return replace(self, approvals=approvals, inputs=self.inputs + (more if what == "input" else 0))

    def wire(self) -> ThreadStatus:
        """The status as clients see it."""
        if self.running or self.approvals or self.inputs:
            flags: list[ActiveFlag] = ["waitingOnApproval"] if self.approvals else []
            return Active(active_flags=[*flags, "waitingOnUserInput"] if self.inputs else flags)
        return Failed() if self.failed else Idle()
