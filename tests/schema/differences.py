"""Where we answer a request that the schema allows otherwise than the released server of that version, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """``peer`` and ``ours`` match the words of an answer from their beginning; the empty text is an accepted request.

    ``methods``: a pattern as well. ``versions``: of the peer.
    """

    methods: str
    peer: str
    ours: str
    reason: str
    versions: tuple[str, ...] = ("0.125.0", "0.169.0")

    def covers(self, version: str, method: str, peer: str, ours: str) -> bool:
        """Whether this row is about these answers."""
        words = (self.methods, method), (self.peer, peer), (self.ours, ours)
        return version in self.versions and all(re.fullmatch(f"(?:{pattern})", text, re.S) for pattern, text in words)


NEWER = ("0.169.0",)

DIFFERENCES = (
    Difference(
        "account/rateLimits/read",
        "codex account authentication required.*",
        "",
        "the server's own key pays: there are limits to read without anybody's account",
    ),
    Difference(
        "thread/start|turn/start",
        "Invalid request: AbsolutePathBuf deserialized without a base path.*",
        "unknown turn environment id .*|invalid thread id.*",
        "environments are refused in any case, as there is none; what else is wrong with one does not matter",
    ),
    Difference(
        "thread/start",
        "failed to load configuration: invalid permission_profile override.*|"
        "failed to load configuration: default_permissions requires.*",
        "",
        "what a profile permits is enforced by who runs tools; we run none",
    ),
    Difference(
        "thread/resume",
        "",
        r"history\[0\] is not a valid response item: .*",
        "kinds and forms of model items that rollouts of the older version cannot hold",
    ),
)
