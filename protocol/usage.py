"""Token usage on the wire."""

from __future__ import annotations

from protocol.wire import Wire


class TokenUsageBreakdown(Wire):
    """Counters of one scope, in tokens."""

    total_tokens: int
    input_tokens: int
    cached_input_tokens: int
    cache_write_input_tokens: int = 0
    output_tokens: int
    reasoning_output_tokens: int


class ThreadTokenUsage(Wire):
    """``total`` since the thread began, ``last`` of the newest model response; all in tokens, the window too."""

    total: TokenUsageBreakdown
    last: TokenUsageBreakdown
    model_context_window: int | None


class UsageReadParams(Wire):
    """What did the turns of this thread cost?"""

    thread_id: str


class TurnUsage(Wire):
    """What one turn cost; a turn that no response was counted in is left out of lists."""

    turn_id: str
    usage: TokenUsageBreakdown


class UsageReadResponse(Wire):
    """``usage``: as it is replayed to who attaches; null before the first response. ``turns``: oldest first."""

    usage: ThreadTokenUsage | None
    turns: list[TurnUsage]


class UsageListParams(Wire):
    """What have these threads used? Up to 100 ids."""

    thread_ids: list[str]


class UsageListResponse(Wire):
    """By thread id; threads that have used nothing, or do not exist, are not there."""

    usage: dict[str, ThreadTokenUsage]


class ThreadTokenUsageUpdatedNotification(Wire):
    """Live: to all subscribers after each model response. Replayed: to one connection, after its reply."""

    thread_id: str
    turn_id: str
    token_usage: ThreadTokenUsage
