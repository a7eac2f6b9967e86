"""Which calls of MCP tools need somebody's approval, how that is asked, and what an answer means. Pure.

A tool says of itself what it does, and need not tell the truth: whoever configures a server trusts its word.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from protocol.config import ConfigEdit
from protocol.elicitation import (
    FormElicitation,
    McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse,
)
from protocol.permissions import ApprovalPolicy, DangerFullAccess, ExternalSandbox, Granular, SandboxPolicy
from rollout.model_items import as_object
from server.mcp.settings import ApprovalMode

Decision = Literal["run", "ask", "refuse"]
Memory = Literal["session", "always"]

FORBIDDEN = "this tool needs approval, and nobody may be asked under the approval policy of the thread"
"""Said to the model of a call that is refused without a question."""

DECLINED = "user rejected MCP tool call"
CANCELLED = "user cancelled MCP tool call"
"""What the ``error`` of the item says; clients look for these."""


class Meaning(NamedTuple):
    """What an answer to the question means. ``refusal``: null if the tool is to run."""

    refusal: str | None
    remember: Memory | None = None


def decide(annotations: dict[str, Any], mode: ApprovalMode, policy: ApprovalPolicy, sandbox: SandboxPolicy) -> Decision:
    """What is to be done about a call of a tool that nobody has approved yet. ``annotations`` as the server says."""
    if mode == "approve" or (mode == "auto" and not is_consequential(annotations)):
        return "run"
    if policy == "never" and _is_open(sandbox):
        return "run"
    return "ask" if _may_ask(policy) else "refuse"


def is_consequential(annotations: dict[str, Any]) -> bool:
    """Whether a tool may change something that matters, by its own account; it may if it does not say."""
    if annotations.get("destructiveHint") is True:
        return True
    if annotations.get("readOnlyHint") is True:
        return False
    return annotations.get("destructiveHint") is not False or annotations.get("openWorldHint") is not False


def question(thread_id: str, turn_id: str | None, server: str, tool: dict[str, Any], arguments: Any) -> FormElicitation:
    """What clients are asked about a call. ``tool`` as the server describes it."""
    given = as_object(arguments)
    meta: dict[str, Any] = {
        "codex_approval_kind": "mcp_tool_call",
        "persist": ["session", "always"],
        "tool_name": tool["name"],
        "tool_annotations": tool.get("annotations"),
        "tool_title": tool.get("title") or as_object(tool.get("annotations")).get("title"),
        "tool_description": tool.get("description"),
        "tool_params": arguments if arguments is not None else {},
        "tool_params_display": [
            {"name": name, "value": value, "display_name": name} for name, value in sorted(given.items())
        ],
    }
    return FormElicitation(
        thread_id=thread_id,
        turn_id=turn_id,
        server_name=server,
        message=f"Allow the {server} MCP server to run tool {json.dumps(tool['name'], ensure_ascii=False)}?",
        requested_schema={"type": "object", "properties": {}},
        meta={name: value for name, value in meta.items() if value is not None},
    )


def meaning(answer: McpServerElicitationRequestResponse) -> Meaning:
    """What the answer to that question means."""
    if answer.action == "accept":
        persist = as_object(answer.meta).get("persist")
        return Meaning(None, persist if persist in ("session", "always") else None)
    return Meaning(DECLINED if answer.action == "decline" else CANCELLED)


def always(server: str, tool: str) -> ConfigEdit:
    """The change of ``config.toml`` that lets this tool run from now on."""
    path = ".".join(("mcp_servers", _quoted(server), "tools", _quoted(tool), "approval_mode"))
    return ConfigEdit(key_path=path, value="approve", merge_strategy="replace")


def answered_by_policy(
    asked: McpServerElicitationRequestParams, policy: ApprovalPolicy, sandbox: SandboxPolicy
) -> McpServerElicitationRequestResponse | None:
    """The answer to a server's own question where the policy gives it; null: the user is to be asked."""
    if _may_ask(policy):
        return None
    is_plain = isinstance(asked, FormElicitation) and not asked.requested_schema.get("properties")
    if is_plain and policy == "never" and _is_open(sandbox):
        return McpServerElicitationRequestResponse(action="accept", content={})
    return McpServerElicitationRequestResponse(action="decline")


def _may_ask(policy: ApprovalPolicy) -> bool:
    return policy.granular.mcp_elicitations if isinstance(policy, Granular) else policy != "never"


def _is_open(sandbox: SandboxPolicy) -> bool:
    return isinstance(sandbox, DangerFullAccess | ExternalSandbox)


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
