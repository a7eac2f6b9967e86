"""Reviews: what the model is to look at, and the turn in which it does."""

from __future__ import annotations

from typing import Literal

from protocol.turn import Turn
from protocol.wire import Wire


class UncommittedChanges(Wire, tag="uncommittedChanges"):
    """All that differs from the last commit: staged, not staged and not tracked."""


class BaseBranch(Wire, tag="baseBranch"):
    """What the working tree has beyond this branch."""

    branch: str


class Commit(Wire, tag="commit"):
    """One commit; ``title`` is only for people."""

    sha: str
    title: str | None = None


class Custom(Wire, tag="custom"):
    """Whatever these words say."""

    instructions: str


ReviewTarget = UncommittedChanges | BaseBranch | Commit | Custom


class ReviewStartParams(Wire):
    """Have the model review something. ``detached``: on a copy of the thread, which the reply names; not in 0.169."""

    thread_id: str
    target: ReviewTarget
    delivery: Literal["inline", "detached"] | None = None


class ReviewStartResponse(Wire):
    """The turn of the review, with one item that says what is reviewed, and the thread that it runs on."""

    turn: Turn
    review_thread_id: str
