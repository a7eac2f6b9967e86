"""Questions to the clients of a thread and what they may answer: approvals, input from a person, tools of a client."""

from __future__ import annotations

from typing import Any, Literal

from protocol.jsonrpc import RequestId
from protocol.wire import AS_IS, UNSET, UnsetType, Wire


class ExecpolicyAmendment(Wire, rename=AS_IS):
    """Commands that begin with these words may always run."""

    execpolicy_amendment: list[str]


class AcceptWithAmendment(Wire):
    """Yes, and to all commands that begin alike, from now on."""

    accept_with_execpolicy_amendment: ExecpolicyAmendment


CommandDecision = Literal["accept", "acceptForSession", "decline", "cancel"] | AcceptWithAmendment
"""``decline``: the turn goes on without it. ``cancel``: the turn ends as well."""


class CommandApprovalParams(Wire):
    """May this command run? ``reason`` says why it is asked, time in unix milliseconds.

    ``additional_permissions`` are only for clients that asked for experimental members.
    """

    thread_id: str
    turn_id: str
    item_id: str
    kind: Literal["command", "stdin"] = "command"
    started_at_ms: int
    environment_id: str | None = None
    approval_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    command: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    command_actions: list[dict[str, Any]] | UnsetType = UNSET
    additional_permissions: Any = UNSET
    proposed_execpolicy_amendment: list[str] | UnsetType = UNSET
    available_decisions: list[CommandDecision] | UnsetType = UNSET


class CommandApprovalResponse(Wire):
    """What a person decided."""

    decision: CommandDecision


FileDecision = Literal["accept", "acceptForSession", "decline", "cancel"]


class FileChangeApprovalParams(Wire):
    """May this patch be applied? Its changes are those of the item. Time in unix milliseconds."""

    thread_id: str
    turn_id: str
    item_id: str
    started_at_ms: int
    reason: str | None = None
    grant_root: str | None = None


class FileChangeApprovalResponse(Wire):
    """What a person decided."""

    decision: FileDecision


class UserInputOption(Wire):
    """One of the answers to choose from."""

    label: str
    description: str


class UserInputQuestion(Wire):
    """One question to a person. ``is_other``: words of their own will do as well."""

    id: str
    header: str
    question: str
    is_other: bool = False
    is_secret: bool = False
    options: list[UserInputOption] | None = None


class UserInputParams(Wire):
    """Questions of the model to a person. The turn waits for the answers."""

    thread_id: str
    turn_id: str
    item_id: str
    questions: list[UserInputQuestion]
    is_blocking: bool = True
    auto_resolution_ms: int | None = None


class UserInputAnswer(Wire):
    """The answers to one question."""

    answers: list[str]


class UserInputResponse(Wire):
    """The answers by the question's id."""

    answers: dict[str, UserInputAnswer]


class DynamicToolCallParams(Wire):
    """Carry out this call of a tool that a client brought."""

    thread_id: str
    turn_id: str
    call_id: str
    namespace: str | None = None
    tool: str
    arguments: Any


class TextContent(Wire, tag="inputText"):
    """Text for the model."""

    text: str


class ImageContent(Wire, tag="inputImage"):
    """An image for the model, by its URL."""

    image_url: str


class AudioContent(Wire, tag="inputAudio"):
    """Sound for the model, by its URL."""

    audio_url: str


ToolContent = TextContent | ImageContent | AudioContent


class DynamicToolCallResponse(Wire):
    """What the tool gave."""

    content_items: list[ToolContent]
    success: bool

    @classmethod
    def failure(cls, text: str) -> DynamicToolCallResponse:
        """Nothing but the reason why it gave nothing."""
        return cls(content_items=[TextContent(text=text)], success=False)


class ServerRequestResolvedNotification(Wire):
    """A question has its answer, or needs none any more."""

    thread_id: str
    request_id: RequestId
