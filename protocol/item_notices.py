"""What is told of items as they grow: beginnings, ends, more of their text. The items themselves are in ``item``."""

from __future__ import annotations

from protocol.item import ThreadItem
from protocol.wire import Wire


class ItemStartedNotification(Wire):
    """An item began, at a time in unix milliseconds; its later deltas carry the same id."""

    item: ThreadItem
    thread_id: str
    turn_id: str
    started_at_ms: int


class ItemCompletedNotification(Wire):
    """An item is final, since a time in unix milliseconds, and on disk."""

    item: ThreadItem
    thread_id: str
    turn_id: str
    completed_at_ms: int
    content_token_count: int | None = None


class AgentMessageDeltaNotification(Wire):
    """More text of an agent message."""

    thread_id: str
    turn_id: str
    item_id: str
    delta: str


class PlanDeltaNotification(Wire):
    """More text of a proposed plan; a plan that was begun anew ends with what came last."""

    thread_id: str
    turn_id: str
    item_id: str
    delta: str


class ReasoningSummaryPartAddedNotification(Wire):
    """The next summary part begins."""

    thread_id: str
    turn_id: str
    item_id: str
    summary_index: int


class ReasoningSummaryTextDeltaNotification(Wire):
    """More text of one summary part."""

    thread_id: str
    turn_id: str
    item_id: str
    delta: str
    summary_index: int


class ReasoningTextDeltaNotification(Wire):
    """More text of one raw part."""

    thread_id: str
    turn_id: str
    item_id: str
    delta: str
    content_index: int


class OutputDeltaNotification(Wire):
    """More output of a command or a patch."""

    thread_id: str
    turn_id: str
    item_id: str
    delta: str


class TerminalInteractionNotification(Wire):
    """The model gave a running command input, or looked at what it said since (then ``stdin`` is empty)."""

    thread_id: str
    turn_id: str
    item_id: str
    process_id: str
    stdin: str


class McpToolCallProgressNotification(Wire):
    """How far a call of an MCP server's tool is."""

    thread_id: str
    turn_id: str
    item_id: str
    message: str
