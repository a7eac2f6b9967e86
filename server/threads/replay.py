"""The usage replay of an attach: whether it is sent, which turn it names, and why. Pure but for one log line.

Two representations, never mixed: ``token_count`` lines are the durable one; the snapshot in memory, seeded from them,
is what is replayed. A replay goes to one connection and never through the path that records.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from protocol.frames import Message
from protocol.turn import Turn
from rollout.usage import Usage, attribute
from server.threads.translate import usage_frame

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Replay:
    """``frame`` is None when there is nothing to replay; ``reason`` says why it is sent so, or not."""

    frame: Message | None
    turn_id: str | None
    reason: str


CAUGHT_UP = Replay(None, None, "caught-up-by-missed-notifications")


def decide(usage: Usage, turns: list[Turn], thread_id: str, connection: int) -> Replay:
    """Decide what usage replay a connection that attaches to this thread gets, and log the decision."""
    if usage.info is None:
        replay = Replay(None, None, "no-usage-in-rollout")
    else:
        turn_id, reason = attribute(usage.owner, turns)
        replay = Replay(usage_frame(thread_id, turn_id, usage.info), turn_id, reason)
    _log.info(
        "usage_replay",
        decision="sent" if replay.frame else "not sent",
        reason=replay.reason,
        connection=connection,
        thread=thread_id,
        turn=replay.turn_id,
    )
    return replay
