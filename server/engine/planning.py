"""One message of the model in plan mode: a plan and what is said around it, as events. Pure; knows no provider.

The plan is an item of its own, one for each turn. An agent message begins only with words that are not blank, so that
a message that is all plan shows none. The model history keeps the message as it came.
"""

from __future__ import annotations

from typing import Any

from uuid_utils import uuid4

from protocol import item as wire
from rollout import events
from rollout.events import AgentMessageDelta, Event, ItemCompleted, ItemStarted, PlanDelta
from rollout.lines import Entry, ResponseItem
from server.engine.output import message_text
from server.engine.proposed_plan import Part, PlanParser, split


class PlanMessage:
    """A message that may hold a plan. ``said``: what it says in the end besides the plan; None if that is nothing."""

    def __init__(self, thread_id: str, turn_id: str, item: dict[str, Any]) -> None:
        self.said: str | None = None
        self._thread_id = thread_id
        self._turn_id = turn_id
        self._plan_id = f"{turn_id}-plan"
        self._message = wire.AgentMessage(id=item.get("id") or str(uuid4()), text="", phase=item.get("phase"))
        self._parser = PlanParser()
        self._plan_begun = self._message_begun = False
        self._blank: str = ""

    def more(self, text: str) -> list[Event]:
        """The next piece of its text."""
        return self._told(self._parser.feed(text))

    def done(self, item: dict[str, Any]) -> list[Event | Entry]:
        """The whole message, which counts if it differs from what was streamed."""
        text = message_text(item)
        shown = self._told(self._parser.finish())
        whole = split(text)
        plan = self._parser.plan if whole.plan is None else whole.plan
        planned = [] if plan is None else self._planned(plan)
        if self._message_begun or whole.said.strip():
            self.said = whole.said
        return [*shown, *planned, *self._answered(item)]

    def _told(self, parts: list[Part]) -> list[Event]:
        return [event for part in parts for event in (self._of_plan(part) if part.in_plan else self._around(part.text))]

    def _of_plan(self, part: Part) -> list[Event]:
        if not part.opens:
            return [PlanDelta(turn_id=self._turn_id, item_id=self._plan_id, delta=part.text)]
        if self._plan_begun:
            return []
        self._plan_begun = True
        return [ItemStarted(turn_id=self._turn_id, item=wire.Plan(id=self._plan_id, text=""))]

    def _around(self, text: str) -> list[Event]:
        begun: list[Event] = []
        if not self._message_begun:
            text, self._blank = self._blank + text, ""
            if not text.strip():
                self._blank = text
                return []
            self._message_begun = True
            begun = [ItemStarted(turn_id=self._turn_id, item=self._message)]
        return [*begun, AgentMessageDelta(turn_id=self._turn_id, item_id=self._message.id, delta=text)]

    def _planned(self, text: str) -> list[Event | Entry]:
        plan = wire.Plan(id=self._plan_id, text=text)
        stored = events.PlanItem(id=plan.id, text=text)
        return [
            *([] if self._plan_begun else [ItemStarted(turn_id=self._turn_id, item=plan)]),
            events.PlanCompleted(thread_id=self._thread_id, turn_id=self._turn_id, item=stored),
            ItemCompleted(turn_id=self._turn_id, item=plan),
        ]

    def _answered(self, item: dict[str, Any]) -> list[Event | Entry]:
        if self.said is None:
            return [ResponseItem(payload=item)]
        phase = item.get("phase")
        message = wire.AgentMessage(id=self._message.id, text=self.said, phase=phase)
        return [
            *([] if self._message_begun else [ItemStarted(turn_id=self._turn_id, item=message)]),
            events.AgentMessage(message=self.said, phase=phase),
            ResponseItem(payload=item),
            ItemCompleted(turn_id=self._turn_id, item=message),
        ]
