"""What an MCP server asks the user of a thread, put to the thread's clients. Knows no server and no connection."""

from __future__ import annotations

from msgspec.structs import replace

from protocol.asks import ELICITATION
from protocol.elicitation import McpServerElicitationRequestParams, McpServerElicitationRequestResponse
from server.mcp.approval import answered_by_policy
from server.threads.live import LiveThread


async def elicit(live: LiveThread, question: McpServerElicitationRequestParams) -> McpServerElicitationRequestResponse:
    """The answer by the approval policy, else by whoever of the clients is first."""
    answer = answered_by_policy(question, live.settings.approval_policy, live.settings.sandbox)
    if answer is not None:
        return answer
    turn_id = None if live.turn is None else live.turn.id
    return await live.ask(ELICITATION, replace(question, turn_id=turn_id))
