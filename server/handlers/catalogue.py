"""thread/list and thread/loaded/list."""

from __future__ import annotations

import asyncio
from bisect import bisect_right

from protocol import methods
from protocol.errors import INVALID_PARAMS, RpcError, invalid_request
from protocol.thread import Thread, ThreadListResponse, ThreadLoadedListParams, ThreadLoadedListResponse
from protocol.thread_list import ThreadListParams
from protocol.wire import UNSET
from rollout.catalog import InvalidCursor, Page, Query, SortKey, ThreadSummary
from server.dispatch import Call, handles
from server.handlers.checks import page_size, parse_thread_id
from server.threads.describe import thread_object

MAX_EXCLUDED = 100
"""Ids of threads that a list may leave out."""

_NOTHING = Page([], None, None)


@handles(methods.THREAD_LIST)
async def list_threads(call: Call, params: ThreadListParams) -> ThreadListResponse:
    """A page of the threads on disk."""
    excluded = _excluded(params.excluded_thread_ids or [])
    _check(params)
    query = _query(params, excluded, [call.app.config.reread().provider_id])
    # Threads are in no section and attached to none: what asks for such threads gets none.
    if isinstance(params.section_id, str) or params.attached_to_thread_id is not None:
        page = _NOTHING
    else:
        try:
            page = await asyncio.to_thread(call.app.catalog.list, query)
        except InvalidCursor as error:
            raise invalid_request(f"invalid cursor: {params.cursor}") from error
    return ThreadListResponse(
        data=[_shown(call, found) for found in page.threads],
        read_states=call.app.read_states.of_all(found.id for found in page.threads),
        next_cursor=page.next_cursor,
        backwards_cursor=page.backwards_cursor,
    )


def _check(params: ThreadListParams) -> None:
    """Refuse what contradicts itself. Raises :class:`~protocol.errors.RpcError`."""
    kin = {
        "parentThreadId": params.parent_thread_id,
        "ancestorThreadId": params.ancestor_thread_id,
        "attachedToThreadId": params.attached_to_thread_id,
    }
    given = [name for name, value in kin.items() if value is not None]
    if len(given) > 1:
        raise invalid_request(f"{given[0]} and {given[1]} are mutually exclusive")
    if params.attached_to_thread_id is not None:
        parse_thread_id(params.attached_to_thread_id)
    if params.include_attached_threads and not params.search_term:
        raise invalid_request("includeAttachedThreads needs a searchTerm that is not empty")
    if params.sort_key == "section_position" and params.section_id is UNSET:
        raise invalid_request("sortKey `section_position` needs a sectionId")
    if isinstance(params.project_id, str):
        raise RpcError(INVALID_PARAMS, f"project not found: {params.project_id}")


def _query(params: ThreadListParams, excluded: list[str], providers: list[str]) -> Query:
    """``providers``: those that are meant where none are named."""
    return Query(
        limit=page_size(params.limit),
        cursor=params.cursor,
        sort_key=_sort_key(params),
        descending=params.sort_direction != "asc",
        providers=providers if params.model_providers is None else params.model_providers,
        source_kinds=list(params.source_kinds or []),
        archived=bool(params.archived),
        cwds=[params.cwd] if isinstance(params.cwd, str) else params.cwd,
        search=params.search_term,
        parent=None if params.parent_thread_id is None else parse_thread_id(params.parent_thread_id),
        ancestor=None if params.ancestor_thread_id is None else parse_thread_id(params.ancestor_thread_id),
        originators=params.originators or [],
        excluded=excluded,
    )


def _sort_key(params: ThreadListParams) -> SortKey:
    """Outside of sections there are no positions: there threads stand in the order in which they were made."""
    key = params.sort_key or "created_at"
    return "created_at" if key == "section_position" else key


def _excluded(ids: list[str]) -> list[str]:
    if len(ids) > MAX_EXCLUDED:
        raise RpcError(INVALID_PARAMS, f"excludedThreadIds holds {len(ids)} ids, {MAX_EXCLUDED} are allowed")
    try:
        return [parse_thread_id(each) for each in ids]
    except RpcError as error:
        raise RpcError(INVALID_PARAMS, f"excludedThreadIds: {error}") from error


def _shown(call: Call, found: ThreadSummary) -> Thread:
    live = call.app.loaded.get(found.id)
    return thread_object(found, call.app.loaded.status(found.id), [], None if live is None else live.settings)


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
