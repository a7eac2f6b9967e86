"""One row per method: what clients may request. Names types and rules; knows no handler and no connection."""

from __future__ import annotations

from typing import Any

from protocol import (
    account,
    command,
    config,
    file_search,
    fs,
    git,
    history,
    initialize,
    mcp,
    model,
    offers,
    presence,
    raised,
    read_state,
    removal,
    review,
    search,
    settings,
    skills,
    terminals,
    thread,
    thread_list,
    turn,
    usage,
)
from protocol.method import Method as Method
from protocol.method import by_client, by_configuration, by_thread
from protocol.wire import Empty

INITIALIZE = Method("initialize", initialize.InitializeParams, initialize.InitializeResponse, scope="view")

THREAD_START = Method(
    "thread/start",
    thread.ThreadStartParams,
    thread.SessionResponse,
    gated={
        "environments": "environments",
        "history_mode": "historyMode",
        "dynamic_tools": "dynamicTools",
        "mock_experimental_field": "mockExperimentalField",
        "experimental_raw_events": "experimentalRawEvents",
        "persist_extended_history": "persistFullHistory",
    },
    scope="write",
    raised=raised.AT_START,
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
    scope="view",
    raised=raised.AT_RESUME,
)
THREAD_FORK = Method(
    "thread/fork",
    thread.ThreadForkParams,
    thread.SessionResponse,
    by_thread,
    gated={"path": "path", "before_turn_id": "beforeTurnId", "persist_extended_history": "persistFullHistory"},
    scope="write",
    raised=raised.AT_FORK,
)
THREAD_READ = Method("thread/read", thread.ThreadReadParams, thread.ThreadReadResponse, by_thread, scope="view")
THREAD_READ_STATE_UPDATE = Method(
    "thread/readState/update",
    read_state.ThreadReadStateUpdateParams,
    read_state.ThreadReadStateUpdateResponse,
    by_thread,
    experimental=True,
    scope="write",
)
THREAD_LIST = Method("thread/list", thread_list.ThreadListParams, thread.ThreadListResponse, scope="view")
THREAD_LOADED_LIST = Method(
    "thread/loaded/list", thread.ThreadLoadedListParams, thread.ThreadLoadedListResponse, scope="view"
)
THREAD_UNSUBSCRIBE = Method(
    "thread/unsubscribe", thread.ThreadIdParams, thread.ThreadUnsubscribeResponse, by_thread, scope="view"
)
THREAD_NAME_SET = Method("thread/name/set", thread.ThreadSetNameParams, Empty, by_thread, scope="write")
THREAD_ARCHIVE = Method("thread/archive", thread.ThreadIdParams, Empty, by_thread, scope="write")
THREAD_UNARCHIVE = Method("thread/unarchive", thread.ThreadIdParams, thread.ThreadResponse, by_thread, scope="write")
THREAD_DELETE = Method("thread/delete", thread.ThreadIdParams, Empty, by_thread)
THREAD_ROLLBACK = Method(
    "thread/rollback", thread.ThreadRollbackParams, thread.ThreadResponse, by_thread, scope="write"
)
THREAD_REVERT = Method(
    "thread/revert", removal.ThreadRevertParams, removal.ThreadRevertResponse, by_thread, scope="write"
)
THREAD_TURNS_LIST = Method(
    "thread/turns/list", thread.ThreadTurnsListParams, thread.ThreadTurnsListResponse, by_thread, scope="view"
)
THREAD_ITEMS_LIST = Method(
    "thread/items/list", history.ThreadItemsListParams, history.ThreadItemsListResponse, by_thread, scope="view"
)
THREAD_ITEMS_READ = Method(
    "thread/items/read",
    history.ThreadItemsReadParams,
    history.ThreadItemsReadResponse,
    by_thread,
    experimental=True,
    scope="view",
)
THREAD_SEARCH_OCCURRENCES = Method(
    "thread/searchOccurrences",
    search.ThreadSearchOccurrencesParams,
    search.ThreadSearchOccurrencesResponse,
    by_thread,
    experimental=True,
    scope="view",
)
THREAD_METADATA_UPDATE = Method(
    "thread/metadata/update", thread.ThreadMetadataUpdateParams, thread.ThreadResponse, by_thread, scope="write"
)
THREAD_INJECT_ITEMS = Method("thread/inject_items", thread.ThreadInjectItemsParams, Empty, by_thread, scope="write")
THREAD_MEMORY_MODE_SET = Method(
    "thread/memoryMode/set", thread.ThreadMemoryModeSetParams, Empty, by_thread, experimental=True, scope="write"
)

THREAD_COMPACT_START = Method("thread/compact/start", thread.ThreadIdParams, Empty, by_thread, scope="write")
THREAD_GOAL_GET = Method("thread/goal/get", thread.ThreadIdParams, offers.ThreadGoalResponse, by_thread, scope="view")
THREAD_BACKGROUND_TERMINALS_LIST = Method(
    "thread/backgroundTerminals/list",
    offers.ThreadPageParams,
    terminals.ThreadBackgroundTerminalsListResponse,
    experimental=True,
    scope="view",
)
THREAD_BACKGROUND_TERMINALS_CLEAN = Method(
    "thread/backgroundTerminals/clean", thread.ThreadIdParams, Empty, by_thread, experimental=True, scope="write"
)
THREAD_BACKGROUND_TERMINALS_TERMINATE = Method(
    "thread/backgroundTerminals/terminate",
    terminals.ThreadBackgroundTerminalsTerminateParams,
    terminals.ThreadBackgroundTerminalsTerminateResponse,
    by_thread,
    experimental=True,
    scope="write",
)
THREAD_SHELL_COMMAND = Method("thread/shellCommand", terminals.ThreadShellCommandParams, Empty, by_thread)
THREAD_SETTINGS_UPDATE = Method(
    "thread/settings/update",
    settings.ThreadSettingsUpdateParams,
    Empty,
    by_thread,
    experimental=True,
    scope="write",
    raised=raised.IN_TURNS,
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
    scope="write",
    raised=raised.IN_TURNS,
)
TURN_STEER = Method(
    "turn/steer",
    turn.TurnSteerParams,
    turn.TurnSteerResponse,
    by_thread,
    gated={"responsesapi_client_metadata": "responsesapiClientMetadata"},
    scope="write",
)
TURN_INTERRUPT = Method("turn/interrupt", turn.TurnInterruptParams, Empty, by_thread, scope="write")
REVIEW_START = Method("review/start", review.ReviewStartParams, review.ReviewStartResponse, by_thread, scope="write")

USAGE_READ = Method("threadcast/usage/read", usage.UsageReadParams, usage.UsageReadResponse, by_thread, scope="view")
USAGE_LIST = Method("threadcast/usage/list", usage.UsageListParams, usage.UsageListResponse, scope="view")

COMMAND_EXEC = Method(
    "command/exec",
    command.CommandExecParams,
    command.CommandExecResponse,
    gated={"permission_profile": "permissionProfile"},
)
COMMAND_EXEC_WRITE = Method("command/exec/write", command.CommandExecWriteParams, Empty)
COMMAND_EXEC_RESIZE = Method("command/exec/resize", command.CommandExecResizeParams, Empty)
COMMAND_EXEC_TERMINATE = Method("command/exec/terminate", command.CommandExecTerminateParams, Empty)
PROCESS_SPAWN = Method("process/spawn", command.ProcessSpawnParams, Empty, experimental=True)
PROCESS_WRITE_STDIN = Method("process/writeStdin", command.ProcessWriteStdinParams, Empty, experimental=True)
PROCESS_RESIZE_PTY = Method("process/resizePty", command.ProcessResizePtyParams, Empty, experimental=True)
PROCESS_KILL = Method("process/kill", command.ProcessKillParams, Empty, experimental=True)

ACCOUNT_READ = Method("account/read", account.GetAccountParams, account.GetAccountResponse, scope="view")
ACCOUNT_RATE_LIMITS_READ = Method(
    "account/rateLimits/read", Empty, account.GetAccountRateLimitsResponse, lenient=True, scope="view"
)
MODEL_LIST = Method("model/list", model.ModelListParams, model.ModelListResponse, scope="view")
COLLABORATION_MODE_LIST = Method(
    "collaborationMode/list", Empty, model.CollaborationModeListResponse, experimental=True, scope="view"
)
EXPERIMENTAL_FEATURE_LIST = Method("experimentalFeature/list", model.PageParams, model.EmptyPage, scope="view")
MCP_SERVER_STATUS_LIST = Method(
    "mcpServerStatus/list", mcp.ListMcpServerStatusParams, mcp.ListMcpServerStatusResponse, scope="view"
)
MCP_SERVER_RESOURCE_READ = Method("mcpServer/resource/read", mcp.McpResourceReadParams, mcp.McpResourceReadResponse)
MCP_SERVER_TOOL_CALL = Method("mcpServer/tool/call", mcp.McpServerToolCallParams, mcp.McpServerToolCallResponse)
MCP_SERVER_OAUTH_LOGIN = Method("mcpServer/oauth/login", mcp.McpServerOauthLoginParams, mcp.McpServerOauthLoginResponse)
CONFIG_MCP_SERVER_RELOAD = Method("config/mcpServer/reload", Empty, Empty, lenient=True)
CONFIG_READ = Method("config/read", config.ConfigReadParams, config.ConfigReadResponse, scope="view")
CONFIG_VALUE_WRITE = Method(
    "config/value/write", config.ConfigValueWriteParams, config.ConfigWriteResponse, by_configuration
)
CONFIG_BATCH_WRITE = Method(
    "config/batchWrite", config.ConfigBatchWriteParams, config.ConfigWriteResponse, by_configuration
)
CONFIG_REQUIREMENTS_READ = Method(
    "configRequirements/read", Empty, config.ConfigRequirementsReadResponse, lenient=True, scope="view"
)
SKILLS_LIST = Method(
    "skills/list",
    skills.SkillsListParams,
    skills.SkillsListResponse,
    scope="view",
    raised={"per_cwd_extra_user_roots": "admin"},
)
HOOKS_LIST = Method("hooks/list", offers.HooksListParams, offers.HooksListResponse, scope="view")
PLUGIN_INSTALLED = Method("plugin/installed", offers.PluginsParams, offers.PluginInstalledResponse, scope="view")
PLUGIN_LIST = Method("plugin/list", offers.PluginsParams, offers.PluginListResponse, scope="view")
APP_LIST = Method("app/list", offers.ThreadPageParams, model.EmptyPage, scope="view")
APP_INSTALLED = Method("app/installed", offers.ThreadPageParams, offers.AppsInstalledResponse, scope="view")
PERMISSION_PROFILE_LIST = Method("permissionProfile/list", model.PageParams, offers.PermissionProfilePage, scope="view")
MODEL_PROVIDER_LIST = Method("modelProvider/list", Empty, offers.ModelProviderListResponse, scope="view")
MODEL_PROVIDER_CAPABILITIES_READ = Method(
    "modelProvider/capabilities/read", Empty, offers.ModelProviderCapabilities, scope="view"
)
CHECK_GOV_CLOUD = Method(
    "account/bedrock/checkGovCloudRequirements", Empty, offers.GovCloudCheck, experimental=True, scope="view"
)
ACCOUNT_USAGE_READ = Method("account/usage/read", Empty, Empty, lenient=True, scope="view")
ENVIRONMENT_STATUS = Method(
    "environment/status", offers.EnvironmentParams, offers.EnvironmentStatus, experimental=True, scope="view"
)
ENVIRONMENT_INFO = Method(
    "environment/info", offers.EnvironmentParams, offers.Environment, experimental=True, scope="view"
)
REMOTE_CONTROL_STATUS_READ = Method(
    "remoteControl/status/read", Empty, offers.RemoteControlStatus, experimental=True, lenient=True, scope="view"
)

FS_READ_FILE = Method("fs/readFile", fs.FsPathParams, fs.FsReadFileResponse, by_client)
FS_WRITE_FILE = Method("fs/writeFile", fs.FsWriteFileParams, Empty, by_client)
FS_CREATE_DIRECTORY = Method("fs/createDirectory", fs.FsCreateDirectoryParams, Empty, by_client)
FS_GET_METADATA = Method("fs/getMetadata", fs.FsPathParams, fs.FsGetMetadataResponse, by_client)
FS_READ_DIRECTORY = Method("fs/readDirectory", fs.FsPathParams, fs.FsReadDirectoryResponse, by_client)
FS_REMOVE = Method("fs/remove", fs.FsRemoveParams, Empty, by_client)
FS_COPY = Method("fs/copy", fs.FsCopyParams, Empty, by_client)
FS_WATCH = Method("fs/watch", fs.FsWatchParams, fs.FsWatchResponse, by_client)
FS_UNWATCH = Method("fs/unwatch", fs.FsUnwatchParams, Empty, by_client)
FUZZY_FILE_SEARCH = Method(
    "fuzzyFileSearch", file_search.FuzzyFileSearchParams, file_search.FuzzyFileSearchResponse, scope="write"
)
FUZZY_FILE_SEARCH_SESSION_START = Method(
    "fuzzyFileSearch/sessionStart",
    file_search.FuzzyFileSearchSessionStartParams,
    Empty,
    by_client,
    experimental=True,
    scope="write",
)
FUZZY_FILE_SEARCH_SESSION_UPDATE = Method(
    "fuzzyFileSearch/sessionUpdate",
    file_search.FuzzyFileSearchSessionUpdateParams,
    Empty,
    by_client,
    experimental=True,
    scope="write",
)
FUZZY_FILE_SEARCH_SESSION_STOP = Method(
    "fuzzyFileSearch/sessionStop",
    file_search.FuzzyFileSearchSessionStopParams,
    Empty,
    by_client,
    experimental=True,
    scope="write",
)
PRESENCE_LIST = Method(
    "threadcast/presence/list", presence.PresenceListParams, presence.PresenceListResponse, lenient=True, scope="view"
)

GIT_DIFF_TO_REMOTE = Method("gitDiffToRemote", git.GitDiffToRemoteParams, git.GitDiffToRemoteResponse)

METHODS: tuple[Method[Any, Any], ...] = (
    INITIALIZE,
    THREAD_START,
    THREAD_RESUME,
    THREAD_FORK,
    THREAD_READ,
    THREAD_READ_STATE_UPDATE,
    THREAD_LIST,
    THREAD_LOADED_LIST,
    THREAD_UNSUBSCRIBE,
    THREAD_NAME_SET,
    THREAD_ARCHIVE,
    THREAD_UNARCHIVE,
    THREAD_DELETE,
    THREAD_ROLLBACK,
    THREAD_REVERT,
    THREAD_TURNS_LIST,
    THREAD_ITEMS_LIST,
    THREAD_ITEMS_READ,
    THREAD_SEARCH_OCCURRENCES,
    THREAD_METADATA_UPDATE,
    THREAD_INJECT_ITEMS,
    THREAD_MEMORY_MODE_SET,
    THREAD_COMPACT_START,
    THREAD_GOAL_GET,
    THREAD_BACKGROUND_TERMINALS_LIST,
    THREAD_BACKGROUND_TERMINALS_CLEAN,
    THREAD_BACKGROUND_TERMINALS_TERMINATE,
    THREAD_SHELL_COMMAND,
    THREAD_SETTINGS_UPDATE,
    TURN_START,
    TURN_STEER,
    TURN_INTERRUPT,
    REVIEW_START,
    USAGE_READ,
    USAGE_LIST,
    COMMAND_EXEC,
    COMMAND_EXEC_WRITE,
    COMMAND_EXEC_RESIZE,
    COMMAND_EXEC_TERMINATE,
    PROCESS_SPAWN,
    PROCESS_WRITE_STDIN,
    PROCESS_RESIZE_PTY,
    PROCESS_KILL,
    ACCOUNT_READ,
    ACCOUNT_RATE_LIMITS_READ,
    MODEL_LIST,
    COLLABORATION_MODE_LIST,
    EXPERIMENTAL_FEATURE_LIST,
    MCP_SERVER_STATUS_LIST,
    MCP_SERVER_RESOURCE_READ,
    MCP_SERVER_TOOL_CALL,
    MCP_SERVER_OAUTH_LOGIN,
    CONFIG_MCP_SERVER_RELOAD,
    CONFIG_READ,
    CONFIG_VALUE_WRITE,
    CONFIG_BATCH_WRITE,
    CONFIG_REQUIREMENTS_READ,
    SKILLS_LIST,
    HOOKS_LIST,
    PLUGIN_INSTALLED,
    PLUGIN_LIST,
    APP_LIST,
    APP_INSTALLED,
    PERMISSION_PROFILE_LIST,
    MODEL_PROVIDER_LIST,
    MODEL_PROVIDER_CAPABILITIES_READ,
    CHECK_GOV_CLOUD,
    ACCOUNT_USAGE_READ,
    ENVIRONMENT_STATUS,
    ENVIRONMENT_INFO,
    REMOTE_CONTROL_STATUS_READ,
    FS_READ_FILE,
    FS_WRITE_FILE,
    FS_CREATE_DIRECTORY,
    FS_GET_METADATA,
    FS_READ_DIRECTORY,
    FS_REMOVE,
    FS_COPY,
    FS_WATCH,
    FS_UNWATCH,
    FUZZY_FILE_SEARCH,
    FUZZY_FILE_SEARCH_SESSION_START,
    FUZZY_FILE_SEARCH_SESSION_UPDATE,
    FUZZY_FILE_SEARCH_SESSION_STOP,
    GIT_DIFF_TO_REMOTE,
    PRESENCE_LIST,
)
"""Every request a client may make."""
