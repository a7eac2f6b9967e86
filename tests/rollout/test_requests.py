"""The items of one request."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol.wire import encode
from rollout.model_items import Item
from rollout.requests import ABORTED, Growing, normalise
from tests.support.rollouts import user_item

CALL: Item = {
    "type": "function_call",
    "id": "fc_1",
    "status": "completed",
    "name": "n",
    "arguments": "{}",
    "call_id": "c",
}
OUTPUT: Item = {"type": "function_call_output", "call_id": "c", "output": "done"}
IMAGE: Item = {"type": "input_image", "image_url": "data:x"}


def test_ids_and_states_are_not_sent() -> None:
    assert normalise([CALL, OUTPUT])[0] == {"type": "function_call", "name": "n", "arguments": "{}", "call_id": "c"}


def test_a_call_without_output_is_answered_right_after_it() -> None:
    sent = normalise([CALL, user_item("go on").payload])
    assert sent[1] == {"type": "function_call_output", "call_id": "c", "output": ABORTED}


def test_every_kind_of_call_is_answered_in_its_kind() -> None:
    calls: list[Item] = [
        {"type": "custom_tool_call", "call_id": "a", "name": "n", "input": "i"},
        {"type": "local_shell_call", "call_id": "b", "status": "completed", "action": {}},
        {"type": "tool_search_call", "call_id": "d", "execution": "client", "arguments": {}},
    ]
    answers = normalise(calls)[1::2]
    kinds = ["custom_tool_call_output", "function_call_output", "tool_search_output"]
    assert [answer["type"] for answer in answers] == kinds
    assert [answer["call_id"] for answer in answers] == ["a", "b", "d"]


def test_an_output_without_its_call_is_dropped() -> None:
    custom: Item = {"type": "custom_tool_call_output", "call_id": "c", "output": "x"}
    assert normalise([OUTPUT, custom]) == []


def test_snapshots_and_unknown_kinds_are_not_sent() -> None:
    assert normalise([{"type": "ghost_snapshot", "ghost_commit": {}}, {"type": "dream"}]) == []


def test_reasoning_is_sent_without_what_it_lacks() -> None:
    reasoning: Item = {"type": "reasoning", "id": "r", "summary": [], "content": None, "encrypted_content": "x"}
    assert normalise([reasoning]) == [{"type": "reasoning", "summary": [], "encrypted_content": "x"}]


def test_a_patchs_stored_answer_is_sent_as_text() -> None:
    call: Item = {"type": "custom_tool_call", "call_id": "p", "name": "apply_patch", "input": "x"}
    stored = '{"output":"Success.\\n","metadata":{"exit_code":0,"duration_seconds":0.0}}'
    answer: Item = {"type": "custom_tool_call_output", "call_id": "p", "output": stored}
    assert normalise([call, answer])[1]["output"] == "Exit code: 0\nWall time: 0 seconds\nOutput:\nSuccess.\n"
    plain = answer | {"output": "unsupported"}
    assert normalise([call, plain])[1]["output"] == "unsupported"


def test_a_model_without_eyes_gets_a_text_for_each_image() -> None:
    message: Item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "see"}, IMAGE]}
    seen: Item = OUTPUT | {"output": [IMAGE]}
    sent = normalise([message, CALL, seen], images=False)
    kinds = [part["type"] for item in (sent[0]["content"], sent[2]["output"]) for part in item]
    assert kinds == ["input_text"] * 3
    assert normalise([message, CALL, seen])[2]["output"] == [IMAGE]


def test_the_items_given_are_left_as_they_are() -> None:
    items: list[dict[str, Any]] = [dict(CALL), {"type": "reasoning", "summary": [], "content": []}]
    normalise(items, images=False)
    assert items == [CALL, {"type": "reasoning", "summary": [], "content": []}]


PIECES: list[Item] = [
    user_item("hello").payload,
    {"type": "reasoning", "summary": [], "encrypted_content": "x"},
    *(
        {"type": kind, "call_id": call_id, "name": "apply_patch", "input": "i", "arguments": "{}"}
        for kind in ("function_call", "custom_tool_call")
        for call_id in ("a", "b", None)
    ),
    *(
        {"type": kind, "call_id": call_id, "output": '{"output":"o","metadata":{"exit_code":0,"duration_seconds":0}}'}
        for kind in ("function_call_output", "custom_tool_call_output")
        for call_id in ("a", "b", None)
    ),
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=4), max_size=6), st.booleans())
def test_a_growing_history_makes_the_same_items_as_a_new_one(steps: list[list[Item]], images: bool) -> None:
    growing, history = Growing(images=images), list[Item]()
    for step in steps:
        history += step
        growing.take(history)
        assert growing.items == normalise(history, images=images)
        assert growing.encoded == [encode(item) for item in growing.items]


def test_only_what_is_new_is_made_and_all_of_it_after_a_compaction() -> None:
    growing, history = Growing(), [CALL, OUTPUT]
    growing.take(history)
    first = growing.items[0]
    history.append(user_item("go on").payload)
    assert growing.fresh(history) == 1
    growing.take(history)
    assert growing.items[0] is first
    summary = [user_item("a summary").payload, history[-1]]
    assert growing.fresh(summary) == 2
    growing.take(summary)
    assert growing.items == normalise(summary)
