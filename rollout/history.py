"""Entries -> turns. Pure: fed from a file when it is read and by the living thread alike. Knows no model input.

Positions are counted here: feed every entry of the file, in order, its first line included. Live events are nothing
to it and take no position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

from msgspec.structs import replace

from protocol.item import ContextCompaction, HookPrompt, Plan, Reasoning, ThreadItem, UserMessage
from protocol.turn import Turn
from protocol.wire import Record
from rollout import events, mapping, paginated
from rollout.agents import agent_call
from rollout.boundaries import hook_fragments
from rollout.drafts import Draft
from rollout.lines import Compacted, Entry, ResponseItem
from rollout.mapping import optional
from rollout.paginated import StoredItem
from rollout.policy import sanitise

_UNCOUNTED = frozenset({*get_args(events.LiveEvent), events.ThreadSettingsApplied})
"""Take no position: they are not in the file, or the versions that number turns by position do not read them."""

# These errors concern a request that was refused, not the turn that runs.
_HARMLESS = frozenset({"thread_rollback_failed", "active_turn_not_steerable"})


class UsageOwner(Record):
    """The turn that a token_count belongs to, and its position in the turns of that moment."""

    turn_id: str
    position: int


class History:
    """The turns of one thread, growing entry by entry."""

    def __init__(self) -> None:
        self._finished: list[Draft] = []
        self._open: Draft | None = None
        self._position = -1
        self._next_item = 1
        self._growing: Reasoning | None = None
        self._counted_in: tuple[Draft, int] | None = None
        self._early: dict[str, list[ThreadItem]] = {}
        self._inputs: dict[str, Draft] = {}  # by the ids that clients gave them

    def feed(self, entry: Entry | events.Event) -> None:
        """Take the next entry of the file, or the next event of the living thread."""
        kind = type(entry)
        fold = self._folds.get(kind)
        if fold is not None:
            self._position += 1
            fold(self, entry)
        elif kind not in _UNCOUNTED:
            self._position += 1

    def pass_over(self, count: int) -> None:
        """Take so many entries of the file that are nothing to turns and only take their place."""
        self._position += count

    def turns(self) -> list[Turn]:
        """All turns as they are now, oldest first. Cheap: only turns that changed are made anew."""
        turns = [draft.picture() for draft in self._finished]
        if self._open is not None and self._open.counts:
            turns.append(self._open.picture())
        return turns

    @property
    def usage_owner(self) -> UsageOwner | None:
        """The turn of the newest token_count."""
        if self._counted_in is None:
            return None
        draft, position = self._counted_in
        return UsageOwner(turn_id=draft.id, position=position)

    @property
    def turn_count(self) -> int:
        """How many turns there are."""
        return len(self._finished) + (self._open is not None and self._open.counts)

    @property
    def open_turn_id(self) -> str | None:
        """The turn that was started and has not ended. In a file at rest: the one that a crash left behind."""
        running = self._open is not None and self._open.explicit and self._open.status == "inProgress"
        return self._open.id if self._open is not None and running else None

    @property
    def newest_turn_id(self) -> str | None:
        """The turn that began last, ended or not."""
        newest = self._open or (self._finished[-1] if self._finished else None)
        return None if newest is None else newest.id

    def turn_with(self, client_id: str) -> Turn | None:
        """The turn that has the input which a client gave this id."""
        draft = self._inputs.get(client_id)
        return None if draft is None else draft.picture()

    # Where a turn begins and ends

    def _started(self, event: events.TaskStarted) -> None:
        self._close()
        self._open = _begun(event.turn_id, event)
        for item in self._early.pop(event.turn_id, ()):
            self._take(self._open, item)

    def _close(self) -> None:
        if self._open is not None and self._open.counts:
            self._finished.append(self._open)
        self._open = None

    def _current(self) -> Draft:
        """The open turn; where there is none, an implicit one named after this entry."""
        if self._open is None:
            self._open = Draft(f"rollout-{self._position}", explicit=False)
        return self._open

    def _target(self, turn_id: str | None) -> Draft | None:
        """The turn that an ending means: by its id, else the open one."""
        return self._by_id(turn_id) or self._open

    def _by_id(self, turn_id: str | None) -> Draft | None:
        if self._open is not None and self._open.id == turn_id:
            return self._open
        return next((draft for draft in reversed(self._finished) if draft.id == turn_id), None)

    def _completed(self, event: events.TaskComplete) -> None:
        early = self._early.pop(event.turn_id, None)
        if early is not None:  # its beginning is not in the file
            self._close()
            self._open = _begun(event.turn_id, event)
            for item in early:
                self._take(self._open, item)
        draft = self._target(event.turn_id)
        if draft is None:
            return
        if event.error:
            draft.fail(mapping.turn_error(paginated.failure(event.error)))
        status = "completed" if draft.status == "inProgress" else draft.status
        draft.finish(status, optional(event.completed_at), optional(event.duration_ms))
        if draft is self._open:
            self._close()

    def _aborted(self, event: events.TurnAborted) -> None:
        # The turn stays open: what its tools still say belongs to it.
        draft = self._target(event.turn_id)
        if draft is not None:
            draft.finish("interrupted", optional(event.completed_at), optional(event.duration_ms))

    def _failed(self, event: events.Error) -> None:
        if self._open is not None and not is_harmless(event):
            self._open.fail(mapping.turn_error(event))

    def _rolled_back(self, event: events.ThreadRolledBack) -> None:
        self._close()
        kept = max(0, len(self._finished) - event.num_turns)
        for draft in self._finished[kept:]:
            self._forget_inputs(draft)
        del self._finished[kept:]
        self._next_item = 1 + sum(draft.size for draft in self._finished)

    # Items with a number

    def _id(self) -> str:
        number = self._next_item
        self._next_item += 1
        return f"item-{number}"

    def _said(self, event: events.UserMessage) -> None:
        draft = self._open
        if draft is not None and not draft.explicit and not (draft.compacted and draft.size == 0):
            self._close()
        self._take(self._current(), mapping.user_message(self._id(), event))

    def _answered(self, event: events.AgentMessage) -> None:
        if event.message:
            self._current().put(mapping.agent_message(self._id(), event))

    def _summarised(self, event: events.AgentReasoning) -> None:
        self._reason("summary", event.text)

    def _reasoned(self, event: events.AgentReasoningRawContent) -> None:
        self._reason("content", event.text)

    def _reason(self, field: Literal["summary", "content"], text: str) -> None:
        if not text:
            return
        draft = self._current()
        last = draft.last_item
        if last is None or last is not self._growing or not draft.is_fresh(last):
            item = last if isinstance(last, Reasoning) else Reasoning(id=self._id())
            self._growing = replace(item, summary=item.summary.copy(), content=item.content.copy())
            draft.put(self._growing)
        parts: list[str] = getattr(self._growing, field)
        parts.append(text)

    def _context_compacted(self, _: events.ContextCompacted) -> None:
        self._current().put(ContextCompaction(id=self._id()))

    def _entered_review(self, event: events.EnteredReviewMode) -> None:
        self._current().put(mapping.entered_review(self._id(), event))

    def _exited_review(self, event: events.ExitedReviewMode) -> None:
        self._current().put(mapping.exited_review(self._id(), event))

    # Items with an id of their own

    def _put(self, turn_id: str, item: ThreadItem | None) -> None:
        """Store an item in the turn it names (gone: dropped), or in the running one if it names none."""
        draft = self._by_id(turn_id) if turn_id else self._current()
        if draft is not None and item is not None:
            self._take(draft, item)

    def _take(self, draft: Draft, item: ThreadItem) -> None:
        draft.put(item)
        if isinstance(item, UserMessage) and item.client_id:
            self._inputs.setdefault(item.client_id, draft)

    def _forget_inputs(self, draft: Draft) -> None:
        """The turn was taken back, so what was said in it may be said again."""
        for item in draft.picture().items:
            if isinstance(item, UserMessage) and item.client_id and self._inputs.get(item.client_id) is draft:
                del self._inputs[item.client_id]

    def _executed(self, event: events.ExecCommandEnd) -> None:
        self._put(event.turn_id, mapping.command(sanitise(event)))

    def _patched(self, event: events.PatchApplyEnd) -> None:
        self._put(event.turn_id, mapping.file_change(event))

    def _judged(self, event: events.GuardianAssessment) -> None:
        item = mapping.judged_command(event)
        if item is not None:
            self._put(event.turn_id, item)

    def _tool_called(self, event: events.DynamicToolCallRequest) -> None:
        self._put(event.turn_id, mapping.dynamic_request(event))

    def _tool_answered(self, event: events.DynamicToolCallResponse) -> None:
        self._put(event.turn_id, mapping.dynamic_response(event))

    def _called(self, event: events.McpToolCallEnd) -> None:
        self._current().put(mapping.mcp_call(event))

    def _searched(self, event: events.WebSearchEnd) -> None:
        self._current().put(mapping.web_search(event))

    def _viewed(self, event: events.ViewImageToolCall) -> None:
        self._current().put(mapping.image_view(event))

    def _drawn(self, event: events.ImageGenerationEnd) -> None:
        self._current().put(mapping.image_generation(event))

    def _worked_together(self, event: events.CollabEvent) -> None:
        self._current().put(agent_call(event))

    def _planned(self, event: events.PlanCompleted) -> None:
        if event.item.text:
            self._put(event.turn_id, Plan(id=event.item.id, text=event.item.text))

    def _stored(self, entry: StoredItem) -> None:
        """Items may come before their turn: those of a review stand around the turn of the reviewer."""
        if self._by_id(entry.turn_id) is None:
            self._early.setdefault(entry.turn_id, []).append(entry.item)
        else:
            self._put(entry.turn_id, entry.item)

    # What is no event

    def _compacted(self, _: Compacted) -> None:
        self._current().compacted = True

    def _model_item(self, entry: ResponseItem) -> None:
        fragments = hook_fragments(entry.payload)
        if fragments:
            self._current().put(HookPrompt(id=f"hook-{self._position}", fragments=fragments))

    def _counted(self, _: events.TokenCount) -> None:
        if self._open is not None:
            self._counted_in = self._open, len(self._finished)
        elif self._finished:
            self._counted_in = self._finished[-1], len(self._finished) - 1
        else:
            self._counted_in = None

    _folds: dict[type, Callable[[History, Any], None]] = {
        events.TaskStarted: _started,
        events.TaskComplete: _completed,
        events.TurnAborted: _aborted,
        events.Error: _failed,
        events.ThreadRolledBack: _rolled_back,
        events.UserMessage: _said,
        events.AgentMessage: _answered,
        events.AgentReasoning: _summarised,
        events.AgentReasoningRawContent: _reasoned,
        events.ContextCompacted: _context_compacted,
        events.EnteredReviewMode: _entered_review,
        events.ExitedReviewMode: _exited_review,
        events.ExecCommandEnd: _executed,
        events.PatchApplyEnd: _patched,
        events.GuardianAssessment: _judged,
        events.DynamicToolCallRequest: _tool_called,
        events.DynamicToolCallResponse: _tool_answered,
        events.McpToolCallEnd: _called,
        events.WebSearchEnd: _searched,
        events.ViewImageToolCall: _viewed,
        events.ImageGenerationEnd: _drawn,
        **dict.fromkeys(get_args(events.CollabEvent), _worked_together),
        events.PlanCompleted: _planned,
        StoredItem: _stored,
        Compacted: _compacted,
        ResponseItem: _model_item,
        events.TokenCount: _counted,
    }


def _begun(turn_id: str, event: events.TaskStarted | events.TaskComplete) -> Draft:
    return Draft(
        turn_id, explicit=True, started_at=optional(event.started_at), root_turn_id=optional(event.root_turn_id)
    )


def is_harmless(event: events.Error) -> bool:
    """Whether an error leaves the running turn as it is."""
    kind = event.codex_error_info
    return (next(iter(kind), None) if isinstance(kind, dict) else kind) in _HARMLESS


def rebuild(entries: Iterable[Entry]) -> History:
    """The history of a whole rollout."""
    history = History()
    for entry in entries:
        history.feed(entry)
    return history


def present(turns: list[Turn], active: bool) -> list[Turn]:
    """The turns as clients may see them: none is in progress but the last one of a thread that is active."""
    last = len(turns) - 1
    return [
        replace(turn, status="interrupted") if turn.status == "inProgress" and not (active and at == last) else turn
        for at, turn in enumerate(turns)
    ]
