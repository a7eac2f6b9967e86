"""Asking the model, for whatever reason: the request, what it cost, and asking again. Knows no item and no client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from protocol.turn import TurnError as WireError
from rollout import events
from rollout.model_items import Item
from rollout.requests import Growing
from rollout.usage import append as add_usage
from server.engine.host import Host
from server.engine.settings import Settings
from server.errors import TurnError
from server.offload import off_the_loop
from server.providers.provider import Completed, ModelRequest, Provider, RateLimitsSeen, Reasoning, TurnState

_FIRST_PAUSE = 0.2

R = TypeVar("R")


class Asking:
    """The requests of one turn. ``rate_limits``: what was heard of them last, None if nothing.

    ``session``: what the provider knows the conversation by, if it is not the thread's own; ``subagent``: what it is
    then for.
    """

    def __init__(
        self,
        host: Host,
        provider: Provider,
        settings: Settings,
        turn_id: str,
        *,
        session: str | None = None,
        subagent: str | None = None,
    ) -> None:
        self.host = host
        self.provider = provider
        self.settings = settings
        self.turn_id = turn_id
        self.rate_limits: events.RateLimits | None = None
        self._session = session or host.id
        self._subagent = subagent
        self._turn_state = TurnState()
        self._sent = Growing(images=settings.known.images)

    async def persist(self, attempt: Callable[[], Awaitable[R]]) -> R:
        """Try until it works. Raises :class:`~server.errors.TurnError` when trying again is of no use."""
        tried = 0
        while True:
            try:
                return await attempt()
            except TurnError as error:
                tried += 1
                if not error.retryable or tried > self.provider.stream_max_retries:
                    raise
                self.host.emit(self._retrying(error, tried))
                await asyncio.sleep(_pause(error, tried))

    async def request(self, items: list[Item], window: int, **members: Any) -> ModelRequest:
        """The request with this model history, of which ``window`` counts the compactions; ``members`` are beyond."""
        await off_the_loop(self._sent.fresh(items), lambda: self._sent.take(items))
        return self._request(window, members)

    def _request(self, window: int, members: dict[str, Any]) -> ModelRequest:
        settings, known = self.settings, self.settings.known
        name, version = self.host.client
        reasoning = None
        if known.supports_reasoning_summaries:
            summary = None if settings.summary == "none" else settings.summary or "auto"
            reasoning = Reasoning(effort=settings.effort or known.default_effort, summary=summary)
        return ModelRequest(
            model=settings.model,
            instructions=settings.base_instructions,
            input=self._sent.items.copy(),
            encoded_input=self._sent.encoded.copy(),
            reasoning=reasoning,
            verbosity=settings.verbosity or known.verbosity,
            service_tier=settings.service_tier,
            thread_id=self._session,
            subagent=self._subagent,
            turn_id=self.turn_id,
            client_name=name,
            client_version=version,
            turn_state=self._turn_state,
            window=window,
            **members,
        )

    def note(self, event: RateLimitsSeen | Completed) -> None:
        """Keep what an answer says of limits and costs, where it says something."""
        if isinstance(event, RateLimitsSeen):
            limits = event.rate_limits
            if limits.primary or limits.secondary or limits.credits:
                self.rate_limits = limits
                self.host.emit(events.TokenCount(info=self.host.usage_info, rate_limits=limits))
        elif event.usage is not None:
            info = add_usage(self.host.usage_info, event.usage, self.settings.known.effective_window)
            self.host.emit(events.TokenCount(info=info, rate_limits=self.rate_limits))

    def _retrying(self, error: TurnError, attempt: int) -> events.Retrying:
        told = WireError(
            message=f"Reconnecting... {attempt}/{self.provider.stream_max_retries}",
            codex_error_info={"responseStreamDisconnected": {"httpStatusCode": error.http_status}},
            additional_details=error.message,
        )
        return events.Retrying(turn_id=self.turn_id, error=told)


def _pause(error: TurnError, attempt: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return float(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.9, 1.1))
