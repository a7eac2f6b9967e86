"""Event -> the notifications that clients hear. Pure; knows no connection and no file."""

from __future__ import annotations

from collections.abc import Iterator

from protocol import frames, item_notices, notices, turn, usage
from protocol.account import AccountRateLimitsUpdatedNotification
from protocol.frames import Message
from protocol.turn import Turn, TurnStatus
from rollout import events
from rollout.events import Event
from rollout.lines import Entry
from rollout.mapping import optional
from rollout.usage import rate_limits_to_wire, to_wire
from server.threads.inflight import InFlight


def notifications(thread_id: str, running: InFlight | None, event: Event | Entry, now: int) -> Iterator[Message]:
    """What ``event`` means for the thread's subscribers, in order, while the turn ``running`` runs. ``now`` in unix ms.

    Without a turn it is an event of a command that outlived its own.
    """
    match event:
        case events.AgentMessageDelta():
            yield _delta(thread_id, event)
        case events.PlanDelta():
            planned = item_notices.PlanDeltaNotification(
                thread_id=thread_id, turn_id=event.turn_id, item_id=event.item_id, delta=event.delta
            )
            yield frames.notification(notices.PLAN_DELTA, planned)
        case events.ReasoningSummaryPartAdded() | events.ReasoningSummaryDelta() | events.ReasoningTextDelta():
            yield _reasoning(thread_id, event)
        case events.ItemStarted():
            started = item_notices.ItemStartedNotification(
                item=event.item, thread_id=thread_id, turn_id=event.turn_id, started_at_ms=now
            )
            yield frames.notification(notices.ITEM_STARTED, started)
        case events.ItemCompleted():
            completed = item_notices.ItemCompletedNotification(
                item=event.item, thread_id=thread_id, turn_id=event.turn_id, completed_at_ms=now
            )
            yield frames.notification(notices.ITEM_COMPLETED, completed)
        case events.CommandOutput() | events.PatchOutput() | events.TerminalInteraction() | events.ToolProgress():
            yield _of_tool(thread_id, event)
        case events.DiffUpdated():
            diff = turn.TurnDiffUpdatedNotification(thread_id=thread_id, turn_id=event.turn_id, diff=event.diff)
            yield frames.notification(notices.TURN_DIFF_UPDATED, diff)
        case events.PlanUpdated():
            steps = turn.TurnPlanUpdatedNotification(
                thread_id=thread_id, turn_id=event.turn_id, explanation=event.explanation, plan=event.plan
            )
            yield frames.notification(notices.TURN_PLAN_UPDATED, steps)
        case _ if running is not None:
            yield from _of_turn(thread_id, running, event)
        case _:
            return


def _of_turn(thread_id: str, running: InFlight, event: Event | Entry) -> Iterator[Message]:
    match event:
        case events.TokenCount():
            yield from _usage(thread_id, running.turn_id, event)
        case events.ThreadWarning():
            yield warning(thread_id, event.message)
        case _:
            yield from _turn(thread_id, running, event)


def _turn(thread_id: str, running: InFlight, event: Event | Entry) -> Iterator[Message]:
    match event:
        case events.TaskStarted():
            begun = begun_turn(running.turn_id, started_at=running.started_at)
            yield frames.notification(
                notices.TURN_STARTED, turn.TurnStartedNotification(thread_id=thread_id, turn=begun)
            )
        case events.Retrying():
            yield _error(thread_id, event.turn_id, event.error, will_retry=True)
        case events.Error() if running.error is not None:
            yield _error(thread_id, running.turn_id, running.error, will_retry=False)
        case events.TaskComplete() | events.TurnAborted():
            ended = turn.TurnCompletedNotification(thread_id=thread_id, turn=_ended(running, event))
            yield frames.notification(notices.TURN_COMPLETED, ended)
        case _:
            return


def begun_turn(turn_id: str, *, started_at: int | None = None) -> Turn:
    """A turn that has just begun, of which no item is shown. Time in unix seconds."""
    return Turn(
        id=turn_id, root_turn_id=turn_id, items=[], items_view="notLoaded", status="inProgress", started_at=started_at
    )


def _ended(running: InFlight, event: events.TaskComplete | events.TurnAborted) -> Turn:
    aborted = isinstance(event, events.TurnAborted)
    status: TurnStatus = "interrupted" if aborted else "failed" if running.error else "completed"
    last = running.last_message if status == "completed" else None
    return Turn(
        id=running.turn_id,
        root_turn_id=running.turn_id,
        items=[] if last is None else [last],
        items_view="notLoaded" if last is None else "summary",
        status=status,
        error=None if aborted else running.error,
        started_at=running.started_at,
        completed_at=optional(event.completed_at),
        duration_ms=optional(event.duration_ms),
    )


def _delta(thread_id: str, event: events.AgentMessageDelta) -> Message:
    more = item_notices.AgentMessageDeltaNotification(
        thread_id=thread_id, turn_id=event.turn_id, item_id=event.item_id, delta=event.delta
    )
    return frames.notification(notices.AGENT_MESSAGE_DELTA, more)


def _reasoning(
    thread_id: str,
    event: events.ReasoningSummaryPartAdded | events.ReasoningSummaryDelta | events.ReasoningTextDelta,
) -> Message:
    match event:
        case events.ReasoningSummaryPartAdded():
            part = item_notices.ReasoningSummaryPartAddedNotification(
                thread_id=thread_id, turn_id=event.turn_id, item_id=event.item_id, summary_index=event.summary_index
            )
            return frames.notification(notices.REASONING_SUMMARY_PART_ADDED, part)
        case events.ReasoningSummaryDelta():
            summary = item_notices.ReasoningSummaryTextDeltaNotification(
                thread_id=thread_id,
                turn_id=event.turn_id,
                item_id=event.item_id,
                delta=event.delta,
                summary_index=event.summary_index,
            )
            return frames.notification(notices.REASONING_SUMMARY_TEXT_DELTA, summary)
        case events.ReasoningTextDelta():
            raw = item_notices.ReasoningTextDeltaNotification(
                thread_id=thread_id,
                turn_id=event.turn_id,
                item_id=event.item_id,
                delta=event.delta,
                content_index=event.content_index,
            )
            return frames.notification(notices.REASONING_TEXT_DELTA, raw)


def _of_tool(
    thread_id: str, event: events.CommandOutput | events.PatchOutput | events.TerminalInteraction | events.ToolProgress
) -> Message:
    at = {"thread_id": thread_id, "turn_id": event.turn_id, "item_id": event.item_id}
    match event:
        case events.CommandOutput():
            more = item_notices.OutputDeltaNotification(**at, delta=event.delta)
            return frames.notification(notices.COMMAND_OUTPUT_DELTA, more)
        case events.PatchOutput():
            said = item_notices.OutputDeltaNotification(**at, delta=event.delta)
            return frames.notification(notices.FILE_CHANGE_OUTPUT_DELTA, said)
        case events.TerminalInteraction():
            given = item_notices.TerminalInteractionNotification(**at, process_id=event.process_id, stdin=event.stdin)
            return frames.notification(notices.TERMINAL_INTERACTION, given)
        case events.ToolProgress():
            progress = item_notices.McpToolCallProgressNotification(**at, message=event.message)
            return frames.notification(notices.MCP_TOOL_CALL_PROGRESS, progress)


def _usage(thread_id: str, turn_id: str, event: events.TokenCount) -> Iterator[Message]:
    if event.info is not None:
        yield usage_frame(thread_id, turn_id, event.info)
    if event.rate_limits is not None:
        limits = AccountRateLimitsUpdatedNotification(rate_limits=rate_limits_to_wire(event.rate_limits))
        yield frames.notification(notices.ACCOUNT_RATE_LIMITS_UPDATED, limits)


def usage_frame(thread_id: str, turn_id: str, info: events.TokenUsageInfo) -> Message:
    """``thread/tokenUsage/updated``, live and replayed alike."""
    updated = usage.ThreadTokenUsageUpdatedNotification(thread_id=thread_id, turn_id=turn_id, token_usage=to_wire(info))
    return frames.notification(notices.THREAD_TOKEN_USAGE_UPDATED, updated)


def _error(thread_id: str, turn_id: str, error: turn.TurnError, *, will_retry: bool) -> Message:
    told = turn.ErrorNotification(error=error, will_retry=will_retry, thread_id=thread_id, turn_id=turn_id)
    return frames.notification(notices.ERROR, told)


def warning(thread_id: str, message: str) -> Message:
    """A ``warning`` about one thread."""
    return frames.notification(notices.WARNING, turn.WarningNotification(thread_id=thread_id, message=message))
