"""The scripted provider: plays what it was given, and stops where the test wants it to."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import TurnError
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    RateLimitsSeen,
    SummaryDelta,
    SummaryPartAdded,
    TextDelta,
)
from server.providers.scripted import (
    Gate,
    ScriptedProvider,
    completed,
    completed_without_usage,
    function_call,
    message,
    reasoning,
)
from tests.server.providers.asking import NOTHING_SAID, ask, request


async def test_responses_are_played_in_order_and_requests_remembered() -> None:
    provider = ScriptedProvider([[*message("one"), completed()]])
    provider.push([completed_without_usage("resp-2")])
    first, second = request(model="a"), request(model="b")
    assert [type(event) for event in await ask(provider, first)] == [
        RateLimitsSeen,
        ItemAdded,
        TextDelta,
        ItemDone,
        Completed,
    ]
    assert await ask(provider, second) == [NOTHING_SAID, Completed(response_id="resp-2", usage=None)]
    assert provider.requests == [first, second]


async def test_a_gate_holds_the_stream_until_it_is_opened() -> None:
    gate = Gate()
    provider = ScriptedProvider([[message(deltas=["Hel", gate, "lo"]), completed()]])
    asking = asyncio.create_task(ask(provider))
    async with asyncio.timeout(5):
        await provider.asked(1)
        await gate.reached.wait()
    assert not asking.done()
    gate.open()
    events = await asking
    assert [event.delta for event in events if isinstance(event, TextDelta)] == ["Hel", "lo"]
    done = next(event for event in events if isinstance(event, ItemDone))
    assert done.item["content"] == [{"type": "output_text", "text": "Hello"}]


async def test_exceptions_are_raised_where_they_stand() -> None:
    provider = ScriptedProvider([[*message("partly"), TurnError("broken", retryable=True)]])
    with pytest.raises(TurnError, match="broken"):
        await ask(provider)


async def test_a_used_up_script_fails_the_turn() -> None:
    with pytest.raises(TurnError, match="no answer left"):
        await ask(ScriptedProvider())


def test_constructors_say_what_a_back_end_would() -> None:
    added, part, delta, done = reasoning("think", encrypted="gAAA")
    assert isinstance(added, ItemAdded)
    assert (part, delta) == (SummaryPartAdded(index=0), SummaryDelta(delta="think", index=0))
    assert isinstance(done, ItemDone)
    assert done.item["encrypted_content"] == "gAAA"
    assert completed(70, 10, 20, 5).usage == completed().usage
    (call,) = function_call("exec_command", "{}", call_id="c")
    assert isinstance(call, ItemDone)
    assert call.item["call_id"] == "c"
    assert len(message("all at once", deltas=[])) == 1
