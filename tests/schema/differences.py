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


OLDER, NEWER = ("0.125.0",), ("0.169.0",)

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
        OLDER,
    ),
    Difference(
        "thread/start",
        "failed to load configuration: invalid permission_profile override.*",
        "",
        "what a profile permits is enforced by who runs tools; we run none",
        OLDER,
    ),
    Difference(
        "thread/start",
        "",
        "dynamic tool (name|namespace) must match .*",
        "0.125.0 takes such names, and every request to a model that is told of them fails",
        OLDER,
    ),
    Difference(
        "thread/start",
        "No models are available.*",
        "",
        "0.125.0 takes an empty name as none, and we do",
        NEWER,
    ),
    Difference(
        "thread/start",
        "projectId must not be empty|project not found: .*|Invalid request: path `.*` is not absolute",
        "|`permissions` cannot be combined with `sandbox`",
        "we know neither projects nor capabilities that a client selects",
        NEWER,
    ),
    Difference(
        "command/exec",
        "",
        "failed to spawn command: no program is named",
        "a program without a name cannot be started, within walls or without; the peer leaves that to its walls",
    ),
    Difference(
        "thread/list",
        "originator filtering is not supported by .*",
        "",
        "what made a thread is in its rollout, and lists may be filtered by it",
        NEWER,
    ),
    Difference(
        "thread/resume",
        "",
        r"history\[0\] is not a valid response item: .*",
        "kinds and forms of model items that rollouts of the older version cannot hold",
    ),
)
