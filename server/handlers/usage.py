"""threadcast/usage/*: what turns cost and threads have used, from what rollouts say and threads in memory know."""

from __future__ import annotations

import asyncio

from protocol import methods
from protocol.errors import invalid_request
from protocol.usage import (
    ThreadTokenUsage,
    TurnUsage,
    UsageListParams,
    UsageListResponse,
    UsageReadParams,
    UsageReadResponse,
)
from rollout.catalog import Catalog
from rollout.events import TokenUsageInfo
from rollout.reader import RolloutError
from rollout.turn_usage import newest_usage, spent
from rollout.usage import breakdown, to_wire
from server.dispatch import Call, handles
from server.handlers.checks import parse_thread_id

MOST_THREADS = 100
"""How many threads one request may name."""


@handles(methods.USAGE_READ)
async def read(call: Call, params: UsageReadParams) -> UsageReadResponse:
    """What each turn of any thread cost, loaded or not, archived or not. What is not on disk has no turns here."""
    thread_id = parse_thread_id(params.thread_id)
    live = call.app.loaded.get(thread_id)
    if live is not None and not live.materialised:
        return UsageReadResponse(usage=_told(live.usage_info), turns=[])
    path = live.summary.path if live is not None else await call.app.opening.find(thread_id, archived=True)
    if path is None:
        raise invalid_request(f"thread not found: {thread_id}")
    try:
        found = await asyncio.to_thread(spent, path)
    except (RolloutError, OSError) as error:
        raise invalid_request(f"failed to load rollout `{path}`: {error}") from error
    turns = [TurnUsage(turn_id=turn_id, usage=breakdown(counted)) for turn_id, counted in found.turns]
    return UsageReadResponse(usage=_told(found.newest), turns=turns)


@handles(methods.USAGE_LIST)
async def list_usage(call: Call, params: UsageListParams) -> UsageListResponse:
    """What threads have used. Those in memory know it; of the others the ends of their files are read."""
    if not 1 <= len(params.thread_ids) <= MOST_THREADS:
        raise invalid_request(f"threadIds must contain 1 to {MOST_THREADS} ids, not {len(params.thread_ids)}")
    ids = [parse_thread_id(each) for each in params.thread_ids]
    loaded = {each: live.usage_info for each in ids if (live := call.app.loaded.get(each)) is not None}
    stored = await asyncio.to_thread(_stored, call.app.catalog, [each for each in ids if each not in loaded])
    known = (loaded | stored).items()
    return UsageListResponse(usage={each: to_wire(info) for each, info in known if info is not None})


def _stored(catalog: Catalog, ids: list[str]) -> dict[str, TokenUsageInfo | None]:
    found: dict[str, TokenUsageInfo | None] = {}
    for each in ids:
        path = catalog.find(each) or catalog.find_archived(each)
        try:
            found[each] = None if path is None else newest_usage(path)
        except OSError:
            found[each] = None  # gone, or not to be read: then nothing is known of it
    return found


def _told(usage: TokenUsageInfo | None) -> ThreadTokenUsage | None:
    return None if usage is None else to_wire(usage)
