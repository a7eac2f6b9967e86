"""account/read and account/rateLimits/read."""

from __future__ import annotations

from protocol import methods
from protocol.account import GetAccountParams, GetAccountRateLimitsResponse, GetAccountResponse
from protocol.wire import Empty
from server.dispatch import Call, handles


@handles(methods.ACCOUNT_READ)
async def read(_call: Call, _params: GetAccountParams) -> GetAccountResponse:
    """The server's own key pays. A stock TUI would ask somebody without an account to sign in first."""
    return GetAccountResponse(account={"type": "apiKey"}, requires_openai_auth=False)


@handles(methods.ACCOUNT_RATE_LIMITS_READ)
async def read_rate_limits(call: Call, _params: Empty) -> GetAccountRateLimitsResponse:
    """What the provider last said of its limits, to any thread."""
    return call.app.limits.read()
