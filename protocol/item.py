"""Items: what a turn shows. User input, messages, reasoning, tool work, in the form the wire gives them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from protocol.wire import UNSET, UnsetType, Wire


class ByteRange(Wire):
    """Half-open range of UTF-8 byte offsets."""

    start: int
    end: int


class TextElement(Wire):
    """A part of the text that stands for something else, such as a pasted file."""

    byte_range: ByteRange
    placeholder: str | None = None


class TextInput(Wire, tag="text"):
    """Plain text. ``text_elements`` keeps its snake_case name on the wire."""

    text: str
    text_elements: list[TextElement] = msgspec.field(default_factory=list[TextElement], name="text_elements")


ImageDetail = Literal["auto", "low", "high", "original"]


class ImageInput(Wire, tag="image"):
    """An image by URL, ``data:`` URLs included, or by the id of a file that the provider keeps."""

    url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    detail: ImageDetail | None = None

    def __post_init__(self) -> None:
        if self.url is UNSET and self.file_id is UNSET:
            raise ValueError("Object missing required field `url`")


class LocalImageInput(Wire, tag="localImage"):
    """An image file on the server's machine."""

    path: str
    detail: ImageDetail | None = None


class AudioInput(Wire, tag="audio"):
    """Sound by URL, or by the id of a file that the provider keeps."""

    url: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET


class LocalAudioInput(Wire, tag="localAudio"):
    """A sound file on the server's machine."""

    path: str


class SkillInput(Wire, tag="skill"):
    """A skill the user invoked."""

    name: str
    path: str


class MentionInput(Wire, tag="mention"):
    """An app or file the user mentioned."""

    name: str
    path: str


UserInput = TextInput | ImageInput | LocalImageInput | AudioInput | LocalAudioInput | SkillInput | MentionInput

MessagePhase = str
"""``commentary`` or ``final_answer``; what a newer model says beyond that is passed on."""


class UserMessage(Wire, tag="userMessage"):
    """What the user said. ``client_id`` is the id that the client which said it gave it."""

    id: str
    client_id: str | None = None
    content: list[UserInput]


class HookPromptFragment(Wire):
    """One text that a hook put into the conversation."""

    text: str
    hook_run_id: str


class HookPrompt(Wire, tag="hookPrompt"):
    """Texts that hooks put into the conversation."""

    id: str
    fragments: list[HookPromptFragment]


class AgentMessage(Wire, tag="agentMessage"):
    """What the model said. While it streams, ``text`` is what has come so far."""

    id: str
    text: str
    phase: MessagePhase | None = None
    memory_citation: Any = None
    delivery: str | None = None
    questions: list[Any] | None = None
    moderation: Any = None


class FunctionCallOutput(Wire, tag="functionCallOutput"):
    """What a function that ran elsewhere returned: a text, or content items."""

    id: str
    name: str
    namespace: str | None = None
    output: str | list[Any]


class Plan(Wire, tag="plan"):
    """A proposed plan (plan mode)."""

    id: str
    text: str


class Reasoning(Wire, tag="reasoning"):
    """The model's reasoning: summary parts, and raw parts when the provider shows them."""

    id: str
    summary: list[str] = []
    content: list[str] = []


class CommandExecution(Wire, tag="commandExecution"):
    """A command. ``aggregated_output`` is null while empty; exit code and duration (ms) are null until it ends."""

    id: str
    command: str
    cwd: str
    process_id: str | None = None
    plugin_id: str | None = None
    script_path: str | None = None
    source: str = "agent"
    status: Literal["inProgress", "completed", "failed", "declined"]
    command_actions: list[dict[str, Any]]
    aggregated_output: str | None = None
    exit_code: int | None = None
    duration_ms: int | None = None


class FileUpdateChange(Wire):
    """One file of a patch: absolute path, kind (add, delete, update with ``move_path``) and unified diff or content."""

    path: str
    kind: dict[str, Any]
    diff: str


class FileChange(Wire, tag="fileChange"):
    """A patch."""

    id: str
    changes: list[FileUpdateChange]
    status: Literal["inProgress", "completed", "failed", "declined"]


class McpToolCall(Wire, tag="mcpToolCall"):
    """A call of a tool of an MCP server."""

    id: str
    server: str
    tool: str
    status: Literal["inProgress", "completed", "failed"]
    arguments: Any = None
    mcp_app_resource_uri: str | UnsetType = UNSET
    mcp_app_ui: Any = None
    app_context: dict[str, Any] | None = None
    plugin_id: str | None = None
    read_only_hint: bool | None = None
    result: Any = None
    error: dict[str, Any] | None = None
    duration_ms: int | None = None


class DynamicToolCall(Wire, tag="dynamicToolCall"):
    """A call of a tool that the client itself carries out."""

    id: str
    namespace: str | None = None
    tool: str
    arguments: Any
    status: Literal["inProgress", "completed", "failed"]
    content_items: list[dict[str, Any]] | None = None
    success: bool | None = None
    duration_ms: int | None = None


class CollabAgentToolCall(Wire, tag="collabAgentToolCall"):
    """Work with another agent's thread."""

    id: str
    tool: str
    status: Literal["inProgress", "completed", "failed", "interrupted"]
    sender_thread_id: str
    receiver_thread_ids: list[str]
    prompt: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    agents_states: dict[str, Any]


class SubAgentActivity(Wire, tag="subAgentActivity"):
    """Another agent's thread began, was spoken to, stopped or ended (``kind``)."""

    id: str
    kind: Literal["started", "interacted", "interrupted", "completed"]
    agent_thread_id: str
    agent_path: str
    model: str | None = None
    reasoning_effort: str | None = None


class Sleep(Wire, tag="sleep"):
    """The agent waited."""

    id: str
    duration_ms: int


class WebSearch(Wire, tag="webSearch"):
    """A search the provider made."""

    id: str
    query: str
    action: dict[str, Any] | None = None
    results: list[Any] | None = None


class ImageView(Wire, tag="imageView"):
    """An image file the model looked at."""

    id: str
    path: str


class ImageGeneration(Wire, tag="imageGeneration"):
    """An image the provider made."""

    id: str
    status: str
    revised_prompt: str | None = None
    result: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    saved_path: str | UnsetType = UNSET
    transparent_background: bool | None = None
    failure: dict[str, Any] | None = None
    generation_id: str | None = None
    input_images: list[Any] = []


class EnteredReviewMode(Wire, tag="enteredReviewMode"):
    """A review began."""

    id: str
    review: str


class ExitedReviewMode(Wire, tag="exitedReviewMode"):
    """A review ended with this explanation."""

    id: str
    review: str


class ContextCompaction(Wire, tag="contextCompaction"):
    """The history before this point was summarised for the model."""

    id: str


ThreadItem = (
    UserMessage
    | HookPrompt
    | AgentMessage
    | Plan
    | Reasoning
    | CommandExecution
    | FileChange
    | McpToolCall
    | DynamicToolCall
    | CollabAgentToolCall
    | SubAgentActivity
    | Sleep
    | FunctionCallOutput
    | WebSearch
    | ImageView
    | ImageGeneration
    | EnteredReviewMode
    | ExitedReviewMode
    | ContextCompaction
)
