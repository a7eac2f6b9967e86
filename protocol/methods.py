"""One row per method: what clients ask (Method) and what the server tells (Notice).

The rows are the whole vocabulary. They name types and rules; they know no handler and no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from protocol import account, config, initialize, item, model, thread, turn, usage
from protocol.permissions import Granular
from protocol.wire import UNSET, Empty, encode

P = TypeVar("P")
R = TypeVar("R")

Order = Callable[[Any], str | None]
"""Key of a request's lane: requests with equal keys run one after another, ``None`` runs at once."""


def at_once(_params: Any) -> str | None:
    """No lane."""
    return None


def by_thread(params: Any) -> str | None:
    """The lane of the thread that the params name, however its id is spelled."""
    return str(params.thread_id).lower().removeprefix("urn:uuid:").replace("-", "")


@dataclass(frozen=True, eq=False)
class Method(Generic[P, R]):
    """A request a client may make.

    ``experimental`` methods, and the ``gated`` fields of stable ones (field -> name in the refusal), need the
    ``experimentalApi`` capability. ``lenient`` methods take absent or null params.
    """

    name: str
    params: type[P]
    result: type[R]
    order: Order = at_once
    experimental: bool = False
    gated: dict[str, str] = field(default_factory=dict[str, str])
    lenient: bool = False
    decoder: msgspec.json.Decoder[P] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.params))

    def gate(self, params: P) -> str | None:
        """What in these params needs the experimental capability, in the words of the refusal; None if nothing does."""
        if self.experimental:
            return self.name
        for name, shown in self.gated.items():
            value = getattr(params, name)
            if value is not None and value is not False and value is not UNSET:
                return f"{self.name}.{shown}"
        if isinstance(getattr(params, "approval_policy", None), Granular):
            return "askForApproval.granular"
        return None


@dataclass(frozen=True, eq=False)
class Notice(Generic[P]):
    """A notification the server may send. ``prefix`` is the encoded beginning of every such message."""

    name: str
    params: type[P]
    prefix: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", b'{"method":' + encode(self.name) + b',"params":')


INITIALIZE = Method("initialize", initialize.InitializeParams, initialize.InitializeResponse)

THREAD_START = Method(
    "thread/start",
    thread.ThreadStartParams,
    thread.SessionResponse,
    gated={
        "environments": "environments",
        "dynamic_tools": "dynamicTools",
        "mock_experimental_field": "mockExperimentalField",
        "experimental_raw_events": "experimentalRawEvents",
        "persist_extended_history": "persistFullHistory",
    },
)
THREAD_RESUME = Method(
    "thread/resume",
    thread.ThreadResumeParams,
    thread.SessionResponse,
    by_thread,
    gated={
        "history": "history",
        "path": "path",
        "initial_turns_page": "initialTurnsPage",
        "persist_extended_history": "persistFullHistory",
    },
)
THREAD_FORK = Method(
    "thread/fork",
    thread.ThreadForkParams,
    thread.SessionResponse,
    by_thread,
    gated={"path": "path", "before_turn_id": "beforeTurnId", "persist_extended_history": "persistFullHistory"},
)
THREAD_READ = Method("thread/read", thread.ThreadReadParams, thread.ThreadResponse, by_thread)
THREAD_LIST = Method("thread/list", thread.ThreadListParams, thread.ThreadListResponse)
THREAD_LOADED_LIST = Method("thread/loaded/list", thread.ThreadLoadedListParams, thread.ThreadLoadedListResponse)
THREAD_UNSUBSCRIBE = Method("thread/unsubscribe", thread.ThreadIdParams, thread.ThreadUnsubscribeResponse, by_thread)
THREAD_NAME_SET = Method("thread/name/set", thread.ThreadSetNameParams, Empty, by_thread)
THREAD_ARCHIVE = Method("thread/archive", thread.ThreadIdParams, Empty, by_thread)
THREAD_UNARCHIVE = Method("thread/unarchive", thread.ThreadIdParams, thread.ThreadResponse, by_thread)
THREAD_ROLLBACK = Method("thread/rollback", thread.ThreadRollbackParams, thread.ThreadResponse, by_thread)
THREAD_TURNS_LIST = Method("thread/turns/list", thread.ThreadTurnsListParams, thread.ThreadTurnsListResponse, by_thread)
THREAD_METADATA_UPDATE = Method(
    "thread/metadata/update", thread.ThreadMetadataUpdateParams, thread.ThreadResponse, by_thread
)
THREAD_INJECT_ITEMS = Method("thread/inject_items", thread.ThreadInjectItemsParams, Empty, by_thread)
THREAD_MEMORY_MODE_SET = Method(
    "thread/memoryMode/set", thread.ThreadMemoryModeSetParams, Empty, by_thread, experimental=True
)

TURN_START = Method(
    "turn/start",
    turn.TurnStartParams,
    turn.TurnStartResponse,
    by_thread,
    gated={
        "responsesapi_client_metadata": "responsesapiClientMetadata",
        "environments": "environments",
        "collaboration_mode": "collaborationMode",
    },
)
TURN_STEER = Method(
    "turn/steer",
    turn.TurnSteerParams,
    turn.TurnSteerResponse,
    by_thread,
    gated={"responsesapi_client_metadata": "responsesapiClientMetadata"},
)
TURN_INTERRUPT = Method("turn/interrupt", turn.TurnInterruptParams, Empty, by_thread)

ACCOUNT_READ = Method("account/read", account.GetAccountParams, account.GetAccountResponse)
ACCOUNT_RATE_LIMITS_READ = Method("account/rateLimits/read", Empty, account.GetAccountRateLimitsResponse, lenient=True)
MODEL_LIST = Method("model/list", model.ModelListParams, model.ModelListResponse)
COLLABORATION_MODE_LIST = Method(
    "collaborationMode/list", Empty, model.CollaborationModeListResponse, experimental=True
)
EXPERIMENTAL_FEATURE_LIST = Method("experimentalFeature/list", model.PageParams, model.EmptyPage)
MCP_SERVER_STATUS_LIST = Method("mcpServerStatus/list", model.PageParams, model.EmptyPage)
CONFIG_READ = Method("config/read", config.ConfigReadParams, config.ConfigReadResponse)
CONFIG_REQUIREMENTS_READ = Method("configRequirements/read", Empty, config.ConfigRequirementsReadResponse, lenient=True)
SKILLS_LIST = Method("skills/list", config.SkillsListParams, config.SkillsListResponse)

METHODS: tuple[Method[Any, Any], ...] = (
    INITIALIZE,
    THREAD_START,
    THREAD_RESUME,
    THREAD_FORK,
    THREAD_READ,
    THREAD_LIST,
    THREAD_LOADED_LIST,
    THREAD_UNSUBSCRIBE,
    THREAD_NAME_SET,
    THREAD_ARCHIVE,
    THREAD_UNARCHIVE,
    THREAD_ROLLBACK,
    THREAD_TURNS_LIST,
    THREAD_METADATA_UPDATE,
    THREAD_INJECT_ITEMS,
    THREAD_MEMORY_MODE_SET,
    TURN_START,
    TURN_STEER,
    TURN_INTERRUPT,
    ACCOUNT_READ,
    ACCOUNT_RATE_LIMITS_READ,
    MODEL_LIST,
    COLLABORATION_MODE_LIST,
    EXPERIMENTAL_FEATURE_LIST,
    MCP_SERVER_STATUS_LIST,
    CONFIG_READ,
    CONFIG_REQUIREMENTS_READ,
    SKILLS_LIST,
)
"""Every request a client may make."""

THREAD_STARTED = Notice("thread/started", thread.ThreadStartedNotification)
THREAD_STATUS_CHANGED = Notice("thread/status/changed", thread.ThreadStatusChangedNotification)
THREAD_ARCHIVED = Notice("thread/archived", thread.ThreadIdNotification)
THREAD_UNARCHIVED = Notice("thread/unarchived", thread.ThreadIdNotification)
THREAD_CLOSED = Notice("thread/closed", thread.ThreadIdNotification)
THREAD_NAME_UPDATED = Notice("thread/name/updated", thread.ThreadNameUpdatedNotification)
THREAD_TOKEN_USAGE_UPDATED = Notice("thread/tokenUsage/updated", usage.ThreadTokenUsageUpdatedNotification)
TURN_STARTED = Notice("turn/started", turn.TurnStartedNotification)
TURN_COMPLETED = Notice("turn/completed", turn.TurnCompletedNotification)
ITEM_STARTED = Notice("item/started", item.ItemStartedNotification)
ITEM_COMPLETED = Notice("item/completed", item.ItemCompletedNotification)
AGENT_MESSAGE_DELTA = Notice("item/agentMessage/delta", item.AgentMessageDeltaNotification)
REASONING_SUMMARY_PART_ADDED = Notice("item/reasoning/summaryPartAdded", item.ReasoningSummaryPartAddedNotification)
REASONING_SUMMARY_TEXT_DELTA = Notice("item/reasoning/summaryTextDelta", item.ReasoningSummaryTextDeltaNotification)
REASONING_TEXT_DELTA = Notice("item/reasoning/textDelta", item.ReasoningTextDeltaNotification)
ERROR = Notice("error", turn.ErrorNotification)
WARNING = Notice("warning", turn.WarningNotification)
CONFIG_WARNING = Notice("configWarning", initialize.ConfigWarningNotification)
ACCOUNT_RATE_LIMITS_UPDATED = Notice("account/rateLimits/updated", account.AccountRateLimitsUpdatedNotification)

NOTICES: tuple[Notice[Any], ...] = (
    THREAD_STARTED,
    THREAD_STATUS_CHANGED,
    THREAD_ARCHIVED,
    THREAD_UNARCHIVED,
    THREAD_CLOSED,
    THREAD_NAME_UPDATED,
    THREAD_TOKEN_USAGE_UPDATED,
    TURN_STARTED,
    TURN_COMPLETED,
    ITEM_STARTED,
    ITEM_COMPLETED,
    AGENT_MESSAGE_DELTA,
    REASONING_SUMMARY_PART_ADDED,
    REASONING_SUMMARY_TEXT_DELTA,
    REASONING_TEXT_DELTA,
    ERROR,
    WARNING,
    CONFIG_WARNING,
    ACCOUNT_RATE_LIMITS_UPDATED,
)
"""Every notification the server may send."""
