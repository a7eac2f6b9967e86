"""What the providers last said of their rate limits, over all threads. Knows no connection."""

from __future__ import annotations

from protocol.account import GetAccountRateLimitsResponse, RateLimitSnapshot
from rollout.events import RateLimits
from rollout.usage import DEFAULT_LIMIT_ID, merge_limits, rate_limits_to_wire


class Limits:
    """The newest limits by their id."""

    def __init__(self) -> None:
        self._by_id: dict[str, RateLimits] = {}

    def note(self, news: RateLimits) -> None:
        """A provider said something new."""
        limit_id = news.limit_id or DEFAULT_LIMIT_ID
        self._by_id[limit_id] = merge_limits(self._by_id.get(limit_id), news)

    def read(self) -> GetAccountRateLimitsResponse:
        """All that is known; nulls before anything was said."""
        known = {limit_id: rate_limits_to_wire(limits) for limit_id, limits in self._by_id.items()}
        main = known.get(DEFAULT_LIMIT_ID) or RateLimitSnapshot(limit_id=DEFAULT_LIMIT_ID)
        return GetAccountRateLimitsResponse(rate_limits=main, rate_limits_by_limit_id=known or {DEFAULT_LIMIT_ID: main})
