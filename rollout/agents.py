"""Events about other agents -> the item they show as. Pure."""

from __future__ import annotations

from typing import Any, Literal

from protocol.item import CollabAgentToolCall
from rollout import events
from rollout.mapping import camel
from rollout.stored_kinds import Collab
from rollout.tool_events import AgentStatus

_STATUS: dict[str, Literal["inProgress", "completed", "failed", "interrupted"]] = {
    "in_progress": "inProgress",
    "completed": "completed",
    "failed": "failed",
    "interrupted": "interrupted",
}
_LOST = frozenset({"errored", "notFound"})


def agent_call(event: events.CollabEvent) -> CollabAgentToolCall:
    """Work with other agents' threads, ended."""
    match event:
        case events.CollabAgentSpawnEnd():
            return _spawn(event)
        case events.CollabWaitingEnd():
            return _wait(event)
        case events.CollabAgentInteractionEnd():
            return _one(event, "sendInput", event.prompt)
        case events.CollabCloseEnd():
            return _one(event, "closeAgent")
        case events.CollabResumeEnd():
            return _one(event, "resumeAgent")


def _spawn(event: events.CollabAgentSpawnEnd) -> CollabAgentToolCall:
    started = [event.new_thread_id] if event.new_thread_id else []
    states = {thread: _state(event.status) for thread in started}
    return CollabAgentToolCall(
        id=event.call_id,
        tool="spawnAgent",
        status=_outcome(states) if started else "failed",
        sender_thread_id=event.sender_thread_id,
        receiver_thread_ids=started,
        prompt=event.prompt,
        model=event.model,
        reasoning_effort=event.reasoning_effort,
        agents_states=states,
    )


def _wait(event: events.CollabWaitingEnd) -> CollabAgentToolCall:
    states = {thread: _state(event.statuses[thread]) for thread in sorted(event.statuses)}
    return CollabAgentToolCall(
        id=event.call_id,
        tool="wait",
        status=_outcome(states),
        sender_thread_id=event.sender_thread_id,
        receiver_thread_ids=list(states),
        agents_states=states,
    )


def _one(
    event: events.CollabAgentInteractionEnd | events.CollabCloseEnd | events.CollabResumeEnd,
    tool: str,
    prompt: str | None = None,
) -> CollabAgentToolCall:
    states = {event.receiver_thread_id: _state(event.status)}
    return CollabAgentToolCall(
        id=event.call_id,
        tool=tool,
        status=_outcome(states),
        sender_thread_id=event.sender_thread_id,
        receiver_thread_ids=[event.receiver_thread_id],
        prompt=prompt,
        agents_states=states,
    )


def stored_call(stored: Collab) -> CollabAgentToolCall:
    """The same as a paginated rollout stores it."""
    return CollabAgentToolCall(
        id=stored.id,
        tool=camel(stored.tool),
        status=_STATUS.get(stored.status, "completed"),
        sender_thread_id=stored.sender_thread_id,
        receiver_thread_ids=stored.receiver_thread_ids,
        prompt=stored.prompt,
        model=stored.model,
        reasoning_effort=stored.reasoning_effort,
        agents_states={thread: _state(status) for thread, status in stored.agents_states.items()},
    )


def _state(status: AgentStatus) -> dict[str, Any]:
    if isinstance(status, str):
        return {"status": camel(status), "message": None}
    name, message = next(iter(status.items()), ("not_found", None))
    return {"status": camel(name), "message": message}


def _outcome(states: dict[str, dict[str, Any]]) -> Literal["completed", "failed"]:
    return "failed" if any(state["status"] in _LOST for state in states.values()) else "completed"
