"""The kinds of items that a paginated rollout stores, as 0.169.0 spells them: PascalCase tags, members mostly in
snake_case. Values only.

Members that we neither show nor say in the legacy form are not named.
"""

from __future__ import annotations

from typing import Any, Literal

from protocol.wire import Record
from rollout import events
from rollout.user_input import Part


class User(Record, tag="UserMessage"):
    """What the user said."""

    id: str
    client_id: str | None = None
    content: list[Part]


class Agent(Record, tag="AgentMessage"):
    """What the model said."""

    id: str
    content: list[Part]
    phase: str | None = None
    memory_citation: Any = None
    delivery: str | None = None
    questions: list[Any] | None = None
    moderation: Any = None


class Reasoning(Record, tag="Reasoning"):
    """The model's reasoning."""

    id: str
    summary_text: list[str] = []
    raw_content: list[str] = []


class Plan(Record, tag="Plan"):
    """A proposed plan."""

    id: str
    text: str


class Command(Record, tag="CommandExecution"):
    """A command; ``cwd`` is a file URL."""

    id: str
    process_id: str | None = None
    plugin_id: str | None = None
    script_path: str | None = None
    command: list[str]
    cwd: str
    parsed_cmd: list[dict[str, Any]] = []
    source: str = "agent"
    status: str = "completed"
    aggregated_output: str | None = None
    exit_code: int | None = None
    duration: events.Duration | None = None


class FileChange(Record, tag="FileChange"):
    """A patch."""

    id: str
    changes: dict[str, dict[str, Any]]
    status: str | None = None


class WebSearch(Record, tag="WebSearch"):
    """A search of the provider."""

    id: str
    query: str
    action: dict[str, Any] | None = None
    results: list[Any] | None = None


class Compaction(Record, tag="ContextCompaction"):
    """The history was summarised for the model."""

    id: str


class EnteredReview(Record, tag="EnteredReviewMode"):
    """A review began."""

    id: str
    target: dict[str, Any] = {}
    user_facing_hint: str | None = None


class ExitedReview(Record, tag="ExitedReviewMode"):
    """A review ended."""

    id: str
    review_output: dict[str, Any] | None = None


class ImageView(Record, tag="ImageView"):
    """The model looked at an image; ``path`` is a file URL."""

    id: str
    path: str


class ImageGeneration(Record, tag="ImageGeneration"):
    """The provider made an image."""

    id: str
    status: str
    revised_prompt: str | None = None
    result: str | None = None
    saved_path: str | None = None


class DynamicTool(Record, tag="DynamicToolCall"):
    """A tool of the client was called, and mostly answered."""

    id: str
    namespace: str | None = None
    tool: str
    arguments: Any = None
    status: str = "completed"
    content_items: list[Any] | None = None
    success: bool | None = None
    error: str | None = None
    duration: events.Duration | None = None


class McpTool(Record, tag="McpToolCall", rename="camel"):
    """A tool of an MCP server was called. The one kind with members in camelCase."""

    id: str
    server: str
    tool: str
    arguments: Any = None
    mcp_app_resource_uri: str | None = None
    plugin_id: str | None = None
    read_only_hint: bool | None = None
    status: str = "completed"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    duration: events.Duration | None = None


class Collab(Record, tag="CollabAgentToolCall"):
    """Work with another agent's thread; ``agents_states``: thread id -> status, a name or ``{name: message}``."""

    id: str
    tool: str
    status: str
    sender_thread_id: str
    receiver_thread_ids: list[str] = []
    prompt: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    agents_states: dict[str, str | dict[str, Any]] = {}


class SubAgent(Record, tag="SubAgentActivity"):
    """Another agent's thread began, was spoken to, stopped or ended."""

    id: str
    kind: Literal["started", "interacted", "interrupted", "completed"]
    agent_thread_id: str
    agent_path: str
    model: str | None = None
    reasoning_effort: str | None = None


class Sleep(Record, tag="Sleep"):
    """The agent waited."""

    id: str
    duration_ms: int


class FunctionOutput(Record, tag="FunctionCallOutput"):
    """What a function that ran elsewhere returned."""

    id: str
    name: str
    namespace: str | None = None
    output: str | list[Any]


class HookFragment(Record, rename="camel"):
    """One text of a hook."""

    text: str
    hook_run_id: str


class HookPrompt(Record, tag="HookPrompt"):
    """Texts that hooks put into the conversation."""

    id: str
    fragments: list[HookFragment]


Stored = (
    User
    | Agent
    | Reasoning
    | Plan
    | Command
    | FileChange
    | WebSearch
    | Compaction
    | EnteredReview
    | ExitedReview
    | ImageView
    | ImageGeneration
    | DynamicTool
    | McpTool
    | Collab
    | SubAgent
    | Sleep
    | FunctionOutput
    | HookPrompt
)
