"""Threads: the Thread object, its status, and the params, results and notifications of thread/*."""

from __future__ import annotations

from typing import Any, Literal

from protocol.permissions import (
    ActivePermissionProfile,
    ApprovalPolicy,
    ApprovalsReviewer,
    PermissionProfile,
    SandboxMode,
    SandboxPolicy,
    require_absolute,
)
from protocol.read_state import ThreadReadState
from protocol.sequence import Position, Resumed
from protocol.turn import CollaborationMode, ItemsView, Personality, ReasoningEffort, ServiceTier, Turn
from protocol.wire import UNSET, Count, UnsetType, Wire


class NotLoaded(Wire, tag="notLoaded"):
    """On disk only."""


class Idle(Wire, tag="idle"):
    """Loaded, nothing runs."""


class Failed(Wire, tag="systemError"):
    """Loaded; the last turn failed."""


ActiveFlag = Literal["waitingOnApproval", "waitingOnUserInput"]


class Active(Wire, tag="active"):
    """A turn runs; the flags say what it waits for."""

    active_flags: list[ActiveFlag] = []


SortDirection = Literal["asc", "desc"]

ThreadStatus = NotLoaded | Idle | Failed | Active

SessionSource = str | dict[str, Any]
"""``cli``, ``vscode``, ``exec``, ``appServer``, ``unknown``, ``{"custom": …}`` or ``{"subAgent": …}``."""


HistoryMode = Literal["legacy", "paginated"]
"""The form of its rollout."""


class GitInfo(Wire):
    """The repository the thread was started in."""

    sha: str | None = None
    branch: str | None = None
    origin_url: str | None = None


class ThreadEnvironment(Wire):
    """A place that a thread works in."""

    environment_id: str
    cwd: str
    runtime_workspace_roots: list[str]


class Thread(Wire):
    """A conversation. Times in unix seconds. ``turns`` is filled only where the method says so.

    ``recency_at``: when something was last said. ``environments``: null unless it is loaded.
    """

    id: str
    session_id: str
    environments: list[ThreadEnvironment] | None = None
    extra: dict[str, Any] | None = None
    forked_from_id: str | None = None
    attached_to_thread_id: str | None = None
    parent_thread_id: str | None = None
    preview: str = ""
    ephemeral: bool = False
    section: dict[str, Any] | None = None
    section_entered_at: int | None = None
    project_id: str | None = None
    history_mode: HistoryMode = "legacy"
    model_provider: str
    model: str | None = None
    reasoning_effort: ReasoningEffort | None = None
    created_at: int
    updated_at: int
    recency_at: int | None = None
    originator: str | None = None
    can_accept_direct_input: bool | None = None
    thread_source: str | None = None
    daybreak_enabled: bool | None = None
    status: ThreadStatus
    path: str | None
    cwd: str
    cli_version: str
    source: SessionSource
    agent_nickname: str | None = None
    agent_role: str | None = None
    git_info: GitInfo | None = None
    name: str | None = None
    turns: list[Turn] = []


class SessionOverrides(Wire):
    """What start, resume and fork may set. ``service_tier``: absent keeps, null clears."""

    model: str | None = None
    model_provider: str | None = None
    service_tier: ServiceTier | UnsetType | None = UNSET
    cwd: str | None = None
    approval_policy: ApprovalPolicy | None = None
    approvals_reviewer: ApprovalsReviewer | None = None
    sandbox: SandboxMode | None = None
    permission_profile: PermissionProfile | None = None
    permissions: str | None = None
    """The id of a permission profile, such as ``:workspace``."""
    runtime_workspace_roots: list[str] | None = None
    config: dict[str, Any] | None = None
    base_instructions: str | None = None
    developer_instructions: str | None = None
    personality: Personality | None = None

    def __post_init__(self) -> None:
        require_absolute(self.runtime_workspace_roots or ())


class ThreadStartParams(SessionOverrides):
    """A new thread. Nothing is written before its first turn (or rename)."""

    ephemeral: bool | None = None
    history_mode: HistoryMode | None = None
    thread_source: str | None = None
    session_start_source: Literal["startup", "clear"] | None = None
    service_name: str | None = None
    environments: list[dict[str, Any]] | None = None
    dynamic_tools: list[dict[str, Any]] | None = None
    mock_experimental_field: str | None = None
    experimental_raw_events: bool = False
    persist_extended_history: bool = False


class TurnsPageParams(Wire):
    """The page of turns that a resume brings at once; the newest 25, in summary, unless asked otherwise."""

    limit: Count | None = None
    sort_direction: SortDirection | None = None
    items_view: ItemsView | None = None


class ThreadResumeParams(SessionOverrides):
    """Attach to a thread: from disk, or to the running one (then overrides are ignored)."""

    thread_id: str
    exclude_turns: bool = False
    since_sequence: Position | None = None
    """What the connection saw last of the thread: then only what it missed is told, if that is remembered."""
    initial_turns_page: TurnsPageParams | None = None
    history: list[Any] | None = None
    path: str | None = None
    persist_extended_history: bool = False


class ThreadForkParams(SessionOverrides):
    """A new thread that continues a copy of this one."""

    thread_id: str
    ephemeral: bool = False
    exclude_turns: bool = False
    last_turn_id: str | None = None
    """The copy ends with this turn."""
    before_turn_id: str | None = None
    """The copy ends before this turn."""
    thread_source: str | None = None
    path: str | None = None
    persist_extended_history: bool = False


class SessionResponse(Wire):
    """The result of start, resume and fork: the thread and the settings it runs with."""

    thread: Thread
    model: str
    model_provider: str
    service_tier: ServiceTier | None
    cwd: str
    instruction_sources: list[str]
    approval_policy: ApprovalPolicy
    approvals_reviewer: ApprovalsReviewer
    sandbox: SandboxPolicy
    permission_profile: PermissionProfile | None
    active_permission_profile: ActivePermissionProfile | None = None
    reasoning_effort: ReasoningEffort | None
    runtime_workspace_roots: list[str] = []
    multi_agent_mode: str = "explicitRequestOnly"
    disabled_plugin_ids: list[str] = []
    sequence: Resumed | UnsetType = UNSET
    """For a connection that asked for numbers."""


class TurnsPage(Wire):
    """Some turns of a thread; the cursors are those of ``thread/turns/list``."""

    data: list[Turn]
    next_cursor: str | None
    backwards_cursor: str | None


class ResumeResponse(SessionResponse):
    """The result of resume. The cursors lead from the end of the history backwards, as of this moment."""

    collaboration_mode: CollaborationMode | None = None
    initial_turns_page: TurnsPage | None = None
    turns_backwards_cursor: str | None = None
    items_backwards_cursor: str | None = None


class ThreadIdParams(Wire):
    """Params that name a thread and nothing else."""

    thread_id: str


class ThreadReadParams(Wire):
    """Look at a thread without attaching."""

    thread_id: str
    include_turns: bool = False


class ThreadResponse(Wire):
    """A thread."""

    thread: Thread


class ThreadReadResponse(Wire):
    """A thread, and what of it nobody has seen; no read state for a thread that is not on disk."""

    thread: Thread
    read_state: ThreadReadState | None


class ThreadUnsubscribeResponse(Wire):
    """What the unsubscription met."""

    status: Literal["notLoaded", "notSubscribed", "unsubscribed"]


class ThreadSetNameParams(Wire):
    """A new title; outer blanks are cut."""

    thread_id: str
    name: str


class ThreadRollbackParams(Wire):
    """Take back the last turns. Files that they changed stay changed."""

    thread_id: str
    num_turns: Count


class GitInfoUpdate(Wire):
    """What to change: a text sets, null clears, what is absent stays."""

    sha: str | UnsetType | None = UNSET
    branch: str | UnsetType | None = UNSET
    origin_url: str | UnsetType | None = UNSET


class ThreadMetadataUpdateParams(Wire):
    """What a client knows better than the rollout."""

    thread_id: str
    git_info: GitInfoUpdate | None = None


class ThreadInjectItemsParams(Wire):
    """Items of the Responses API for the model history."""

    thread_id: str
    items: list[Any]


class ThreadMemoryModeSetParams(Wire):
    """Whether memories may be made of this thread."""

    thread_id: str
    mode: Literal["enabled", "disabled"]


class ThreadListResponse(Wire):
    """``next_cursor`` continues in this direction, ``backwards_cursor`` in the other. ``read_states``: by thread id."""

    data: list[Thread]
    read_states: dict[str, ThreadReadState] = {}
    next_cursor: str | None
    backwards_cursor: str | None


class ThreadTurnsListParams(Wire):
    """A page of a thread's turns, newest first unless asked otherwise. ``limit`` is 25 unless given, 1 to 100.

    ``items_view``: summary unless given, to older clients full.
    """

    thread_id: str
    cursor: str | None = None
    limit: Count | None = None
    sort_direction: SortDirection | None = None
    items_view: ItemsView | None = None


class ThreadTurnsListResponse(Wire):
    """``next_cursor`` continues in this direction, ``backwards_cursor`` in the other, with this page's first."""

    data: list[Turn]
    next_cursor: str | None
    backwards_cursor: str | None


class ThreadLoadedListParams(Wire):
    """A page of the loaded thread ids; unlimited unless ``limit`` is given."""

    cursor: str | None = None
    limit: Count | None = None


class ThreadLoadedListResponse(Wire):
    """Ids in ascending order."""

    data: list[str]
    next_cursor: str | None


class ThreadStartedNotification(Wire):
    """A thread came into being, by start or fork."""

    thread: Thread


class ThreadStatusChangedNotification(Wire):
    """A thread's status is another."""

    thread_id: str
    status: ThreadStatus


class ThreadIdNotification(Wire):
    """Archived, unarchived, deleted, closed (unloaded after idle time), or shorter than it was."""

    thread_id: str


class ThreadNameUpdatedNotification(Wire):
    """A thread's title is another."""

    thread_id: str
    thread_name: str | UnsetType = UNSET
