"""Rate limits in response headers."""

from __future__ import annotations

import pytest

from rollout.events import Credits, RateLimits, RateLimitWindow
from server.providers.rate_limits import read_rate_limits


def test_no_header_still_makes_a_snapshot() -> None:
    assert read_rate_limits({}) == [RateLimits(limit_id="codex")]


def test_windows_and_credits_are_read() -> None:
    found = read_rate_limits(
        {
            "x-codex-primary-used-percent": "12.5",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": "1795400000",
            "x-codex-secondary-used-percent": "40",
            "x-codex-credits-has-credits": "True",
            "x-codex-credits-unlimited": "false",
            "x-codex-credits-balance": " 3.5 ",
        }
    )
    primary = RateLimitWindow(used_percent=12.5, window_minutes=300, resets_at=1795400000)
    assert found == [
        RateLimits(
            limit_id="codex",
            primary=primary,
            secondary=RateLimitWindow(used_percent=40.0),
            credits=Credits(has_credits=True, unlimited=False, balance="3.5"),
        )
    ]


@pytest.mark.parametrize("used", ["", "much", "nan", "inf", "0"])
def test_a_window_that_says_nothing_is_none(used: str) -> None:
    assert read_rate_limits({"x-codex-primary-used-percent": used})[0].primary is None


def test_other_families_follow() -> None:
    found = read_rate_limits({"x-codex-other-primary-used-percent": "7", "x-codex-other-limit-name": "Other"})
    assert [limits.limit_id for limits in found] == ["codex", "codex_other"]
    assert found[1].limit_name == "Other"
