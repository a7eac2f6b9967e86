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


class ThreadTokenUsageUpdatedNotification(Wire):
    """Live: to all subscribers after each model response. Replayed: to one connection, after its reply."""

    thread_id: str
    turn_id: str
    token_usage: ThreadTokenUsage
