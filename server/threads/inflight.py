"""The running turn as a client sees it that joins right now: items under their live ids, text as far as it streamed.

A fold of the turn's events; knows no connection and no file. Once the turn has ended it is thrown away: from then on
the history, which is what the rollout says, speaks for the turn.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.item import AgentMessage, CommandExecution, Plan, Reasoning, ThreadItem
from protocol.turn import Turn, TurnError
from rollout.events import (
    AgentMessageDelta,
    CommandOutput,
    Event,
    ItemCompleted,
    ItemStarted,
    PlanDelta,
    ReasoningSummaryDelta,
    ReasoningSummaryPartAdded,
    ReasoningTextDelta,
    Retrying,
)
from rollout.lines import Entry
from server.commands.output import HeadTail

OUTPUT_LIMIT = 1 << 20
"""Bytes of a running command's output that are kept for those who join."""


class _Growing:
    """An item that has begun. Deltas are kept as they came and joined only when somebody looks."""

    def __init__(self, item: ThreadItem) -> None:
        self._item = item
        self.text: list[str] = []
        self.summary: list[list[str]] = []
        self.content: list[list[str]] = []
        self.output = HeadTail(OUTPUT_LIMIT)

    def look(self) -> ThreadItem:
        """The item with all that has come so far."""
        match self._item:
            case AgentMessage() | Plan():
                return replace(self._item, text=self._item.text + "".join(self.text))
            case Reasoning():
                summary, content = (["".join(part) for part in parts] for parts in (self.summary, self.content))
                return replace(self._item, summary=summary, content=content)
            case CommandExecution() if self.output.total:
                return replace(self._item, aggregated_output=self.output.text())
            case _:
                return self._item


class InFlight:
    """One running turn; ``started_at`` in unix seconds. ``error`` is set once it has failed and is about to end."""

    def __init__(self, turn_id: str, started_at: int) -> None:
        self.turn_id = turn_id
        self.started_at = started_at
        self.error: TurnError | None = None
        self._items: list[ThreadItem | _Growing] = []
        self._growing: dict[str, int] = {}  # id -> place in items; a model may use one id twice in a turn

    def feed(self, event: Event | Entry) -> None:
        """Take in one event; those of a command that an earlier turn left running are not this turn's."""
        if getattr(event, "turn_id", self.turn_id) != self.turn_id:
            return
        match event:
            case CommandOutput():
                if (item := self._find(event.item_id)) is not None:
                    item.output.add(event.delta.encode())
            case AgentMessageDelta() | PlanDelta():
                if (item := self._find(event.item_id)) is not None:
                    item.text.append(event.delta)
            case ItemStarted():
                self._growing[event.item.id] = len(self._items)
                self._items.append(_Growing(event.item))
            case ItemCompleted():
                self._complete(event.item)
            case ReasoningSummaryPartAdded() | ReasoningSummaryDelta() | ReasoningTextDelta():
                self._reason(event)
            case Retrying():
                self._forget_partial()
            case _:
                pass

    def turn(self) -> Turn:
        """The turn with its items, now."""
        items = [item.look() if isinstance(item, _Growing) else item for item in self._items]
        return Turn(
            id=self.turn_id,
            root_turn_id=self.turn_id,
            items=items,
            status="inProgress",
            started_at=self.started_at,
        )

    @property
    def last_message(self) -> AgentMessage | None:
        """The newest agent message that is complete."""
        return next((item for item in reversed(self._items) if isinstance(item, AgentMessage)), None)

    def _find(self, item_id: str) -> _Growing | None:
        place = self._growing.get(item_id)
        item = None if place is None else self._items[place]
        return item if isinstance(item, _Growing) else None

    def _complete(self, item: ThreadItem) -> None:
        place = self._growing.pop(item.id, None)
        if place is None:
            self._items.append(item)
        else:
            self._items[place] = item

    def _reason(self, event: ReasoningSummaryPartAdded | ReasoningSummaryDelta | ReasoningTextDelta) -> None:
        item = self._find(event.item_id)
        if item is None:
            return
        if isinstance(event, ReasoningTextDelta):
            parts, index = item.content, event.content_index
        else:
            parts, index = item.summary, event.summary_index
        parts += [list[str]() for _ in range(index + 1 - len(parts))]
        if not isinstance(event, ReasoningSummaryPartAdded):
            parts[index].append(event.delta)

    def _forget_partial(self) -> None:
        """The attempt broke off: what it streamed and did not finish comes again with the next one."""
        self._items = [item for item in self._items if not isinstance(item, _Growing)]
        self._growing.clear()
