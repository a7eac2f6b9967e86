"""What the tests of the Responses provider share: a provider on the model server, a request, ways to ask."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from rollout.events import RateLimits
from server.errors import TurnError
from server.providers.provider import ModelEvent, ModelRequest, Provider, RateLimitsSeen
from server.providers.responses import ResponsesProvider
from server.providers.settings import ProviderConfig
from tests.server.providers.conftest import ModelServer

DONE = {"type": "response.completed", "response": {"id": "resp-1", "usage": None}}
NOTHING_SAID = RateLimitsSeen(rate_limits=RateLimits(limit_id="codex"))


class Clock:
    """A sleep that does not take time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def provider(
    server: ModelServer, clock: Clock | None = None, environ: dict[str, str] | None = None, **settings: Any
) -> ResponsesProvider:
    config = {"id": "mock", "name": "Mock", "base_url": server.base_url} | settings
    return ResponsesProvider(
        ProviderConfig(**config),
        environ=environ or {},
        installation_id="install-1",
        version="0.1.0",
        sleep=(clock or Clock()).sleep,
    )


def request(**members: Any) -> ModelRequest:
    return ModelRequest(**({"model": "gpt-5.4", "input": [], "thread_id": "th", "turn_id": "tu"} | members))


async def ask(asked: Provider, sent: ModelRequest | None = None) -> list[ModelEvent]:
    async with asyncio.timeout(10), aclosing(asked.stream(sent or request())) as stream:
        return [event async for event in stream]


async def failure(asked: Provider) -> TurnError:
    with pytest.raises(TurnError) as caught:
        await ask(asked)
    await asked.aclose()
    return caught.value
