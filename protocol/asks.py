"""One row per question: what the server asks the clients of a thread. Names types and rules; knows no connection."""

from __future__ import annotations

from typing import Any

from protocol import approval, elicitation
from protocol.method import Ask

COMMAND_APPROVAL = Ask(
    "item/commandExecution/requestApproval",
    approval.CommandApprovalParams,
    approval.CommandApprovalResponse,
    unclear=approval.CommandApprovalResponse(decision="decline"),
    waits_for="approval",
    gated=("additional_permissions",),
)
FILE_CHANGE_APPROVAL = Ask(
    "item/fileChange/requestApproval",
    approval.FileChangeApprovalParams,
    approval.FileChangeApprovalResponse,
    unclear=approval.FileChangeApprovalResponse(decision="decline"),
    waits_for="approval",
)
USER_INPUT = Ask(
    "item/tool/requestUserInput",
    approval.UserInputParams,
    approval.UserInputResponse,
    unclear=approval.UserInputResponse(answers={}),
    waits_for="input",
)
DYNAMIC_TOOL_CALL = Ask(
    "item/tool/call",
    approval.DynamicToolCallParams,
    approval.DynamicToolCallResponse,
    unclear=approval.DynamicToolCallResponse.failure("dynamic tool response was invalid"),
    refused=approval.DynamicToolCallResponse.failure("dynamic tool request failed"),
    resolved=False,
)
ELICITATION = Ask(
    "mcpServer/elicitation/request",
    elicitation.Elicitation,
    elicitation.McpServerElicitationRequestResponse,
    unclear=elicitation.McpServerElicitationRequestResponse(action="decline"),
    waits_for="approval",
)

ASKS: tuple[Ask[Any, Any], ...] = (
    COMMAND_APPROVAL,
    FILE_CHANGE_APPROVAL,
    USER_INPUT,
    DYNAMIC_TOOL_CALL,
    ELICITATION,
)
"""Every question the server may ask."""
