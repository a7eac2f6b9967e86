"""The settings that a thread's later turns run with: changed without a turn, and told to who follows the thread."""

from __future__ import annotations

from protocol.permissions import ActivePermissionProfile, ApprovalPolicy, ApprovalsReviewer, SandboxPolicy
from protocol.thread import ThreadEnvironment
from protocol.turn import CollaborationMode, Personality, ReasoningEffort, ReasoningSummary, ServiceTier, TurnOverrides
from protocol.wire import Wire


class ThreadSettings(Wire):
    """What later turns run with."""

    cwd: str
    environments: list[ThreadEnvironment] | None = None
    approval_policy: ApprovalPolicy
    approvals_reviewer: ApprovalsReviewer
    sandbox_policy: SandboxPolicy
    active_permission_profile: ActivePermissionProfile | None = None
    model: str
    model_provider: str
    service_tier: ServiceTier | None = None
    effort: ReasoningEffort | None = None
    summary: ReasoningSummary | None = None
    collaboration_mode: CollaborationMode
    multi_agent_mode: str = "explicitRequestOnly"
    personality: Personality | None = None
    disabled_plugin_ids: list[str] = []


class ThreadSettingsUpdateParams(TurnOverrides):
    """Other settings for later turns; the running one keeps its own."""

    thread_id: str


class ThreadSettingsUpdatedNotification(Wire):
    """The settings are others than before."""

    thread_id: str
    thread_settings: ThreadSettings
