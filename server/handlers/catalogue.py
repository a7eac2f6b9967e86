"""thread/list and thread/loaded/list."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

from protocol import methods
from protocol.errors import RpcError, invalid_request
from protocol.thread import (
    ThreadListParams,
    ThreadListResponse,
    ThreadLoadedListParams,
    ThreadLoadedListResponse,
)
from rollout.catalog import InvalidCursor, Query
from server.dispatch import Call, handles
from server.handlers.checks import page_size, parse_thread_id
from server.threads.describe import thread_object


@handles(methods.THREAD_LIST)
async def list_threads(call: Call, params: ThreadListParams) -> ThreadListResponse:
    """A page of the threads on disk."""
    query = Query(
        limit=page_size(params.limit),
        cursor=params.cursor,
        sort_key=params.sort_key or "created_at",
        descending=params.sort_direction != "asc",
        providers=[call.app.config.reread().provider_id] if params.model_providers is None else params.model_providers,
        source_kinds=list(params.source_kinds or []),
        archived=bool(params.archived),
        cwds=[params.cwd] if isinstance(params.cwd, str) else params.cwd,
        search=params.search_term,
    )
    try:
        page = await asyncio.to_thread(call.app.catalog.list, query)
    except InvalidCursor as error:
        raise invalid_request(f"invalid cursor: {params.cursor}") from error
    return ThreadListResponse(
        data=[thread_object(found, call.app.loaded.status(found.id), []) for found in page.threads],
        read_states=call.app.read_states.of_all(found.id for found in page.threads),
        next_cursor=page.next_cursor,
        backwards_cursor=page.backwards_cursor,
    )


@handles(methods.THREAD_LOADED_LIST)
async def list_loaded(call: Call, params: ThreadLoadedListParams) -> ThreadLoadedListResponse:
    """A page of the ids of loaded threads. The cursor is the last id of the page before; it need not exist any more."""
    ids = call.app.loaded.ids()
    after = 0 if params.cursor is None else bisect_right(ids, _cursor(params.cursor))
    end = len(ids) if params.limit is None else after + max(params.limit, 1)
    page = ids[after:end]
    return ThreadLoadedListResponse(data=page, next_cursor=page[-1] if end < len(ids) and page else None)


def _cursor(text: str) -> str:
    try:
        return parse_thread_id(text)
    except RpcError as error:
        raise invalid_request(f"invalid cursor: {text}") from error
