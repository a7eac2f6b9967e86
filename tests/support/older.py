"""What a client of any version hears, without the members that the oldest does not know: what tests of all compare.

That the newer members are there, and are right, is for the schema check.
"""

from __future__ import annotations

from typing import Any

NEWER = frozenset({"cacheWriteInputTokens", "clientId", "detail", "itemsView", "misalignment", "rootTurnId"})
"""Members that clients of 0.125.0 do not hear, wherever they stand."""


def older(value: Any) -> Any:
    """The same value without them, at any depth."""
    if isinstance(value, dict):
        return {name: older(each) for name, each in value.items() if name not in NEWER}
    if isinstance(value, list):
        return [older(each) for each in value]
    return value
