"""What a client of any version hears, without what the oldest does not know: what tests of all compare.

That the newer members and notifications are there, and are right, is for the schema check and for tests of their own.
"""

from __future__ import annotations

from typing import Any

NEWER = frozenset({"cacheWriteInputTokens", "clientId", "detail", "itemsView", "misalignment", "rootTurnId"})
"""Members that clients of 0.125.0 do not hear, wherever they stand."""

NEWER_NOTICES = frozenset({"thread/readState/changed", "thread/reverted"})
"""Notifications that they do not hear, of what they hear of as well."""


def older(value: Any) -> Any:
    """The same value without them, at any depth."""
    if isinstance(value, dict):
        return {name: older(each) for name, each in value.items() if name not in NEWER}
    if isinstance(value, list):
        return [older(each) for each in value]
    return value


def older_methods(heard: list[str]) -> list[str]:
    """The same notifications and answers without them."""
    return [method for method in heard if method not in NEWER_NOTICES]
