"""One sampling request: ask the model, emit what it says, try again when the stream breaks. Knows no client."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import aclosing
from typing import Any

from uuid_utils import uuid4

from protocol.turn import TurnError as WireError
from rollout import events
from rollout.model_items import Item
from rollout.prompt import Prompt
from rollout.requests import normalise
from rollout.usage import append as add_usage
from server.engine import output
from server.engine.host import Host
from server.engine.planning import PlanMessage
from server.engine.settings import Settings
from server.errors import TurnError
from server.offload import off_the_loop
from server.providers import provider as model
from server.providers.provider import ModelEvent, ModelRequest, Provider, Reasoning, TurnState

_FIRST_PAUSE = 0.2


class Sampler:
    """Samples for one turn. ``last_message`` is the newest agent text, ``first_token_at`` a ``time.monotonic()``."""

    def __init__(self, host: Host, provider: Provider, settings: Settings, turn_id: str, output_schema: Any) -> None:
        self._host = host
        self._provider = provider
        self._settings = settings
        self._turn_id = turn_id
        self._output_schema = output_schema
        self._turn_state = TurnState()
        self._active: str | None = None
        self._planning: PlanMessage | None = None
        self._calls: list[dict[str, Any]] = []
        self._rate_limits: events.RateLimits | None = None
        self.last_message: str | None = None
        self.first_token_at: float | None = None

    async def sample(self, prompt: Prompt) -> bool:
        """Ask until the model answered in full. True if it called tools, so that it must be asked again.

        Raises :class:`~server.errors.TurnError` when the answer cannot be had.
        """
        attempt = 0
        while True:
            try:
                return await self._attempt(prompt)
            except TurnError as error:
                attempt += 1
                if not error.retryable or attempt > self._provider.stream_max_retries:
                    raise
                self._host.emit(self._retrying(error, attempt))
                await asyncio.sleep(_pause(error, attempt))

    async def _attempt(self, prompt: Prompt) -> bool:
        self._active = self._planning = None
        self._calls = []
        try:
            items = prompt.items.copy()  # a client may inject more meanwhile; they count from the next request on
            request = await off_the_loop(len(items), lambda: self._request(items))
            async with aclosing(self._provider.stream(request)) as stream:
                async for event in stream:
                    self._take(event)
        finally:
            # Also when the stream broke: the call is in the history, so its answer must be too.
            for call in self._calls:
                self._host.emit(output.unsupported(call))
        return bool(self._calls)

    def _request(self, items: list[Item]) -> ModelRequest:
        settings, known = self._settings, self._settings.known
        name, version = self._host.client
        reasoning = None
        if known.supports_reasoning_summaries:
            summary = None if settings.summary == "none" else settings.summary or "auto"
            reasoning = Reasoning(effort=settings.effort or known.default_effort, summary=summary)
        return ModelRequest(
            model=settings.model,
            instructions=settings.base_instructions,
            input=normalise(items, images=known.images),
            parallel_tool_calls=known.parallel_tool_calls,
            reasoning=reasoning,
            verbosity=settings.verbosity or known.verbosity,
            output_schema=self._output_schema,
            service_tier=settings.service_tier,
            thread_id=self._host.id,
            turn_id=self._turn_id,
            client_name=name,
            client_version=version,
            turn_state=self._turn_state,
        )

    def _take(self, event: ModelEvent) -> None:
        match event:
            case model.TextDelta():
                self._say(event.delta)
            case model.ItemAdded():
                self._begin(event.item)
            case model.ItemDone():
                self._finish(event.item)
            case model.RateLimitsSeen():
                self._limits_seen(event.rate_limits)
            case model.Completed():
                self._completed(event.usage)
            case model.SummaryPartAdded() | model.SummaryDelta() | model.ReasoningDelta():
                self._reason(event)

    def _say(self, text: str) -> None:
        if self._planning is not None:
            self._host.emit(*self._planning.more(text))
        elif self._active is not None:
            self._host.emit(events.AgentMessageDelta(turn_id=self._turn_id, item_id=self._active, delta=text))

    def _begin(self, item: dict[str, Any]) -> None:
        if self._may_plan(item):
            self.first_token_at = self.first_token_at or time.monotonic()
            self._planning = PlanMessage(self._host.id, self._turn_id, item)
            return
        item_id = item.get("id") or str(uuid4())
        started = output.begun(item_id, item)
        if started is not None:
            self.first_token_at = self.first_token_at or time.monotonic()
            self._active = item_id
            self._host.emit(events.ItemStarted(turn_id=self._turn_id, item=started))

    def _may_plan(self, item: dict[str, Any]) -> bool:
        return item.get("type") == "message" and self._settings.collaboration.mode == "plan"

    def _finish(self, item: dict[str, Any]) -> None:
        if self._may_plan(item):
            planning, self._planning = self._planning or PlanMessage(self._host.id, self._turn_id, item), None
            self._host.emit(*planning.done(item))
            self.last_message = planning.said
            return
        item_id = self._active or item.get("id") or str(uuid4())
        shown = output.finished(item_id, item)
        if item.get("type") == "message":
            self.last_message = output.message_text(item)
        if item.get("type") in output.CALLS:
            self._calls.append(item)
        stored = output.stored(item_id, item)
        if shown is None:
            self._host.emit(*stored)
            return
        started = [] if self._active else [events.ItemStarted(turn_id=self._turn_id, item=shown)]
        self._active = None
        self._host.emit(*started, *stored, events.ItemCompleted(turn_id=self._turn_id, item=shown))

    def _reason(self, event: model.SummaryPartAdded | model.SummaryDelta | model.ReasoningDelta) -> None:
        if self._active is None:
            return
        at: dict[str, str] = {"turn_id": self._turn_id, "item_id": self._active}
        match event:
            case model.SummaryPartAdded():
                self._host.emit(events.ReasoningSummaryPartAdded(**at, summary_index=event.index))
            case model.SummaryDelta():
                self._host.emit(events.ReasoningSummaryDelta(**at, delta=event.delta, summary_index=event.index))
            case model.ReasoningDelta():
                self._host.emit(events.ReasoningTextDelta(**at, delta=event.delta, content_index=event.index))

    def _limits_seen(self, limits: events.RateLimits) -> None:
        """Pass limits on when there are any; a provider that says nothing makes no line and no message."""
        if limits.primary or limits.secondary or limits.credits:
            self._rate_limits = limits
            self._host.emit(events.TokenCount(info=self._host.usage_info, rate_limits=limits))

    def _completed(self, usage: events.TokenUsage | None) -> None:
        if usage is not None:
            info = add_usage(self._host.usage_info, usage, self._settings.known.effective_window)
            self._host.emit(events.TokenCount(info=info, rate_limits=self._rate_limits))

    def _retrying(self, error: TurnError, attempt: int) -> events.Retrying:
        told = WireError(
            message=f"Reconnecting... {attempt}/{self._provider.stream_max_retries}",
            codex_error_info={"responseStreamDisconnected": {"httpStatusCode": error.http_status}},
            additional_details=error.message,
        )
        return events.Retrying(turn_id=self._turn_id, error=told)


def _pause(error: TurnError, attempt: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return float(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.9, 1.1))
