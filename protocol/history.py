"""A thread's turns and items in pages, and single items: params and results of thread/turns/* and thread/items/*."""

from __future__ import annotations

from typing import Literal

from protocol.item import ThreadItem
from protocol.wire import UNSET, Count, UnsetType, Wire


class ItemAnchor(Wire, tag="item"):
    """The place of an item in the turn that the params name; the page begins beside it."""

    item_id: str


class OutputDeferral(Wire):
    """Outputs to leave out of a page, to be fetched by ``thread/items/read`` when somebody looks at them."""

    command_execution: bool = False
    mcp_tool_call: bool = False


class ThreadItemsListParams(Wire):
    """A page of a thread's items, or of one turn's, oldest first unless asked otherwise.

    ``limit`` is 25 unless given, 1 to 100. ``defer_output`` counts where ``turn_id`` is given.
    """

    thread_id: str
    turn_id: str | None = None
    cursor: str | ItemAnchor | None = None
    limit: Count | None = None
    sort_direction: Literal["asc", "desc"] | None = None
    defer_output: OutputDeferral | None = None


class ThreadItemEntry(Wire):
    """An item and its turn. Times in unix milliseconds, null when unknown."""

    turn_id: str
    item: ThreadItem
    started_at_ms: int | None = None
    completed_at_ms: int | None = None
    output_deferred: bool | UnsetType = UNSET


class ThreadItemsListResponse(Wire):
    """``next_cursor`` continues in this direction, ``backwards_cursor`` in the other, with this page's first."""

    data: list[ThreadItemEntry]
    next_cursor: str | None
    backwards_cursor: str | None


class ThreadItemsReadParams(Wire):
    """Some items of one turn, by their ids."""

    thread_id: str
    turn_id: str
    item_ids: list[str]


class ThreadItemsReadResponse(Wire):
    """Those that there are, in the turn's order."""

    data: list[ThreadItemEntry]
