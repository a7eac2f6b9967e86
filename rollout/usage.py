"""Token usage: what the token_count lines say, the turn they belong to, and the sums. Pure.

Never add up ``last`` over lines: each response leaves about two of them. The newest ``info`` that is not null counts,
be its turn rolled back or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from msgspec.structs import replace

from protocol import account
from protocol.turn import Turn
from protocol.usage import ThreadTokenUsage, TokenUsageBreakdown
from protocol.wire import UNSET, UnsetType
from rollout.events import Credits, RateLimits, RateLimitWindow, TokenCount, TokenUsage, TokenUsageInfo
from rollout.history import History, UsageOwner, rebuild
from rollout.lines import Entry

DEFAULT_LIMIT_ID = "codex"

Reason = Literal["owner-id", "owner-position", "last-finished", "last", "none"]


class Usage:
    """What a thread has used. ``owner``: the turn of the newest token_count, even of one without ``info``."""

    def __init__(self, info: TokenUsageInfo | None = None, owner: UsageOwner | None = None) -> None:
        self.info = info
        self.owner = owner

    @classmethod
    def of(cls, entries: Iterable[Entry], history: History | None = None) -> Usage:
        """The usage that a rollout ends with. ``history``: of the same entries, to spare the work of making it."""
        entries = list(entries)
        owner = (history or rebuild(entries)).usage_owner
        counts = (entry for entry in reversed(entries) if isinstance(entry, TokenCount))
        return cls(next((count.info for count in counts if count.info is not None), None), owner)

    def feed(self, event: TokenCount, history: History) -> None:
        """Take the next token_count, which ``history`` has been fed already."""
        self.info = event.info or self.info
        self.owner = history.usage_owner


def attribute(owner: UsageOwner | None, turns: list[Turn]) -> tuple[str, Reason]:
    """The turn id that usage is shown for, and why that one: ``""`` when there are no turns.

    The owner by its id; else the turn that now has its position (the owner was rolled back); else the last turn that
    is completed or failed; else the last.
    """
    if owner is not None:
        if any(turn.id == owner.turn_id for turn in turns):
            return owner.turn_id, "owner-id"
        if owner.position < len(turns):
            return turns[owner.position].id, "owner-position"
    finished = next((turn.id for turn in reversed(turns) if turn.status in ("completed", "failed")), None)
    if finished is not None:
        return finished, "last-finished"
    return (turns[-1].id, "last") if turns else ("", "none")


def append(info: TokenUsageInfo | None, usage: TokenUsage, window: int | None) -> TokenUsageInfo:
    """The sums after one more response. An unknown window (None) keeps the old one; tokens."""
    total = usage if info is None else _plus(info.total_token_usage, usage)
    return TokenUsageInfo(total_token_usage=total, last_token_usage=usage, model_context_window=_window(info, window))


def recomputed(info: TokenUsageInfo | None, estimate: int, window: int | None) -> TokenUsageInfo:
    """After a compaction or rollback: what was used stays used, and the context now holds about ``estimate`` tokens."""
    total = _only_total(0) if info is None else info.total_token_usage
    return TokenUsageInfo(
        total_token_usage=total, last_token_usage=_only_total(estimate), model_context_window=_window(info, window)
    )


def exceeded(info: TokenUsageInfo | None, window: int) -> TokenUsageInfo:
    """After the model refused because the context is full: it counts as filled."""
    before = 0 if info is None else info.total_token_usage.total_tokens
    return TokenUsageInfo(
        total_token_usage=_only_total(window),
        last_token_usage=_only_total(max(0, window - before)),
        model_context_window=window,
    )


def _window(info: TokenUsageInfo | None, window: int | None) -> int | None:
    return info.model_context_window if window is None and info is not None else window


def _plus(total: TokenUsage, usage: TokenUsage) -> TokenUsage:
    sums: dict[str, Any] = {
        field: _sum(getattr(total, field), getattr(usage, field)) for field in TokenUsage.__struct_fields__
    }
    return TokenUsage(**sums)


def growth(before: TokenUsage | None, after: TokenUsage) -> TokenUsage:
    """How much a sum grew. It never shrinks but where somebody set it anew; then nothing was spent."""
    grown: dict[str, Any] = {
        field: max(0, (getattr(after, field) or 0) - ((getattr(before, field) or 0) if before is not None else 0))
        for field in TokenUsage.__struct_fields__
    }
    return TokenUsage(**grown)


def _sum(one: int | UnsetType, other: int | UnsetType) -> int | UnsetType:
    """What nobody counted stays uncounted."""
    return other if one is UNSET else one if other is UNSET else one + other


def _only_total(tokens: int) -> TokenUsage:
    return TokenUsage(
        input_tokens=0, cached_input_tokens=0, output_tokens=0, reasoning_output_tokens=0, total_tokens=tokens
    )


def to_wire(info: TokenUsageInfo) -> ThreadTokenUsage:
    """Usage in wire form."""
    return ThreadTokenUsage(
        total=breakdown(info.total_token_usage),
        last=breakdown(info.last_token_usage),
        model_context_window=info.model_context_window,
    )


def breakdown(usage: TokenUsage) -> TokenUsageBreakdown:
    """Counters in wire form."""
    return TokenUsageBreakdown(
        total_tokens=usage.total_tokens,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_input_tokens=usage.cache_write_input_tokens or 0,
        output_tokens=usage.output_tokens,
        reasoning_output_tokens=usage.reasoning_output_tokens,
    )


def merge_limits(known: RateLimits | None, news: RateLimits) -> RateLimits:
    """The newest limits; credits and plan stay known when the news do not speak of them."""
    known = known or RateLimits()
    return replace(
        news,
        limit_id=news.limit_id or DEFAULT_LIMIT_ID,
        credits=news.credits or known.credits,
        plan_type=news.plan_type or known.plan_type,
    )


def rate_limits_to_wire(limits: RateLimits) -> account.RateLimitSnapshot:
    """Rate limits in wire form; percentages become whole numbers, halves go up."""
    return account.RateLimitSnapshot(
        limit_id=limits.limit_id,
        limit_name=limits.limit_name,
        primary=_limit_window(limits.primary),
        secondary=_limit_window(limits.secondary),
        credits=_credits(limits.credits),
        plan_type=limits.plan_type,
        rate_limit_reached_type=limits.rate_limit_reached_type,
    )


def _limit_window(window: RateLimitWindow | None) -> account.RateLimitWindow | None:
    if window is None:
        return None
    return account.RateLimitWindow(
        used_percent=math.floor(window.used_percent + 0.5),
        window_duration_mins=window.window_minutes,
        resets_at=window.resets_at,
    )


def _credits(known: Credits | None) -> account.CreditsSnapshot | None:
    if known is None:
        return None
    return account.CreditsSnapshot(has_credits=known.has_credits, unlimited=known.unlimited, balance=known.balance)
