"""One stored line, to bytes and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from protocol.wire import UNSET
from rollout import events
from rollout.lines import OTHER_ITEM, Compacted, ResponseItem, SessionMeta, decode_line, encode_line, stamp
from rollout.paginated import StoredItem
from tests.support.rollouts import limits, turn_context, usage_info, user_item

T = "2026-01-05T12:00:00.000Z"


def line(kind: str, payload: dict[str, Any], **extra: Any) -> bytes:
    return json.dumps({"timestamp": T, "type": kind, "payload": payload} | extra).encode()


def event(kind: str, **members: Any) -> Any:
    return decode_line(line("event_msg", {"type": kind} | members))


def test_a_line_has_its_keys_in_order_and_no_blanks() -> None:
    assert encode_line(events.AgentReasoning(text="hm"), T) == (
        b'{"timestamp":"2026-01-05T12:00:00.000Z","type":"event_msg","payload":{"type":"agent_reasoning","text":"hm"}}\n'
    )


def test_what_is_null_is_written_and_what_is_unset_is_not() -> None:
    written = json.loads(encode_line(events.TurnAborted(reason="interrupted"), T))["payload"]
    assert written == {"type": "turn_aborted", "turn_id": None, "reason": "interrupted"}


def test_text_is_written_as_it_is_with_line_separators_inside() -> None:
    raw = encode_line(events.AgentMessage(message="a\u2028b\u0085ü"), T)
    assert "a\u2028b\u0085ü".encode() in raw
    assert raw.count(b"\n") == 1


@pytest.mark.parametrize(
    "entry",
    [
        events.TaskStarted(turn_id="t", started_at=1, model_context_window=9),
        events.TokenCount(info=usage_info(), rate_limits=limits()),
        events.TokenCount(),
        events.UserMessage(message="x", images=[], local_images=["/a"]),
        events.DynamicToolCallRequest(call_id="c", turn_id="t", tool="x", arguments={"a_b": 1}),
        events.PlanCompleted(thread_id="h", turn_id="t", item=events.PlanItem(id="t-plan", text="# Plan")),
        events.CollabWaitingEnd(sender_thread_id="h", call_id="c", statuses={"x": {"completed": "yes"}}),
        turn_context("t"),
        Compacted(message="m", replacement_history=[{"type": "message"}]),
        Compacted(message="m"),
        user_item("hello"),
    ],
)
def test_an_entry_comes_back_as_it_was(entry: Any) -> None:
    assert decode_line(encode_line(entry, T)) == entry


def test_the_request_of_a_dynamic_tool_is_the_one_event_in_camel_case() -> None:
    request = events.DynamicToolCallRequest(call_id="c", turn_id="t", tool="x", arguments=None)
    assert list(json.loads(encode_line(request, T))["payload"]) == [
        "type",
        "callId",
        "turnId",
        "namespace",
        "tool",
        "arguments",
    ]


def test_old_names_of_events_are_understood() -> None:
    assert event("turn_started", turn_id="t") == events.TaskStarted(turn_id="t")
    assert event("turn_complete", turn_id="t") == events.TaskComplete(turn_id="t")


def test_a_meta_may_call_its_role_a_type() -> None:
    payload = {"id": "i", "timestamp": T, "cwd": "/", "originator": "o", "cli_version": "1", "agent_type": "explorer"}
    meta = decode_line(line("session_meta", payload))
    assert isinstance(meta, SessionMeta)
    assert (meta.agent_role, meta.agent_type, meta.source) == ("explorer", UNSET, "vscode")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'{"timestamp":"x","type":"event_msg","payl',
        b'{"type":"event_msg","payload":{"type":"context_compacted"}}',
        b'{"timestamp":"x","type":"world_state","payload":{}}',
        b'{"timestamp":"x","type":"event_msg","payload":{"type":"never_heard_of"}}',
        b'{"timestamp":"x","type":"event_msg","payload":{"type":"agent_message"}}',
        b'{"timestamp":"x","type":"event_msg","payload":{"type":"agent_message","message":"\xff"}}',
        b'{"timestamp":"x","type":"response_item","payload":{"type":"function_call","name":"n"}}',
        b'{"timestamp":"x","type":"response_item","payload":{"role":"user"}}',
        b'{"timestamp":"x","type":"response_item","payload":{"type":"reasoning","summary":"\xff"}}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("items", [True, False])
def test_a_line_that_cannot_be_understood_has_no_entry(raw: bytes, items: bool) -> None:
    assert decode_line(raw, items=items) is None


def test_a_token_count_without_one_of_its_counters_is_no_entry() -> None:
    usage = {"input_tokens": 1, "cached_input_tokens": 1, "output_tokens": 1, "reasoning_output_tokens": 1}
    assert event("token_count", info={"total_token_usage": usage, "last_token_usage": usage}) is None


@pytest.mark.parametrize("items", [True, False])
def test_an_unknown_model_item_takes_its_place_and_cannot_be_written(items: bool) -> None:
    assert decode_line(line("response_item", {"type": "dream"}), items=items) is OTHER_ITEM
    with pytest.raises(TypeError):
        encode_line(OTHER_ITEM, T)


def test_without_items_only_user_messages_are_built() -> None:
    output = line("response_item", {"type": "function_call_output", "call_id": "c", "output": "long"})
    spoken = line("response_item", user_item("hi").payload)
    assert decode_line(output, items=False) is OTHER_ITEM
    assert decode_line(spoken, items=False) == user_item("hi")


def test_new_members_of_a_line_are_ignored() -> None:
    raw = line("event_msg", {"type": "context_compacted", "new": 1}, ordinal=7, metadata={"a": 1})
    assert decode_line(raw) == events.ContextCompacted()


def test_a_model_item_is_stored_without_the_providers_id_and_extras() -> None:
    part = {"type": "output_text", "annotations": [], "text": "hi", "logprobs": []}
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert json.loads(encode_line(ResponseItem(payload=item), T))["payload"] == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "hi"}],
    }


def test_reasoning_keeps_its_raw_text_only_if_it_has_some() -> None:
    def stored(content: Any) -> Any:
        item = {"type": "reasoning", "id": "r", "summary": [], "content": content}
        return json.loads(encode_line(ResponseItem(payload=item), T))["payload"]

    raw = [{"type": "reasoning_text", "text": "x"}]
    assert stored(raw) == {"type": "reasoning", "summary": [], "content": raw, "encrypted_content": None}
    assert "content" not in stored([{"type": "text", "text": "x"}])
    assert stored(None)["content"] is None


def test_a_time_is_stored_in_utc_with_three_digits() -> None:
    there = timezone(timedelta(hours=9))
    assert stamp(datetime(2026, 1, 5, 21, 0, 0, 62_999, tzinfo=there)) == "2026-01-05T12:00:00.062Z"
    assert stamp(datetime(2026, 1, 5, 12, tzinfo=UTC)).endswith(":00.000Z")
    with pytest.raises(ValueError, match="zone"):
        stamp(datetime(2026, 1, 5))


def test_a_whole_item_of_a_newer_rollout_is_read_but_not_written() -> None:
    item = {"type": "AgentMessage", "id": "msg-1", "content": [{"type": "Text", "text": "hi"}]}
    stored = event("item_completed", thread_id="h", turn_id="t", item=item)
    assert isinstance(stored, StoredItem)
    with pytest.raises(TypeError):
        encode_line(stored, T)
