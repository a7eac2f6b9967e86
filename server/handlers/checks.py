"""Checks that several handlers make on their params."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from protocol.errors import INVALID_REQUEST, RpcError, invalid_request
from protocol.permissions import SandboxPolicy
from protocol.thread import SessionOverrides
from protocol.turn import TurnOverrides
from protocol.wire import Json
from rollout.foreign import InvalidItem, checked
from rollout.model_items import Item
from server.dispatch import Call
from server.engine.settings import LOCAL, PROFILES

DEFAULT_PAGE, MAX_PAGE = 25, 100

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})", re.I)


def parse_thread_id(text: str, code: int = INVALID_REQUEST) -> str:
    """The id in its usual spelling, lower case with hyphens. Raises :class:`~protocol.errors.RpcError` of this code."""
    match = _UUID.fullmatch(text)
    if match is None:
        raise RpcError(code, f"invalid thread id: expected a UUID, found `{text[:80]}`")
    return "-".join(match.groups()).lower()


@contextmanager
def room_to_follow(call: Call, thread_id: str | None = None) -> Generator[None]:
    """Within it the caller may begin to follow one more thread: this one, or a new one.

    Raises :class:`~protocol.errors.RpcError` at its beginning if that would be one too many.
    """
    limit, subscriptions, load = call.app.config.max_subscriptions, call.app.subscriptions, call.connection.load
    if thread_id is not None and subscriptions.follows(call.connection, thread_id):
        yield
        return
    if limit and subscriptions.count(call.connection) + load.attaching >= limit:
        raise invalid_request(
            f"this connection follows {limit} threads, and no connection may follow more; "
            "unsubscribe from one of them first, or open another connection"
        )
    load.attaching += 1
    try:
        yield
    finally:
        load.attaching -= 1


def page_size(limit: int | None) -> int:
    """How many entries a page may hold, by what was asked for."""
    return min(max(DEFAULT_PAGE if limit is None else limit, 1), MAX_PAGE)


def offset(cursor: str | None) -> int:
    """How many entries came before, which is what the cursor of a short list says.

    Raises :class:`~protocol.errors.RpcError` if it says something else.
    """
    if cursor is None:
        return 0
    if not cursor.isdecimal():
        raise invalid_request(f"invalid cursor: {cursor}")
    return int(cursor)


def check_items(member: str, items: list[Json]) -> list[Item]:
    """The items if all are model items we know. ``member`` of the params holds them."""
    try:
        return checked(items)
    except InvalidItem as error:
        raise invalid_request(f"{member}[{error.index}] is not a valid response item: {error}") from error


def check_permissions(overrides: SessionOverrides | TurnOverrides) -> None:
    """Refuse two ways of saying what may be done at once, and names of profiles that we do not have."""
    member = "sandboxPolicy" if isinstance(overrides, TurnOverrides) else "sandbox"
    sandbox = overrides.sandbox_policy if isinstance(overrides, TurnOverrides) else overrides.sandbox
    if sandbox is not None and overrides.permission_profile is not None:
        raise invalid_request(f"`permissionProfile` cannot be combined with `{member}`")
    if sandbox is not None and overrides.permissions is not None:
        raise invalid_request(f"`permissions` cannot be combined with `{member}`")
    if overrides.permissions is not None:
        named_profile(overrides.permissions)


def named_profile(name: str) -> SandboxPolicy:
    """What a profile of this name permits. Raises :class:`~protocol.errors.RpcError` if there is none."""
    if name not in PROFILES:
        known = ", ".join(f"`{each}`" for each in PROFILES)
        raise invalid_request(f"unknown permission profile `{name}`, expected one of {known}")
    return PROFILES[name]


def check_environments(environments: list[dict[str, Any]] | None) -> None:
    """Refuse places to work in that we do not have: there is one, this machine."""
    for place in environments or []:
        if place.get("environmentId") != LOCAL:
            raise invalid_request(f"unknown turn environment id `{place.get('environmentId')}`")
