"""The newer form of a rollout: whole items with ids of their own."""

from __future__ import annotations

import json
from typing import Any

from protocol import item as wire
from rollout import events
from rollout.history import rebuild
from rollout.lines import decode_line
from rollout.paginated import StoredItem, stored_item


def stored(kind: str, **members: Any) -> StoredItem:
    found = stored_item({"turn_id": "t", "thread_id": "h", "item": {"type": kind, "id": "i"} | members})
    assert found is not None
    return found


def test_messages_keep_their_ids() -> None:
    parts = [
        {"type": "text", "text": "q", "text_elements": []},
        {"type": "image", "image_url": "u"},
        {"type": "local_image", "path": "/p"},
    ]
    user = stored("UserMessage", content=parts).item
    text, image = wire.TextInput(text="q"), wire.ImageInput(url="u")
    assert user == wire.UserMessage(id="i", content=[text, image, wire.LocalImageInput(path="/p")])
    agent = stored("AgentMessage", content=[{"type": "Text", "text": "a"}], phase="final_answer").item
    assert agent == wire.AgentMessage(id="i", text="a", phase="final_answer")


def test_a_command_has_its_folder_as_a_path() -> None:
    item = stored("CommandExecution", command=["ls"], cwd="file:///w%20x", exit_code=3, status="failed").item
    assert isinstance(item, wire.CommandExecution)
    assert (item.cwd, item.exit_code, item.status) == ("/w x", 3, "failed")


def test_every_item_can_be_said_in_the_legacy_form() -> None:
    assert stored("Reasoning", summary_text=["s"], raw_content=["r"]).events == [
        events.AgentReasoning(text="s"),
        events.AgentReasoningRawContent(text="r"),
    ]
    assert stored("ContextCompaction").events == [events.ContextCompacted()]
    assert isinstance(stored("WebSearch", query="x").events[0], events.WebSearchEnd)
    assert isinstance(stored("FileChange", changes={}).events[0], events.PatchApplyEnd)


def test_unknown_kinds_of_items_are_left_out() -> None:
    assert stored_item({"turn_id": "t", "item": {"type": "Dream", "id": "i"}}) is None
    assert stored_item({"item": {"type": "ContextCompaction", "id": "i"}}) is None


def test_items_stand_in_their_turn() -> None:
    def line(ordinal: int, payload: dict[str, Any]) -> Any:
        envelope = {"timestamp": "T", "ordinal": ordinal, "type": "event_msg", "payload": payload}
        return decode_line(json.dumps(envelope).encode())

    item = {"type": "AgentMessage", "id": "msg-1", "content": [{"type": "Text", "text": "a"}]}
    entries = [
        line(0, {"type": "task_started", "turn_id": "t", "root_turn_id": "t"}),
        line(1, {"type": "item_completed", "thread_id": "h", "turn_id": "t", "item": item}),
        line(2, {"type": "task_complete", "turn_id": "t", "last_agent_message": "a"}),
    ]
    (turn,) = rebuild(entries).turns()
    assert (turn.id, turn.items, turn.status) == ("t", [wire.AgentMessage(id="msg-1", text="a")], "completed")
