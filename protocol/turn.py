"""Turns: one exchange, from the user's input to the model's last word."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from protocol.item import ThreadItem, UserInput
from protocol.permissions import ApprovalPolicy, ApprovalsReviewer, PermissionProfile, SandboxPolicy, require_absolute
from protocol.wire import AS_IS, UNSET, Json, UnsetType, Wire

TurnStatus = Literal["completed", "interrupted", "failed", "inProgress"]
ReasoningEffort = Annotated[str, Meta(min_length=1)]
"""``none``, ``minimal``, ``low``, ``medium``, ``high``, ``xhigh`` or what a newer model knows."""
ReasoningSummary = Literal["auto", "concise", "detailed", "none"]
Personality = Literal["none", "friendly", "pragmatic"]
ServiceTier = str
"""``fast``, ``flex``, ``default`` or what a newer provider knows."""
ModeKind = Literal["plan", "default"]

CodexErrorInfo = str | dict[str, Any]
"""camelCase name of the error kind, or an object of one such name, e.g. ``{"responseStreamDisconnected": …}``."""


class TurnError(Wire):
    """Why a turn failed."""

    message: str
    codex_error_info: CodexErrorInfo | None = None
    additional_details: str | None = None
    misalignment: Json = None


ItemsView = Literal["notLoaded", "summary", "full"]
"""How much of a turn its ``items`` show: none of them, the last agent message, all."""


class Turn(Wire):
    """Times in unix seconds, duration in milliseconds; null when unknown. Live notifications leave ``items`` empty."""

    id: str
    root_turn_id: str | None = None
    items: list[ThreadItem]
    items_view: ItemsView = "full"
    status: TurnStatus
    error: TurnError | None = None
    started_at: int | None = None
    completed_at: int | None = None
    duration_ms: int | None = None


class ModeSettings(Wire, rename=AS_IS):
    """What a collaboration mode fixes; null instructions mean the mode's own."""

    model: str
    reasoning_effort: ReasoningEffort | None = None
    developer_instructions: str | None = None


class CollaborationMode(Wire):
    """The mode of work and its settings."""

    mode: ModeKind
    settings: ModeSettings


class TurnOverrides(Wire):
    """Settings of a thread for its later turns; null keeps what is. ``service_tier``: absent keeps, null clears."""

    cwd: str | None = None
    runtime_workspace_roots: list[str] | None = None
    approval_policy: ApprovalPolicy | None = None
    approvals_reviewer: ApprovalsReviewer | None = None
    sandbox_policy: SandboxPolicy | None = None
    permission_profile: PermissionProfile | None = None
    permissions: str | None = None
    model: str | None = None
    service_tier: ServiceTier | UnsetType | None = UNSET
    effort: ReasoningEffort | None = None
    summary: ReasoningSummary | None = None
    personality: Personality | None = None
    environments: list[dict[str, Any]] | None = None
    collaboration_mode: CollaborationMode | None = None


class TurnStartParams(TurnOverrides):
    """Input for the thread, with overrides that stick for later turns (``output_schema`` does not)."""

    thread_id: str
    input: list[UserInput]
    service_tier_for_turn: ServiceTier | None = None
    output_schema: Any = None
    responsesapi_client_metadata: dict[str, str] | None = None
    client_user_message_id: str | None = None
    """The client's own id of this input; every client hears it back with the item, as ``clientId``."""

    def __post_init__(self) -> None:
        require_absolute(self.runtime_workspace_roots or ())


class TurnStartResponse(Wire):
    """The turn that takes the input: a new one, or the running one that it joins."""

    turn: Turn


class TurnSteerParams(Wire):
    """More input for the running turn ``expected_turn_id``."""

    thread_id: str
    expected_turn_id: str
    input: list[UserInput]
    responsesapi_client_metadata: dict[str, str] | None = None
    client_user_message_id: str | None = None


class TurnSteerResponse(Wire):
    """The turn that takes the input."""

    turn_id: str


class TurnInterruptParams(Wire):
    """Stop ``turn_id``."""

    thread_id: str
    turn_id: str


class TurnStartedNotification(Wire):
    """A turn began."""

    thread_id: str
    turn: Turn


class TurnCompletedNotification(Wire):
    """A turn ended: completed, interrupted or failed."""

    thread_id: str
    turn: Turn


class ErrorNotification(Wire):
    """``will_retry``: the turn goes on. Otherwise it ends as failed with the same error."""

    error: TurnError
    will_retry: bool
    thread_id: str
    turn_id: str


class WarningNotification(Wire):
    """Something a person should know."""

    thread_id: str | None
    message: str


class InputTooLarge(Wire, rename=AS_IS):
    """``data`` of the -32602 error for input over the limit."""

    max_chars: int
    actual_chars: int
    input_error_code: str = msgspec.field(default="input_too_large")


class TurnDiffUpdatedNotification(Wire):
    """All that the patches of the turn changed so far, as git shows it."""

    thread_id: str
    turn_id: str
    diff: str


class PlanStep(Wire):
    """One step of the agent's list of work."""

    step: str
    status: Literal["pending", "inProgress", "completed"]


class TurnPlanUpdatedNotification(Wire):
    """The agent's list of work, and how far it is."""

    thread_id: str
    turn_id: str
    explanation: str | None = None
    plan: list[PlanStep]
