"""The offline model: always alike, honest about itself, obedient to its directives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.errors import TurnError
from server.providers.offline import MOST_TEXT, OfflineProvider
from server.providers.provider import (
    Completed,
    ItemAdded,
    ItemDone,
    ModelEvent,
    ModelRequest,
    RateLimitsSeen,
    Reasoning,
    SummaryDelta,
    TextDelta,
)
from server.providers.settings import OFFLINE, builtin_providers
from tests.server.providers.asking import Clock, ask

EXEC = {"type": "function", "name": "exec_command"}


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def request(*items: dict[str, Any], tools: list[dict[str, Any]] | None = None, thinks: bool = True) -> ModelRequest:
    return ModelRequest(
        model="offline",
        instructions="Be kind.",
        input=list(items),
        tools=tools or [],
        reasoning=Reasoning(effort="medium", summary="auto") if thinks else None,
        thread_id="th",
        turn_id="tu",
    )


def offline(clock: Clock | None = None) -> OfflineProvider:
    return OfflineProvider(builtin_providers({})[OFFLINE], sleep=(clock or Clock()).sleep)


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDelta))


async def test_it_says_what_it_is_and_what_was_said() -> None:
    events = await ask(offline(), request(user("hello\nthere")))
    assert isinstance(events[0], RateLimitsSeen)
    assert text_of(events).startswith("I am the offline model that is built into Threadcast")
    assert "> hello\n> there" in text_of(events)
    assert "OPENAI_API_KEY" in text_of(events)


async def test_reasoning_then_message_then_usage() -> None:
    events = await ask(offline(), request(user("hello")))
    done = [event.item for event in events if isinstance(event, ItemDone)]
    assert [item["type"] for item in done] == ["reasoning", "message"]
    assert [event.item["id"] for event in events if isinstance(event, ItemAdded)] == [item["id"] for item in done]
    thought = "".join(event.delta for event in events if isinstance(event, SummaryDelta))
    assert done[0]["summary"] == [{"type": "summary_text", "text": thought}]
    assert done[1]["content"] == [{"type": "output_text", "text": text_of(events)}]
    assert isinstance(events[-1], Completed)


async def test_no_reasoning_unless_asked_for() -> None:
    events = await ask(offline(), request(user("hello"), thinks=False))
    assert [event.item["type"] for event in events if isinstance(event, ItemDone)] == ["message"]


async def test_the_same_request_gets_the_same_answer_and_another_gets_other_ids() -> None:
    first, again = [await ask(offline(), request(user("hello"))) for _ in range(2)]
    later = await ask(offline(), request(user("hello"), user("hello")))
    assert first == again
    ids = [[event.item["id"] for event in events if isinstance(event, ItemDone)] for events in (first, later)]
    assert not set(ids[0]) & set(ids[1])


async def test_tokens_are_counted_from_the_text() -> None:
    old, new = user("x" * 400), user("hello")
    end = (await ask(offline(), request(old, new)))[-1]
    assert isinstance(end, Completed)
    assert end.usage is not None
    assert 100 < end.usage.cached_input_tokens < end.usage.input_tokens
    assert 0 < end.usage.reasoning_output_tokens < end.usage.output_tokens
    assert end.usage.total_tokens == end.usage.input_tokens + end.usage.output_tokens


async def test_deltas_streams_as_many_pieces_as_asked_for() -> None:
    clock = Clock()
    events = await ask(offline(clock), request(user("please\n deltas:40:8:2.5 ")))
    assert [event.delta for event in events if isinstance(event, TextDelta)] == ["x" * 8] * 40
    assert clock.slept == [0.0025] * 40


async def test_deltas_without_a_delay_still_let_others_run() -> None:
    clock = Clock()
    await ask(offline(clock), request(user("deltas:40:8:0")))
    assert clock.slept == [0.0, 0.0]


async def test_deltas_have_an_upper_bound() -> None:
    events = await ask(offline(), request(user("deltas:9999999:999999:0")))
    assert len(text_of(events)) <= MOST_TEXT


async def test_fail_fails() -> None:
    with pytest.raises(TurnError, match="asked it to") as caught:
        await ask(offline(), request(user("fail")))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("exec_command", {"cmd": "ls -l"}),
        ("shell_command", {"command": "ls -l"}),
        ("shell", {"command": ["bash", "-lc", "ls -l"]}),
    ],
)
async def test_run_asks_for_the_command_with_the_tool_that_is_offered(tool: str, arguments: dict[str, Any]) -> None:
    offered = [{"type": "web_search"}, {"type": "function", "name": tool}]
    events = await ask(offline(), request(user("run: ls -l"), tools=offered))
    call = events[1]
    assert isinstance(call, ItemDone)
    assert (call.item["type"], call.item["name"]) == ("function_call", tool)
    assert json.loads(call.item["arguments"]) == arguments


async def test_run_without_a_shell_tool_is_answered_in_words() -> None:
    assert "offers none" in text_of(await ask(offline(), request(user("run: ls"))))


async def test_the_output_of_the_command_is_told_once_it_is_there() -> None:
    call = {"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": "c"}
    result = {"type": "function_call_output", "call_id": "c", "output": "README.md\n"}
    events = await ask(offline(), request(user("run: ls"), call, result, tools=[EXEC]))
    assert "```\nREADME.md\n```" in text_of(events)


async def test_an_empty_history_is_no_obstacle() -> None:
    assert isinstance((await ask(offline(), request()))[-1], Completed)


PATCH = "*** Begin Patch\n*** Add File: a.txt\n+some words\n*** End Patch\n"


@pytest.mark.parametrize(
    ("said", "tool", "arguments"),
    [
        ("please run `ls -l` for me", "exec_command", {"cmd": "ls -l"}),
        (
            "escalate: ls",
            "exec_command",
            {
                "cmd": "ls",
                "sandbox_permissions": "require_escalated",
                "justification": "Your message asked for it.",
            },
        ),
        ("write: a.txt some words", "apply_patch", {"input": PATCH}),
        (f"apply this:\n{PATCH}thanks", "apply_patch", {"input": PATCH}),
    ],
)
async def test_a_tool_is_called_on_request(said: str, tool: str, arguments: dict[str, Any]) -> None:
    events = await ask(offline(), request(user(said), tools=[{"type": "function", "name": tool}]))
    call = events[1]
    assert isinstance(call, ItemDone)
    assert (call.item["name"], json.loads(call.item["arguments"])) == (tool, arguments)


async def test_a_tool_that_takes_plain_text_gets_plain_text() -> None:
    events = await ask(offline(), request(user(PATCH), tools=[{"type": "custom", "name": "apply_patch"}]))
    call = events[1]
    assert isinstance(call, ItemDone)
    assert (call.item["type"], call.item["input"]) == ("custom_tool_call", PATCH)
