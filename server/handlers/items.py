"""thread/items/list, thread/items/read, thread/searchOccurrences: a thread's items without the turns around them."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from protocol import methods
from protocol.errors import INVALID_PARAMS, RpcError, invalid_request
from protocol.history import (
    ItemAnchor,
    OutputDeferral,
    ThreadItemEntry,
    ThreadItemsListParams,
    ThreadItemsListResponse,
    ThreadItemsReadParams,
    ThreadItemsReadResponse,
)
from protocol.item import CommandExecution, McpToolCall, ThreadItem
from protocol.search import ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse
from server.dispatch import Call, handles
from server.handlers.checks import page_size, parse_thread_id
from server.handlers.history import all_turns
from server.threads.item_pages import ItemPage, Pages
from server.threads.occurrences import search
from server.threads.turn_pages import InvalidCursor

MOST_ITEMS = 100
"""How many items one request may name."""


@handles(methods.THREAD_ITEMS_LIST)
async def list_items(call: Call, params: ThreadItemsListParams) -> ThreadItemsListResponse:
    """A page of the items of any thread, the running turn's with the text so far."""
    if isinstance(params.cursor, ItemAnchor) and not params.turn_id:
        raise RpcError(INVALID_PARAMS, "turnId is required when cursor is an item anchor")
    thread_id = parse_thread_id(params.thread_id)
    pages = Pages(thread_id, await all_turns(call, thread_id), params.turn_id)
    found = _page(pages, params)
    deferral = params.defer_output if params.turn_id is not None else None
    return ThreadItemsListResponse(
        data=[_entry(placed.turn_id, placed.item, deferral) for placed in found.items],
        next_cursor=found.next_cursor,
        backwards_cursor=found.backwards_cursor,
    )


def _page(pages: Pages, params: ThreadItemsListParams) -> ItemPage:
    limit, descending = page_size(params.limit), params.sort_direction == "desc"
    if isinstance(params.cursor, ItemAnchor):
        try:
            return pages.beside(params.cursor.item_id, limit, descending=descending)
        except InvalidCursor as error:
            missing = f"turn {params.turn_id} has no item {params.cursor.item_id} that cursor.itemId could mean"
            raise RpcError(INVALID_PARAMS, missing) from error
    try:
        return pages.page(params.cursor, limit, descending=descending)
    except InvalidCursor as error:
        raise invalid_request(f"invalid cursor: {error}") from error


@handles(methods.THREAD_SEARCH_OCCURRENCES)
async def search_occurrences(call: Call, params: ThreadSearchOccurrencesParams) -> ThreadSearchOccurrencesResponse:
    """A page of the places where a text stands in what user and model said, in any thread."""
    if not params.search_term:
        raise invalid_request("searchTerm must not be empty")
    thread_id = parse_thread_id(params.thread_id)
    turns = await all_turns(call, thread_id)
    try:
        found = await asyncio.to_thread(
            search, thread_id, turns, params.search_term, params.cursor, page_size(params.limit)
        )
    except InvalidCursor as error:
        raise invalid_request(f"invalid cursor: {error}") from error
    return ThreadSearchOccurrencesResponse(data=found.found, next_cursor=found.next_cursor)


@handles(methods.THREAD_ITEMS_READ)
async def read_items(call: Call, params: ThreadItemsReadParams) -> ThreadItemsReadResponse:
    """Some items of one turn, whole. What there is not is left out."""
    if not 1 <= len(params.item_ids) <= MOST_ITEMS:
        raise invalid_request(f"itemIds must contain 1 to {MOST_ITEMS} ids, not {len(params.item_ids)}")
    wanted = set(params.item_ids)
    turns = await all_turns(call, parse_thread_id(params.thread_id))
    items = (item for turn in turns if turn.id == params.turn_id for item in turn.items)
    return ThreadItemsReadResponse(data=[_entry(params.turn_id, item, None) for item in items if item.id in wanted])


def _entry(turn_id: str, item: ThreadItem, deferral: OutputDeferral | None) -> ThreadItemEntry:
    bare = item if deferral is None else _without_output(item, deferral)
    if bare is item:
        return ThreadItemEntry(turn_id=turn_id, item=item)
    return ThreadItemEntry(turn_id=turn_id, item=bare, output_deferred=True)


def _without_output(item: ThreadItem, deferral: OutputDeferral) -> ThreadItem:
    """The item without what may be fetched later; the same one if it keeps all."""
    match item:
        case CommandExecution(status="completed", exit_code=0, aggregated_output=str(output)):
            return replace(item, aggregated_output=None) if deferral.command_execution and output else item
        case McpToolCall(status="completed", error=None, result={"content": [_, *_] as blocks}) if all(
            block.get("type") == "text" for block in blocks
        ):
            return replace(item, result=item.result | {"content": []}) if deferral.mcp_tool_call else item
        case _:
            return item
