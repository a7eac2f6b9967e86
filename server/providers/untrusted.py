"""JSON that somebody else wrote, looked at without trust in its shape: what does not fit reads as empty."""

from __future__ import annotations

from typing import Any, TypeGuard


def members(value: object) -> dict[str, Any]:
    """The members of an object."""
    return value if _is_object(value) else {}


def elements(value: object) -> list[Any]:
    """The elements of an array."""
    return value if _is_array(value) else []


def text(value: object) -> str:
    """A string."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int:
    """An integer, 0 if it is none."""
    return value if isinstance(value, int) else 0


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
