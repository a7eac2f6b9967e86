"""What reaches the disk."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.item import AgentMessage
from rollout import events
from rollout.lines import OTHER_ITEM, ResponseItem
from rollout.policy import OUTPUT_LIMIT, cut, is_recorded, sanitise
from tests.support.rollouts import command_end, turn_context, user_item


@pytest.mark.parametrize(
    "event",
    [
        events.Error(message="x"),
        command_end("c", "t"),
        events.PatchApplyEnd(call_id="c", success=True),
        events.ViewImageToolCall(call_id="c", path="/x"),
        events.TaskComplete(turn_id="t"),
    ],
)
def test_errors_and_the_ends_of_tools_are_always_recorded(event: Any) -> None:
    assert is_recorded(event)
    assert is_recorded(event)


@pytest.mark.parametrize(
    "event",
    [
        events.ItemStarted(turn_id="t", item=AgentMessage(id="m", text="")),
        events.AgentMessageDelta(turn_id="t", item_id="m", delta="x"),
        events.ThreadWarning(message="x"),
    ],
)
def test_beginnings_deltas_and_warnings_are_not_recorded(event: Any) -> None:
    assert not is_recorded(event)
    assert not is_recorded(event)


def test_model_items_of_an_unknown_kind_are_not_recorded() -> None:
    assert is_recorded(user_item("x"))
    assert is_recorded(turn_context("t"))
    assert not is_recorded(OTHER_ITEM)
    assert not is_recorded(ResponseItem(payload={"type": "dream"}))


def test_a_commands_output_is_stored_once_and_cut_in_the_middle() -> None:
    output = "ü" * OUTPUT_LIMIT
    stored = sanitise(events.ExecCommandEnd(**_members(output)))
    assert (stored.stdout, stored.stderr, stored.formatted_output) == ("", "", "")
    assert len(stored.aggregated_output.encode()) <= OUTPUT_LIMIT
    assert stored.aggregated_output.startswith("üü")
    assert stored.aggregated_output.endswith("üü")
    assert "left out" in stored.aggregated_output


def _members(output: str) -> dict[str, Any]:
    duration = events.Duration(secs=0, nanos=1)
    members: dict[str, Any] = {"call_id": "c", "turn_id": "t", "command": ["x"], "cwd": "/", "exit_code": 0}
    streams = {"stdout": output, "stderr": output, "formatted_output": output, "aggregated_output": output}
    return members | streams | {"duration": duration}


def test_sanitising_twice_changes_nothing_more() -> None:
    once = sanitise(command_end("c", "t", "x" * 50_000))
    assert sanitise(once) == once


def test_short_text_is_not_cut() -> None:
    assert cut("abc", 3) == "abc"
