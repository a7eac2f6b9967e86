"""update_plan: the agent's list of work, shown to people as it goes. Keeps nothing; knows no client."""

from __future__ import annotations

from typing import Any, Literal

from protocol.turn import PlanStep
from protocol.wire import Record
from rollout.events import PlanUpdated
from server.engine.tools.tool import Call, CallFailed, Content, Tool, Work, function, members

_STATUS: dict[str, Literal["pending", "inProgress", "completed"]] = {
    "pending": "pending",
    "in_progress": "inProgress",
    "completed": "completed",
}

_DESCRIPTION = """\
Show the user the list of steps for this task and how far each one is. Send the whole list every time; at most one step
is in_progress. For work of several steps only; a single simple step needs no list."""


class _Step(Record):
    step: str
    status: Literal["pending", "in_progress", "completed"]


class _Arguments(Record):
    plan: list[_Step]
    explanation: str | None = None


class UpdatePlan(Tool):
    """Tells the subscribers the newest list."""

    name = "update_plan"

    def offer(self) -> dict[str, Any]:
        """A list of steps, each with a status."""
        words = {"type": "string", "description": "What is done in this step, in a few words."}
        step = members({"step": words, "status": {"type": "string", "enum": list(_STATUS)}}, "step", "status")
        parameters = {
            "explanation": {"type": "string", "description": "Why the list changed, if that needs words."},
            "plan": {"type": "array", "items": step, "description": "All steps, in order."},
        }
        return function(self.name, _DESCRIPTION, parameters, "plan")

    async def run(self, call: Call, work: Work) -> Content:
        """Tell the list. Refused in plan mode, where the plan itself is the answer."""
        if work.settings.collaboration.mode == "plan":
            raise CallFailed("update_plan lists the steps of work under way and is not allowed in Plan mode")
        given = call.arguments(_Arguments)
        plan = [PlanStep(step=each.step, status=_STATUS[each.status]) for each in given.plan]
        work.emit(PlanUpdated(turn_id=work.turn_id, explanation=given.explanation, plan=plan))
        return "Plan updated"
