"""One row per notification: what the server tells. Names types and rules; knows no handler and no connection."""

from __future__ import annotations

from typing import Any

from protocol import (
    account,
    approval,
    command,
    file_search,
    fs,
    initialize,
    item_notices,
    mcp,
    presence,
    read_state,
    settings,
    thread,
    turn,
    usage,
)
from protocol.method import Newest, Notice, Pieces
from protocol.wire import Empty

_NEWEST_OF_THREAD = Newest(("thread_id",))
_ITEM = ("thread_id", "turn_id", "item_id")

THREAD_STARTED = Notice("thread/started", thread.ThreadStartedNotification)
THREAD_STATUS_CHANGED = Notice("thread/status/changed", thread.ThreadStatusChangedNotification, _NEWEST_OF_THREAD)
THREAD_ARCHIVED = Notice("thread/archived", thread.ThreadIdNotification)
THREAD_UNARCHIVED = Notice("thread/unarchived", thread.ThreadIdNotification)
THREAD_DELETED = Notice("thread/deleted", thread.ThreadIdNotification)
THREAD_REVERTED = Notice("thread/reverted", thread.ThreadIdNotification)
THREAD_CLOSED = Notice("thread/closed", thread.ThreadIdNotification)
THREAD_NAME_UPDATED = Notice("thread/name/updated", thread.ThreadNameUpdatedNotification, _NEWEST_OF_THREAD)
THREAD_READ_STATE_CHANGED = Notice(
    "thread/readState/changed", read_state.ThreadReadStateChangedNotification, _NEWEST_OF_THREAD
)
THREAD_SETTINGS_UPDATED = Notice(
    "thread/settings/updated", settings.ThreadSettingsUpdatedNotification, _NEWEST_OF_THREAD
)
THREAD_TOKEN_USAGE_UPDATED = Notice(
    "thread/tokenUsage/updated", usage.ThreadTokenUsageUpdatedNotification, _NEWEST_OF_THREAD
)
TURN_STARTED = Notice("turn/started", turn.TurnStartedNotification)
TURN_COMPLETED = Notice("turn/completed", turn.TurnCompletedNotification)
ITEM_STARTED = Notice("item/started", item_notices.ItemStartedNotification)
ITEM_COMPLETED = Notice("item/completed", item_notices.ItemCompletedNotification)
AGENT_MESSAGE_DELTA = Notice("item/agentMessage/delta", item_notices.AgentMessageDeltaNotification, Pieces(_ITEM))
PLAN_DELTA = Notice("item/plan/delta", item_notices.PlanDeltaNotification, Pieces(_ITEM))
REASONING_SUMMARY_PART_ADDED = Notice(
    "item/reasoning/summaryPartAdded", item_notices.ReasoningSummaryPartAddedNotification
)
REASONING_SUMMARY_TEXT_DELTA = Notice(
    "item/reasoning/summaryTextDelta",
    item_notices.ReasoningSummaryTextDeltaNotification,
    Pieces((*_ITEM, "summary_index")),
)
REASONING_TEXT_DELTA = Notice(
    "item/reasoning/textDelta", item_notices.ReasoningTextDeltaNotification, Pieces((*_ITEM, "content_index"))
)
COMMAND_OUTPUT_DELTA = Notice("item/commandExecution/outputDelta", item_notices.OutputDeltaNotification, Pieces(_ITEM))
TERMINAL_INTERACTION = Notice("item/commandExecution/terminalInteraction", item_notices.TerminalInteractionNotification)
FILE_CHANGE_OUTPUT_DELTA = Notice("item/fileChange/outputDelta", item_notices.OutputDeltaNotification, Pieces(_ITEM))
MCP_TOOL_CALL_PROGRESS = Notice("item/mcpToolCall/progress", item_notices.McpToolCallProgressNotification)
TURN_DIFF_UPDATED = Notice("turn/diff/updated", turn.TurnDiffUpdatedNotification, Newest(("thread_id", "turn_id")))
TURN_PLAN_UPDATED = Notice("turn/plan/updated", turn.TurnPlanUpdatedNotification, Newest(("thread_id", "turn_id")))
SERVER_REQUEST_RESOLVED = Notice("serverRequest/resolved", approval.ServerRequestResolvedNotification)
COMMAND_EXEC_OUTPUT_DELTA = Notice("command/exec/outputDelta", command.CommandExecOutputDeltaNotification)
PROCESS_OUTPUT_DELTA = Notice("process/outputDelta", command.ProcessOutputDeltaNotification)
PROCESS_EXITED = Notice("process/exited", command.ProcessExitedNotification)
ERROR = Notice("error", turn.ErrorNotification)
WARNING = Notice("warning", turn.WarningNotification)
CONFIG_WARNING = Notice("configWarning", initialize.ConfigWarningNotification)
MCP_SERVER_STATUS_UPDATED = Notice("mcpServer/startupStatus/updated", mcp.McpServerStatusUpdatedNotification)
SKILLS_CHANGED = Notice("skills/changed", Empty)
ACCOUNT_RATE_LIMITS_UPDATED = Notice(
    "account/rateLimits/updated", account.AccountRateLimitsUpdatedNotification, Newest(())
)
FS_CHANGED = Notice("fs/changed", fs.FsChangedNotification)
FUZZY_FILE_SEARCH_SESSION_UPDATED = Notice(
    "fuzzyFileSearch/sessionUpdated", file_search.FuzzyFileSearchSessionUpdatedNotification, Newest(("session_id",))
)
FUZZY_FILE_SEARCH_SESSION_COMPLETED = Notice(
    "fuzzyFileSearch/sessionCompleted", file_search.FuzzyFileSearchSessionCompletedNotification, Newest(("session_id",))
)

PRESENCE_CHANGED = Notice("threadcast/presence/changed", presence.ThreadPresence, _NEWEST_OF_THREAD)

NOTICES: tuple[Notice[Any], ...] = (
    THREAD_STARTED,
    THREAD_STATUS_CHANGED,
    THREAD_ARCHIVED,
    THREAD_UNARCHIVED,
    THREAD_DELETED,
    THREAD_REVERTED,
    THREAD_CLOSED,
    THREAD_NAME_UPDATED,
    THREAD_READ_STATE_CHANGED,
    THREAD_SETTINGS_UPDATED,
    THREAD_TOKEN_USAGE_UPDATED,
    TURN_STARTED,
    TURN_COMPLETED,
    ITEM_STARTED,
    ITEM_COMPLETED,
    AGENT_MESSAGE_DELTA,
    PLAN_DELTA,
    REASONING_SUMMARY_PART_ADDED,
    REASONING_SUMMARY_TEXT_DELTA,
    REASONING_TEXT_DELTA,
    COMMAND_OUTPUT_DELTA,
    TERMINAL_INTERACTION,
    FILE_CHANGE_OUTPUT_DELTA,
    MCP_TOOL_CALL_PROGRESS,
    TURN_DIFF_UPDATED,
    TURN_PLAN_UPDATED,
    SERVER_REQUEST_RESOLVED,
    COMMAND_EXEC_OUTPUT_DELTA,
    PROCESS_OUTPUT_DELTA,
    PROCESS_EXITED,
    ERROR,
    WARNING,
    CONFIG_WARNING,
    MCP_SERVER_STATUS_UPDATED,
    SKILLS_CHANGED,
    ACCOUNT_RATE_LIMITS_UPDATED,
    FS_CHANGED,
    FUZZY_FILE_SEARCH_SESSION_UPDATED,
    FUZZY_FILE_SEARCH_SESSION_COMPLETED,
    PRESENCE_CHANGED,
)
"""Every notification the server may send."""
