"""Durable events that end a tool's work: commands, patches, tools, searches, other agents. Values only; no reading.

``Duration`` is ``{secs, nanos}``. Where an event has no ``turn_id`` it belongs to the running turn.
"""

from __future__ import annotations

from typing import Any

from protocol.wire import UNSET, Record, UnsetType


class Duration(Record):
    """A time span: whole seconds and nanoseconds."""

    secs: int
    nanos: int

    @property
    def milliseconds(self) -> int:
        """Whole milliseconds, rounded down."""
        return self.secs * 1000 + self.nanos // 1_000_000


class ExecCommandEnd(Record, tag="exec_command_end"):
    """A command ended (``completed``, ``failed``) or was refused (``declined``)."""

    call_id: str
    process_id: str | UnsetType | None = UNSET
    turn_id: str
    command: list[str]
    cwd: str
    parsed_cmd: list[dict[str, Any]] = []
    source: str = "agent"
    interaction_input: str | UnsetType | None = UNSET
    stdout: str = ""
    stderr: str = ""
    aggregated_output: str = ""
    exit_code: int
    duration: Duration
    formatted_output: str = ""
    status: str = "completed"


class PatchApplyEnd(Record, tag="patch_apply_end"):
    """A patch was applied, failed or was refused. ``changes``: path -> ``{type: add|delete|update, ...}``."""

    call_id: str
    turn_id: str = ""
    stdout: str = ""
    stderr: str = ""
    success: bool
    changes: dict[str, dict[str, Any]] = {}
    status: str | UnsetType = UNSET


class McpInvocation(Record):
    """Which tool of which server, with what."""

    server: str
    tool: str
    arguments: Any = None


class McpToolCallEnd(Record, tag="mcp_tool_call_end"):
    """A tool of an MCP server answered. ``result`` is ``{"Ok": {content, ...}}`` or ``{"Err": message}``."""

    call_id: str
    invocation: McpInvocation
    mcp_app_resource_uri: str | UnsetType | None = UNSET
    duration: Duration
    result: dict[str, Any]


class WebSearchEnd(Record, tag="web_search_end"):
    """The provider searched the web."""

    call_id: str
    query: str
    action: dict[str, Any] | None = None


class ViewImageToolCall(Record, tag="view_image_tool_call"):
    """The model looked at an image file."""

    call_id: str
    path: str


class ImageGenerationEnd(Record, tag="image_generation_end"):
    """The provider made an image; ``result`` is base64."""

    call_id: str
    status: str
    revised_prompt: str | UnsetType | None = UNSET
    result: str
    saved_path: str | UnsetType | None = UNSET


class DynamicToolCallRequest(Record, tag="dynamic_tool_call_request", rename="camel"):
    """A tool that the client carries out was called. The only event with camelCase members."""

    call_id: str
    turn_id: str
    namespace: str | None = None
    tool: str
    arguments: Any


class DynamicToolCallResponse(Record, tag="dynamic_tool_call_response"):
    """The client answered for its tool."""

    call_id: str
    turn_id: str
    namespace: str | None = None
    tool: str
    arguments: Any
    content_items: list[Any]
    success: bool
    error: str | None = None
    duration: Duration


class GuardianAssessment(Record, tag="guardian_assessment"):
    """An automatic reviewer judged an action: ``in_progress``, ``approved``, ``denied``, ``timed_out``, ``aborted``."""

    id: str
    target_item_id: str | UnsetType | None = UNSET
    turn_id: str = ""
    status: str
    risk_level: str | UnsetType | None = UNSET
    user_authorization: str | UnsetType | None = UNSET
    rationale: str | UnsetType | None = UNSET
    decision_source: str | UnsetType | None = UNSET
    action: dict[str, Any]


AgentStatus = str | dict[str, Any]
"""``running``, ``shutdown``, ``not_found``, ... or ``{"completed": text|null}``, ``{"errored": text}``."""


class CollabAgentSpawnEnd(Record, tag="collab_agent_spawn_end"):
    """Another agent's thread was started; ``new_thread_id`` is null when that failed."""

    call_id: str
    sender_thread_id: str
    new_thread_id: str | None = None
    new_agent_nickname: str | UnsetType | None = UNSET
    new_agent_role: str | UnsetType | None = UNSET
    prompt: str
    model: str = ""
    reasoning_effort: str | None = None
    status: AgentStatus


class CollabAgentInteractionEnd(Record, tag="collab_agent_interaction_end"):
    """Input was sent to another agent."""

    call_id: str
    sender_thread_id: str
    receiver_thread_id: str
    receiver_agent_nickname: str | UnsetType | None = UNSET
    receiver_agent_role: str | UnsetType | None = UNSET
    prompt: str
    status: AgentStatus


class CollabWaitingEnd(Record, tag="collab_waiting_end"):
    """Waiting for other agents ended. ``statuses``: thread id -> status."""

    sender_thread_id: str
    call_id: str
    agent_statuses: list[dict[str, Any]] | UnsetType = UNSET
    statuses: dict[str, AgentStatus]


class CollabCloseEnd(Record, tag="collab_close_end"):
    """Another agent was closed."""

    call_id: str
    sender_thread_id: str
    receiver_thread_id: str
    receiver_agent_nickname: str | UnsetType | None = UNSET
    receiver_agent_role: str | UnsetType | None = UNSET
    status: AgentStatus


class CollabResumeEnd(Record, tag="collab_resume_end"):
    """Another agent was resumed."""

    call_id: str
    sender_thread_id: str
    receiver_thread_id: str
    receiver_agent_nickname: str | UnsetType | None = UNSET
    receiver_agent_role: str | UnsetType | None = UNSET
    status: AgentStatus


CollabEvent = CollabAgentSpawnEnd | CollabAgentInteractionEnd | CollabWaitingEnd | CollabCloseEnd | CollabResumeEnd

ToolEvent = (
    ExecCommandEnd
    | PatchApplyEnd
    | McpToolCallEnd
    | WebSearchEnd
    | ViewImageToolCall
    | ImageGenerationEnd
    | DynamicToolCallRequest
    | DynamicToolCallResponse
    | GuardianAssessment
    | CollabEvent
)
