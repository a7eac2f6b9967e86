"""What a turn can say: every event, durable and live, with snake_case members as they are stored.

A member that is ``None`` is stored as ``null``; one left ``UNSET`` is left out. Times are unix seconds, durations of
turns milliseconds. Values only; which of them reach the disk is said in ``policy``.
"""

from __future__ import annotations

from typing import Any

from protocol.wire import UNSET, Record, UnsetType
from rollout.live import AgentMessageDelta as AgentMessageDelta
from rollout.live import CommandOutput as CommandOutput
from rollout.live import DiffUpdated as DiffUpdated
from rollout.live import ItemCompleted as ItemCompleted
from rollout.live import ItemStarted as ItemStarted
from rollout.live import LiveEvent as LiveEvent
from rollout.live import PatchOutput as PatchOutput
from rollout.live import PlanDelta as PlanDelta
from rollout.live import PlanUpdated as PlanUpdated
from rollout.live import ReasoningSummaryDelta as ReasoningSummaryDelta
from rollout.live import ReasoningSummaryPartAdded as ReasoningSummaryPartAdded
from rollout.live import ReasoningTextDelta as ReasoningTextDelta
from rollout.live import Retrying as Retrying
from rollout.live import TerminalInteraction as TerminalInteraction
from rollout.live import ThreadWarning as ThreadWarning
from rollout.live import ToolProgress as ToolProgress
from rollout.tool_events import CollabAgentInteractionEnd as CollabAgentInteractionEnd
from rollout.tool_events import CollabAgentSpawnEnd as CollabAgentSpawnEnd
from rollout.tool_events import CollabCloseEnd as CollabCloseEnd
from rollout.tool_events import CollabEvent as CollabEvent
from rollout.tool_events import CollabResumeEnd as CollabResumeEnd
from rollout.tool_events import CollabWaitingEnd as CollabWaitingEnd
from rollout.tool_events import Duration as Duration
from rollout.tool_events import DynamicToolCallRequest as DynamicToolCallRequest
from rollout.tool_events import DynamicToolCallResponse as DynamicToolCallResponse
from rollout.tool_events import ExecCommandEnd as ExecCommandEnd
from rollout.tool_events import GuardianAssessment as GuardianAssessment
from rollout.tool_events import ImageGenerationEnd as ImageGenerationEnd
from rollout.tool_events import McpInvocation as McpInvocation
from rollout.tool_events import McpToolCallEnd as McpToolCallEnd
from rollout.tool_events import PatchApplyEnd as PatchApplyEnd
from rollout.tool_events import ToolEvent as ToolEvent
from rollout.tool_events import ViewImageToolCall as ViewImageToolCall
from rollout.tool_events import WebSearchEnd as WebSearchEnd


class TaskStarted(Record, tag="task_started"):
    """A turn began. Window in tokens."""

    turn_id: str
    root_turn_id: str | UnsetType | None = UNSET
    """The turn of another thread that this one works for; without one, its own id or nothing."""
    started_at: int | UnsetType | None = UNSET
    model_context_window: int | None = None
    collaboration_mode_kind: str = "default"


class TaskComplete(Record, tag="task_complete"):
    """A turn ended by itself, failed ones included."""

    turn_id: str
    last_agent_message: str | None = None
    root_turn_id: str | UnsetType | None = UNSET
    started_at: int | UnsetType | None = UNSET
    completed_at: int | UnsetType | None = UNSET
    duration_ms: int | UnsetType | None = UNSET
    time_to_first_token_ms: int | UnsetType | None = UNSET
    error: dict[str, Any] | UnsetType | None = UNSET
    """Why it failed, with the members of :class:`Error`; only in the newer form, which has no event for it."""


class TurnAborted(Record, tag="turn_aborted"):
    """A turn was stopped: ``interrupted``, ``replaced`` or ``review_ended``."""

    turn_id: str | None = None
    reason: str
    completed_at: int | UnsetType | None = UNSET
    duration_ms: int | UnsetType | None = UNSET


class ByteRange(Record):
    """Half-open range of UTF-8 byte offsets."""

    start: int
    end: int


class TextElement(Record):
    """A part of the text that stands for something else."""

    byte_range: ByteRange
    placeholder: str | None = None


class UserMessage(Record, tag="user_message"):
    """What the user said: text, image URLs, image files, and which parts of the text are stand-ins.

    ``client_id``: the id that the client gave it. The details stand in the order of their images; null where none was
    asked for.
    """

    client_id: str | UnsetType | None = UNSET
    message: str
    images: list[str] | UnsetType | None = UNSET
    image_details: list[str | None] | UnsetType = UNSET
    local_images: list[str] = []
    local_image_details: list[str | None] | UnsetType = UNSET
    text_elements: list[TextElement] = []


class AgentMessage(Record, tag="agent_message"):
    """What the model said."""

    message: str
    phase: str | None = None
    memory_citation: Any = None


class AgentReasoning(Record, tag="agent_reasoning"):
    """One part of a reasoning summary."""

    text: str


class AgentReasoningRawContent(Record, tag="agent_reasoning_raw_content"):
    """One part of raw reasoning."""

    text: str


class TokenUsage(Record):
    """Counters in tokens. ``total_tokens`` is what the provider reported, not a sum of the others."""

    input_tokens: int
    cached_input_tokens: int
    cache_write_input_tokens: int | UnsetType = UNSET
    """Only newer versions count it."""
    output_tokens: int
    reasoning_output_tokens: int
    total_tokens: int


class TokenUsageInfo(Record):
    """``total`` since the thread began, ``last`` of the newest response, and the model's window; all in tokens."""

    total_token_usage: TokenUsage
    last_token_usage: TokenUsage
    model_context_window: int | None = None


class RateLimitWindow(Record):
    """Use of one window: percent, length in minutes, reset in unix seconds."""

    used_percent: float
    window_minutes: int | None = None
    resets_at: int | None = None


class Credits(Record):
    """Credits of the account."""

    has_credits: bool
    unlimited: bool
    balance: str | None = None


class RateLimits(Record):
    """What the provider last said of its limits."""

    limit_id: str | None = None
    limit_name: str | None = None
    primary: RateLimitWindow | None = None
    secondary: RateLimitWindow | None = None
    credits: Credits | None = None
    plan_type: str | None = None
    rate_limit_reached_type: str | None = None


class TokenCount(Record, tag="token_count"):
    """The thread's usage so far (null before the first) and the provider's limits."""

    info: TokenUsageInfo | None = None
    rate_limits: RateLimits | None = None


class Error(Record, tag="error"):
    """Why a turn failed. The kind is a snake_case name, or an object of one such name."""

    message: str
    codex_error_info: str | dict[str, Any] | None = None


class ContextCompacted(Record, tag="context_compacted"):
    """The history was summarised for the model."""


class ThreadRolledBack(Record, tag="thread_rolled_back"):
    """The last ``num_turns`` turns no longer count."""

    num_turns: int


class ThreadNameUpdated(Record, tag="thread_name_updated"):
    """The thread ``thread_id`` has this title now. Copies in forks name the source."""

    thread_id: str
    thread_name: str | UnsetType | None = UNSET


class ThreadSettingsApplied(Record, tag="thread_settings_applied"):
    """The thread ``thread_id`` runs with these settings from here on. 0.169.0 also says so when it opens one."""

    thread_id: str = ""
    thread_settings: dict[str, Any]


class EnteredReviewMode(Record, tag="entered_review_mode"):
    """A review began."""

    target: dict[str, Any]
    user_facing_hint: str | UnsetType | None = UNSET


class ExitedReviewMode(Record, tag="exited_review_mode"):
    """A review ended; the output is null when the reviewer gave none."""

    review_output: dict[str, Any] | None = None


class UndoCompleted(Record, tag="undo_completed"):
    """An undo ended."""

    success: bool
    message: str | UnsetType | None = UNSET


class PlanItem(Record, tag="Plan"):
    """A proposed plan; the id is ``<turn id>-plan``."""

    id: str
    text: str


class PlanCompleted(Record, tag="item_completed"):
    """A plan is final. The only ``item_completed`` that legacy rollouts hold."""

    thread_id: str
    turn_id: str
    item: PlanItem


DurableEvent = (
    TaskStarted
    | TaskComplete
    | TurnAborted
    | UserMessage
    | AgentMessage
    | AgentReasoning
    | AgentReasoningRawContent
    | TokenCount
    | Error
    | ContextCompacted
    | ThreadRolledBack
    | ThreadNameUpdated
    | ThreadSettingsApplied
    | EnteredReviewMode
    | ExitedReviewMode
    | UndoCompleted
    | PlanCompleted
    | ToolEvent
)

Event = DurableEvent | LiveEvent
