"""A tool's output cut to what a model may be given: the beginning and the end stay. Pure.

Sizes are bytes of UTF-8; four of them count as a token, as everywhere that no model is asked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rollout.estimate import BYTES_PER_TOKEN
from server.engine.settings import Settings


class Budget(NamedTuple):
    """How much may stay. ``in_tokens`` says what the mark in the gap counts: tokens or characters."""

    size: int
    in_tokens: bool

    @classmethod
    def of_tokens(cls, tokens: int) -> Budget:
        """So many tokens."""
        return cls(tokens * BYTES_PER_TOKEN, True)

    @classmethod
    def of(cls, settings: Settings) -> Budget:
        """What one output may have in a turn with these settings."""
        if settings.keys.tool_output_token_limit is not None:
            return cls.of_tokens(settings.keys.tool_output_token_limit)
        return cls(settings.known.output_limit, settings.known.known)

    def stored(self) -> dict[str, Any]:
        """As a rollout keeps it."""
        if self.in_tokens:
            return {"mode": "tokens", "limit": self.size // BYTES_PER_TOKEN}
        return {"mode": "bytes", "limit": self.size}

    def at_most(self, tokens: int | None) -> Budget:
        """The same, unless that many tokens are less; None is no wish."""
        if tokens is None or tokens * BYTES_PER_TOKEN >= self.size:
            return self
        return self._replace(size=max(0, tokens) * BYTES_PER_TOKEN)


def token_count(size: int) -> int:
    """What so many bytes count as."""
    return -(-size // BYTES_PER_TOKEN)


def truncated(text: str, budget: Budget) -> str:
    """The text, without its middle where it is too long; a mark says how much is missing."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= budget.size:
        return text
    first = budget.size // 2
    head = encoded[:first].decode(errors="ignore")
    tail = encoded[len(encoded) - (budget.size - first) :].decode(errors="ignore")
    if budget.in_tokens:
        gap = f"…{token_count(len(encoded) - budget.size)} tokens truncated…"
    else:
        gap = f"…{len(text) - len(head) - len(tail)} chars truncated…"
    return head + gap + tail


def with_line_count(text: str, budget: Budget) -> str:
    """The same; what is cut says first how many lines it had."""
    shown = truncated(text, budget)
    return shown if shown is text else f"Total output lines: {len(text.splitlines())}\n\n{shown}"
