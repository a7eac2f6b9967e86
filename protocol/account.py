"""Accounts and rate limits."""

from __future__ import annotations

from typing import Any

from protocol.wire import Wire


class GetAccountParams(Wire):
    """Ask who is signed in."""

    refresh_token: bool = False


class GetAccountResponse(Wire):
    """``account`` is null when nobody is; then the client must sign in only if ``requires_openai_auth``."""

    account: dict[str, Any] | None
    user_id: str | None = None
    requires_openai_auth: bool
    workspace_routing: Any = None


class RateLimitWindow(Wire):
    """Use of one window: percent, length in minutes, reset in unix seconds."""

    used_percent: int
    window_duration_mins: int | None = None
    resets_at: int | None = None


class CreditsSnapshot(Wire):
    """Credits of the account."""

    has_credits: bool
    unlimited: bool
    balance: str | None = None


class RateLimitSnapshot(Wire):
    """What the provider last said of its limits; all null when it says nothing."""

    limit_id: str | None = None
    limit_name: str | None = None
    primary: RateLimitWindow | None = None
    secondary: RateLimitWindow | None = None
    credits: CreditsSnapshot | None = None
    normal_model_slug: str | None = None
    individual_limit: Any = None
    spend_control_reached: bool | None = None
    plan_type: str | None = None
    rate_limit_reached_type: str | None = None


class GetAccountRateLimitsResponse(Wire):
    """The newest snapshot, and all of them by limit id."""

    rate_limits: RateLimitSnapshot
    rate_limits_by_limit_id: dict[str, RateLimitSnapshot] | None
    rate_limit_reset_credits: Any = None
    account_id: str | None = None
    ordinary_usage_allowed: bool | None = None
    rate_limit_upsell: Any = None


class AccountRateLimitsUpdatedNotification(Wire):
    """The provider said something new."""

    rate_limits: RateLimitSnapshot
