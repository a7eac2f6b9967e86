"""Events that are heard but never stored: beginnings, deltas, warnings. Values only."""

from __future__ import annotations

from protocol.item import ThreadItem
from protocol.turn import PlanStep, TurnError
from protocol.wire import Record


class ItemStarted(Record, tag="item_started"):
    """An item began; its deltas carry the same item id."""

    turn_id: str
    item: ThreadItem


class ItemCompleted(Record, tag="item_ended"):
    """An item is final. Publish it right after the durable event that stores it; the history then shows that one."""

    turn_id: str
    item: ThreadItem


class AgentMessageDelta(Record, tag="agent_message_delta"):
    """More text of an agent message."""

    turn_id: str
    item_id: str
    delta: str


class PlanDelta(Record, tag="plan_delta"):
    """More text of a proposed plan."""

    turn_id: str
    item_id: str
    delta: str


class ReasoningSummaryPartAdded(Record, tag="reasoning_summary_part_added"):
    """The next summary part begins."""

    turn_id: str
    item_id: str
    summary_index: int


class ReasoningSummaryDelta(Record, tag="reasoning_summary_delta"):
    """More text of one summary part."""

    turn_id: str
    item_id: str
    delta: str
    summary_index: int


class ReasoningTextDelta(Record, tag="reasoning_text_delta"):
    """More text of one raw part."""

    turn_id: str
    item_id: str
    delta: str
    content_index: int


class CommandOutput(Record, tag="command_output"):
    """More output of a command."""

    turn_id: str
    item_id: str
    delta: str


class TerminalInteraction(Record, tag="terminal_interaction"):
    """The model gave the command ``item_id`` input, in the turn ``turn_id``, or looked at what it said since."""

    turn_id: str
    item_id: str
    process_id: str
    stdin: str


class PatchOutput(Record, tag="patch_output"):
    """What applying a patch said."""

    turn_id: str
    item_id: str
    delta: str


class ToolProgress(Record, tag="tool_progress"):
    """How far a call of an MCP server's tool is."""

    turn_id: str
    item_id: str
    message: str


class DiffUpdated(Record, tag="diff_updated"):
    """All that the patches of the turn changed so far, as git shows it."""

    turn_id: str
    diff: str


class PlanUpdated(Record, tag="plan_updated"):
    """The agent's list of work."""

    turn_id: str
    explanation: str | None
    plan: list[PlanStep]


class Retrying(Record, tag="retrying"):
    """The model request failed and is tried again; the turn goes on."""

    turn_id: str
    error: TurnError


class ThreadWarning(Record, tag="warning"):
    """Something a person should know."""

    message: str


LiveEvent = (
    ItemStarted
    | ItemCompleted
    | AgentMessageDelta
    | PlanDelta
    | ReasoningSummaryPartAdded
    | ReasoningSummaryDelta
    | ReasoningTextDelta
    | CommandOutput
    | TerminalInteraction
    | PatchOutput
    | ToolProgress
    | DiffUpdated
    | PlanUpdated
    | Retrying
    | ThreadWarning
)
