"""The differences between the versions that we speak, row by row. Knows what is said, not how it is sent.

The types in this package are the union of all versions. A member, a kind of item or a notification that only some
versions know has a row here, and so has a value that some must hear in another way. What has no row is the same for
all. A new version is one more entry of ``VERSIONS`` and the rows that begin or end with it. Rows of a type count for
the types derived from it. Source of all rows: the JSON Schema that each release of codex prints of its own wire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from protocol import (
    account,
    approval,
    command,
    config,
    errors,
    history,
    item,
    item_notices,
    mcp,
    model,
    notices,
    offers,
    permissions,
    settings,
    skills,
    thread,
    turn,
    usage,
)
from protocol.dialects.versions import V0_147, V0_166, V0_169, Version
from protocol.method import Notice
from protocol.wire import UNSET, Wire


@dataclass(frozen=True)
class Members:
    """Members that exist from ``since`` on and before ``until``."""

    of: type[Wire]
    names: tuple[str, ...]
    since: Version | None = None
    until: Version | None = None


@dataclass(frozen=True)
class Wording:
    """How a member's value is said to clients from ``since`` on and before ``until``; by itself to all others."""

    of: type[Wire]
    name: str
    say: Callable[[Any], Any]
    since: Version | None = None
    until: Version | None = None


@dataclass(frozen=True)
class Unsaid:
    """What a request means that leaves a member out, or null, from clients from ``since`` on and before ``until``."""

    of: type[Wire]
    name: str
    value: Any
    since: Version | None = None
    until: Version | None = None


@dataclass(frozen=True)
class Kinds:
    """Kinds of objects that only exist from ``since`` on: left out of lists, and of what cannot be without them."""

    of: tuple[type[Wire], ...]
    since: Version


@dataclass(frozen=True)
class Notices:
    """Notifications that are only sent from ``since`` on."""

    of: tuple[Notice[Any], ...]
    since: Version


Row = Members | Wording | Unsaid | Kinds | Notices


def since(version: Version, of: type[Wire], *names: str) -> Members:
    """These members are new in this version."""
    return Members(of, names, since=version)


def until(version: Version, of: type[Wire], *names: str) -> Members:
    """These members are gone in this version."""
    return Members(of, names, until=version)


def _without_items(ended: turn.Turn) -> turn.Turn:
    return replace(ended, items=[])


def _known_tier(tier: str | None) -> str | None:
    return tier if tier in ("fast", "flex") else None


def _known_effort(effort: str | None) -> str | None:
    return effort if effort in ("none", "minimal", "low", "medium", "high", "xhigh") else None


def _still_a_policy(policy: permissions.ApprovalPolicy) -> permissions.ApprovalPolicy:
    return "on-request" if policy == "on-failure" else policy


def _known_tool(tool: str) -> str:
    later = {"sendMessage": "sendInput", "followupTask": "sendInput", "interruptAgent": "closeAgent"}
    return later.get(tool, "wait" if tool == "listAgents" else tool)


def _known_status(status: str) -> str:
    return "failed" if status == "interrupted" else status


def _known_error(kind: turn.CodexErrorInfo | None) -> turn.CodexErrorInfo | None:
    later = {"sessionBudgetExceeded", "rateLimitExceeded", "flexUnavailable", "modelNotFound", "inferenceHookDenied"}
    later |= {"policyCapacityUnavailable", "misalignmentPolicyViolation", "tooManyDenials"}
    later |= {"httpConnectionFailed"}  # with the status; they have such a kind, and say it of no answer
    named = kind if isinstance(kind, str) else next(iter(kind or {}), None)
    return "other" if named in later else kind


def _without_sound(parts: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return parts and [part for part in parts if part.get("type") != "inputAudio"]


def _any_signal(code: int) -> int:
    return max(code, -1)


def _signal_as_shells_say_it(code: int) -> int:
    return code if code >= 0 else 128 - code


def _given(value: Any) -> Any:
    return "" if value is UNSET else value


ROWS: tuple[Row, ...] = (
    # threads
    since(V0_147, thread.Thread, "session_id", "extra", "parent_thread_id", "section", "section_entered_at"),
    since(V0_147, thread.Thread, "history_mode", "recency_at", "can_accept_direct_input", "thread_source"),
    since(V0_166, thread.Thread, "environments", "project_id", "model", "reasoning_effort", "originator"),
    since(V0_166, thread.Thread, "daybreak_enabled"),
    since(V0_169, thread.Thread, "attached_to_thread_id"),
    since(V0_166, thread.ThreadReadResponse, "read_state"),
    since(V0_166, thread.ThreadListResponse, "read_states"),
    Notices((notices.THREAD_DELETED, notices.THREAD_SETTINGS_UPDATED), since=V0_147),
    Notices((notices.THREAD_READ_STATE_CHANGED, notices.THREAD_REVERTED), since=V0_166),
    # sessions
    until(V0_147, thread.SessionResponse, "permission_profile"),
    since(V0_147, thread.SessionResponse, "active_permission_profile", "multi_agent_mode", "runtime_workspace_roots"),
    since(V0_166, thread.SessionResponse, "disabled_plugin_ids"),
    since(V0_147, thread.ResumeResponse, "initial_turns_page", "turns_backwards_cursor", "items_backwards_cursor"),
    since(V0_166, thread.ResumeResponse, "collaboration_mode"),
    Wording(thread.SessionResponse, "service_tier", _known_tier, until=V0_147),
    Wording(thread.SessionResponse, "reasoning_effort", _known_effort, until=V0_147),
    Wording(thread.SessionResponse, "approval_policy", _still_a_policy, since=V0_147),
    until(V0_147, permissions.ReadOnly, "access"),
    until(V0_147, permissions.WorkspaceWrite, "read_only_access"),
    Wording(settings.ThreadSettings, "approval_policy", _still_a_policy, since=V0_147),
    since(V0_166, settings.ThreadSettings, "disabled_plugin_ids"),
    since(V0_169, settings.ThreadSettings, "environments"),
    # turns
    since(V0_147, turn.Turn, "items_view"),
    since(V0_166, turn.Turn, "root_turn_id"),
    since(V0_166, turn.TurnError, "misalignment"),
    Wording(turn.TurnError, "codex_error_info", _known_error, until=V0_166),
    Wording(turn.TurnCompletedNotification, "turn", _without_items, until=V0_147),
    since(V0_147, usage.TokenUsageBreakdown, "cache_write_input_tokens"),
    Unsaid(thread.ThreadTurnsListParams, "items_view", "full", until=V0_147),
    Unsaid(thread.TurnsPageParams, "items_view", "full", until=V0_147),
    # items
    since(V0_147, item_notices.ItemStartedNotification, "started_at_ms"),
    since(V0_147, item_notices.ItemCompletedNotification, "completed_at_ms"),
    since(V0_169, item_notices.ItemCompletedNotification, "content_token_count"),
    since(V0_147, item.UserMessage, "client_id"),
    since(V0_166, item.AgentMessage, "delivery", "questions"),
    since(V0_169, item.AgentMessage, "moderation"),
    since(V0_147, item.CommandExecution, "plugin_id", "script_path"),
    since(V0_147, item.McpToolCall, "app_context", "plugin_id", "read_only_hint"),
    since(V0_166, item.McpToolCall, "mcp_app_ui"),
    since(V0_147, item.WebSearch, "results"),
    since(V0_147, item.ImageGeneration, "transparent_background"),
    since(V0_166, item.ImageGeneration, "failure", "generation_id", "input_images", "file_id"),
    since(V0_166, item.SubAgentActivity, "model", "reasoning_effort"),
    since(V0_166, history.ThreadItemEntry, "started_at_ms", "completed_at_ms"),
    since(V0_169, history.ThreadItemEntry, "output_deferred"),
    since(V0_147, item.ImageInput, "detail"),
    since(V0_147, item.LocalImageInput, "detail"),
    since(V0_166, item.ImageInput, "file_id"),
    Wording(item.DynamicToolCall, "content_items", _without_sound, until=V0_147),
    Wording(item.ImageInput, "url", _given, until=V0_166),
    Wording(item.ImageGeneration, "result", _given, until=V0_166),
    Wording(item.CollabAgentToolCall, "tool", _known_tool, until=V0_166),
    Wording(item.CollabAgentToolCall, "status", _known_status, until=V0_166),
    Kinds((item.SubAgentActivity, item.Sleep, item.AudioInput, item.LocalAudioInput), since=V0_147),
    Kinds((item.FunctionCallOutput,), since=V0_166),
    # commands
    Wording(command.CommandExecResponse, "exit_code", _any_signal, until=V0_147),
    Wording(command.CommandExecResponse, "exit_code", _signal_as_shells_say_it, since=V0_147),
    Wording(command.ProcessExitedNotification, "exit_code", _signal_as_shells_say_it, since=V0_147),
    Notices((notices.PROCESS_OUTPUT_DELTA, notices.PROCESS_EXITED), since=V0_147),
    since(V0_166, command.ProcessExitedNotification, "output_drain_timed_out"),
    # questions
    since(V0_147, approval.CommandApprovalParams, "started_at_ms", "environment_id"),
    since(V0_166, approval.CommandApprovalParams, "kind"),
    since(V0_147, approval.FileChangeApprovalParams, "started_at_ms"),
    since(V0_147, approval.UserInputParams, "is_blocking", "auto_resolution_ms"),
    # MCP servers
    since(V0_147, mcp.McpServerStatus, "server_info"),
    since(V0_166, mcp.McpServerStatus, "runtime_status", "plugin_id", "http_origin", "server_capabilities"),
    since(V0_166, mcp.McpServerStatus, "tool_list_meta", "tools_error"),
    since(V0_166, mcp.McpResourceReadResponse, "origin_call_id"),
    since(V0_147, mcp.McpServerStatusUpdatedNotification, "thread_id", "failure_reason"),
    # refusals
    Kinds((errors.ProviderNotConfigured,), since=V0_166),
    # everything else
    until(V0_166, offers.ModelProviderCapabilities, "namespace_tools"),
    since(V0_147, model.Model, "model_specialty", "service_tiers", "default_service_tier"),
    since(V0_166, model.Model, "available_access_programs", "multi_agent_version"),
    since(V0_166, account.GetAccountResponse, "workspace_routing"),
    since(V0_169, account.GetAccountResponse, "user_id"),
    since(V0_147, account.RateLimitSnapshot, "individual_limit", "spend_control_reached"),
    since(V0_166, account.RateLimitSnapshot, "normal_model_slug"),
    since(V0_147, account.GetAccountRateLimitsResponse, "rate_limit_reset_credits"),
    since(V0_166, account.GetAccountRateLimitsResponse, "account_id", "ordinary_usage_allowed", "rate_limit_upsell"),
    since(V0_147, skills.SkillInterface, "icon_small_url", "icon_large_url"),
    since(V0_166, skills.SkillMetadata, "plugin_id"),
    since(V0_166, config.ConfigRequirementsReadResponse, "supports_independent_speed_modes"),
)
"""Every difference."""
