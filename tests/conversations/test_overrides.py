"""Settings given with a turn: each sticks for later turns and after a restart tells the model no more than it must."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, running

ANSWER: Response = [message("x"), completed()]
TEXT = [{"type": "text", "text": "Hello"}]
MODE = {
    "mode": "plan",
    "settings": {"model": "plan-model", "reasoning_effort": "high", "developer_instructions": "Plan!"},
}


async def begun(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


def contexts(home: Path) -> list[dict[str, Any]]:
    """The turn_context lines of the one thread."""
    (path,) = home.glob("sessions/*/*/*/*.jsonl")
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [line["payload"] for line in lines if line["type"] == "turn_context"]


@pytest.mark.parametrize(
    ("override", "member", "value"),
    [
        ({"cwd": "/elsewhere"}, "cwd", "/elsewhere"),
        ({"approvalPolicy": "untrusted"}, "approval_policy", "untrusted"),
        ({"sandboxPolicy": {"type": "dangerFullAccess"}}, "sandbox_policy", {"type": "danger-full-access"}),
        ({"model": "other"}, "model", "other"),
        ({"effort": "low"}, "effort", "low"),
        ({"summary": "detailed"}, "summary", "detailed"),
        ({"personality": "friendly"}, "personality", "friendly"),
        ({"collaborationMode": MODE}, "collaboration_mode", MODE),
    ],
)
async def test_what_a_turn_sets_is_set_for_the_next_one(
    tmp_path: Path, override: dict[str, Any], member: str, value: Any
) -> None:
    async with running(tmp_path, ANSWER, ANSWER, ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        await client.run_turn(thread, "Before")
        await client.hear("turn/completed")
        await client.call("turn/start", threadId=thread, input=TEXT, **override)
        await client.hear("turn/completed")
        await client.run_turn(thread, "After")
    before, given, after = (context.get(member) for context in contexts(tmp_path))
    assert before != given == after == value


async def test_a_mode_goes_before_the_model_and_effort_that_come_with_it(tmp_path: Path) -> None:
    async with running(tmp_path, ANSWER, ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        both = {"collaborationMode": MODE, "model": "other", "effort": "low"}
        await client.call("turn/start", threadId=thread, input=TEXT, **both)
        await client.hear("turn/completed")
        await client.call("turn/start", threadId=thread, input=TEXT, model="third")
        await client.hear("turn/completed")
        assert [request.model for request in server.provider.requests] == ["plan-model", "third"]
    mode = contexts(tmp_path)[1]["collaboration_mode"]
    assert (mode["mode"], mode["settings"]["model"], mode["settings"]["reasoning_effort"]) == ("plan", "third", "high")


async def test_overrides_of_input_that_joins_a_turn_count_from_the_next_turn_on(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [message(deltas=["x", gate]), completed()], ANSWER, ANSWER) as server:
        client = await server.client()
        thread = await begun(client)
        await client.start_turn(thread, "one")
        await gate.reached.wait()
        await client.call("turn/start", threadId=thread, input=TEXT, model="other")
        gate.open()
        await client.hear("turn/completed")
        await client.run_turn(thread, "two")
        assert [request.model for request in server.provider.requests] == ["test-model", "test-model", "other"]
