"""Rate limits as a back end tells them in its response headers. Must not know: requests, events, threads."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from rollout.events import Credits, RateLimits, RateLimitWindow

_FAMILY = re.compile(r"x-(?P<family>[a-z0-9-]+)-(?:primary|secondary)-used-percent")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def read_rate_limits(headers: Mapping[str, str]) -> list[RateLimits]:
    """One snapshot per family ``x-<family>-primary-used-percent``; ``codex`` comes first and always, null if need be.

    Header names must be lower-case. Observed: spec, turns 1.3.
    """
    families = {found["family"] for name in headers if (found := _FAMILY.fullmatch(name))}
    return [_snapshot(headers, family) for family in ("codex", *sorted(families - {"codex"}))]


def _snapshot(headers: Mapping[str, str], family: str) -> RateLimits:
    return RateLimits(
        limit_id=family.replace("-", "_"),
        limit_name=headers.get(f"x-{family}-limit-name"),
        primary=_window(headers, f"x-{family}-primary"),
        secondary=_window(headers, f"x-{family}-secondary"),
        credits=_credits(headers, f"x-{family}-credits"),
    )


def _window(headers: Mapping[str, str], prefix: str) -> RateLimitWindow | None:
    used = _number(headers.get(f"{prefix}-used-percent"))
    minutes = _number(headers.get(f"{prefix}-window-minutes"))
    resets = _number(headers.get(f"{prefix}-reset-at"))
    if used is None or not (used or minutes or resets):
        return None
    return RateLimitWindow(
        used_percent=used,
        window_minutes=None if minutes is None else int(minutes),
        resets_at=None if resets is None else int(resets),
    )


def _credits(headers: Mapping[str, str], prefix: str) -> Credits | None:
    has = _TRUTH.get(headers.get(f"{prefix}-has-credits", "").lower())
    unlimited = _TRUTH.get(headers.get(f"{prefix}-unlimited", "").lower())
    if has is None or unlimited is None:
        return None
    return Credits(has_credits=has, unlimited=unlimited, balance=headers.get(f"{prefix}-balance", "").strip() or None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
