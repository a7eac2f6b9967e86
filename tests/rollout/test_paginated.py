"""The newer form of a rollout: whole items with ids of their own."""

from __future__ import annotations

import itertools
import json
from typing import Any

from msgspec.structs import replace

from protocol import item as wire
from rollout import events
from rollout.forms import Legacy, Paginated
from rollout.history import rebuild
from rollout.lines import OTHER_ITEM, decode_line, encode_line, numbered
from rollout.paginated import StoredItem, stored_item
from tests.support import rollouts
from tests.support.rollouts import command_end


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


# -- written by us -----------------------------------------------------------------------------------------------------


def written(*batches: list[Any]) -> list[Any]:
    """What a form keeps of what is said, batch by batch, a second apart."""
    times = itertools.count(1_000)
    form = Paginated("h", lambda: float(next(times)))
    return [entry for batch in batches for entry in form.entries(batch)]


def shown(item: wire.ThreadItem) -> events.ItemCompleted:
    return events.ItemCompleted(turn_id="t", item=item)


BEGUN = events.TaskStarted(turn_id="t")
DONE = events.TaskComplete(turn_id="t")


def test_user_input_keeps_its_parts_and_their_order() -> None:
    elements = [wire.TextElement(byte_range=wire.ByteRange(start=0, end=1), placeholder="p")]
    content: list[wire.UserInput] = [
        wire.LocalImageInput(path="/p", detail="original"),
        wire.TextInput(text="q", text_elements=elements),
        wire.ImageInput(url="u", detail="low"),
        wire.ImageInput(file_id="f"),
        wire.SkillInput(name="s", path="/s/SKILL.md"),
        wire.MentionInput(name="m", path="app://m"),
        wire.AudioInput(url="a"),
        wire.LocalAudioInput(path="/a"),
    ]
    message = wire.UserMessage(id="i", content=content)
    legacy = events.UserMessage(message="q", images=["u"], local_images=["/p"], text_elements=[])
    _, kept = written([BEGUN], [legacy, shown(message)])
    assert kept.item == message
    read = stored_item(kept.payload)
    assert read is not None
    assert read.item == message
    details = {"image_details": ["low"], "local_image_details": ["original"]}
    assert kept.events == [replace(legacy, text_elements=kept.events[0].text_elements, **details)]
    assert kept.payload["item"]["content"][2:5] == [
        {"type": "image", "image_url": "u", "detail": "low"},
        {"type": "image", "file_id": "f"},
        {"type": "skill", "name": "s", "path": "/s/SKILL.md"},
    ]
    odd = [{"type": "image"}, {"type": "smell"}]
    assert stored("UserMessage", content=odd).item == wire.UserMessage(id="i", content=[])


def test_a_plan_is_stored_with_its_times_and_can_be_said_in_the_legacy_form() -> None:
    plan = wire.Plan(id="t-plan", text="- a\n")
    begun = events.ItemStarted(turn_id="t", item=wire.Plan(id="t-plan", text=""))
    said = events.PlanCompleted(thread_id="h", turn_id="t", item=events.PlanItem(id="t-plan", text="- a\n"))
    _, stored = written([BEGUN], [begun], [said, shown(plan)])
    assert (stored.item, stored.events) == (plan, [said])
    members = {"type": "Plan", "id": "t-plan", "text": "- a\n"}
    assert (stored.payload["item"], stored.payload["started_at_ms"]) == (members, 1_001_000)
    assert stored.payload["completed_at_ms"] == 1_002_000


def test_an_item_is_stored_under_the_id_that_clients_saw_with_its_times() -> None:
    item = wire.AgentMessage(id="msg-1", text="a", phase="final_answer")
    begun = events.ItemStarted(turn_id="t", item=wire.AgentMessage(id="msg-1", text=""))
    said = [events.AgentMessage(message="a", phase="final_answer"), shown(item)]
    _, stored = written([BEGUN], [begun], said)
    assert (stored.item, stored.turn_id) == (item, "t")
    assert stored.payload == {
        "type": "item_completed",
        "thread_id": "h",
        "turn_id": "t",
        "item": {
            "type": "AgentMessage",
            "id": "msg-1",
            "content": [{"type": "Text", "text": "a"}],
            "phase": "final_answer",
        },
        "started_at_ms": 1_001_000,
        "completed_at_ms": 1_002_000,
    }


def test_what_is_written_is_read_back_the_same() -> None:
    user = events.UserMessage(
        message="look [it]",
        images=["u"],
        local_images=["/p"],
        text_elements=[events.TextElement(byte_range=events.ByteRange(start=5, end=9), placeholder="[it]")],
    )
    said: list[Any] = [
        BEGUN,
        user,
        events.AgentReasoning(text="s1"),
        events.AgentReasoning(text="s2"),
        events.AgentReasoningRawContent(text="raw"),
        events.WebSearchEnd(call_id="ws", query="q", action={"type": "search", "query": "q"}),
        command_end("c", "t"),
        events.PatchApplyEnd(call_id="p", turn_id="t", success=False, changes={"/a": {"type": "add", "content": "x"}}),
        events.ContextCompacted(),
        events.AgentMessage(message=""),
        DONE,
    ]
    kept = written(said)
    read: list[Any] = [decode_line(numbered(encode_line(entry, "T"), at).rstrip()) for at, entry in enumerate(kept)]
    (turn,), (again,) = rebuild(kept).turns(), rebuild(read).turns()
    assert turn == again
    legacy = rebuild(said).turns()[0].items
    kinds = ["UserMessage", "Reasoning", "WebSearch", "CommandExecution", "FileChange", "ContextCompaction"]
    assert [type(item).__name__ for item in turn.items] == kinds
    assert [replace(item, id="") for item in turn.items] == [replace(item, id="") for item in legacy]


def test_an_error_stands_in_the_end_of_its_turn() -> None:
    error = events.Error(message="no", codex_error_info={"response_stream_disconnected": {"http_status_code": 502}})
    kept = written([BEGUN], [error, DONE], [BEGUN, DONE])
    assert kept[1] == replace(
        DONE, error={"message": "no", "codex_error_info": {"response_stream_disconnected": {"http_status_code": 502}}}
    )
    assert [type(entry) for entry in kept] == [events.TaskStarted, events.TaskComplete] * 2
    first, _ = rebuild([decode_line(encode_line(entry, "T").rstrip()) or DONE for entry in kept]).turns()
    assert first == rebuild([BEGUN, error, DONE]).turns()[0]


def test_what_has_no_item_is_kept_as_it_is() -> None:
    named = events.ThreadNameUpdated(thread_id="h", thread_name="n")
    harmless = events.Error(message="later", codex_error_info="thread_rollback_failed")
    item = rollouts.user_item("x")
    kept = written([named, harmless, item, OTHER_ITEM, events.ThreadWarning(message="w")])
    assert kept == [named, harmless, item]


def test_the_legacy_form_keeps_what_is_recorded() -> None:
    said: list[Any] = [BEGUN, events.AgentMessage(message="a"), events.ThreadWarning(message="w"), OTHER_ITEM, DONE]
    assert Legacy().entries(said) == [BEGUN, events.AgentMessage(message="a"), DONE]
