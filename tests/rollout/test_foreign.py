"""Model items from outside are held to their form, whatever they are."""

from typing import Any

import pytest

from rollout.foreign import InvalidItem, checked
from rollout.model_items import KINDS, is_known
from tests.support.rollouts import assistant_item, user_item

GOOD: list[dict[str, Any]] = [
    user_item("hi").payload,
    assistant_item("hello").payload | {"id": "msg_1", "phase": "final_answer"},
    {"type": "function_call", "name": "ls", "arguments": "{}", "call_id": "c"},
    {"type": "function_call_output", "call_id": "c", "output": "out"},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "https://x/a.png"}]},
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": None},
    {"type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": "*** Begin Patch"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "done"}]},
    {"type": "local_shell_call", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "web_search_call", "status": "completed"},
    {"type": "tool_search_call", "execution": "client", "arguments": {}},
    {"type": "tool_search_output", "execution": "client", "tools": [], "status": "completed"},
    {"type": "image_generation_call", "id": "ig", "status": "completed", "result": ""},
    {"type": "ghost_snapshot", "ghost_commit": {"id": "0"}},
    {"type": "compaction", "encrypted_content": "x"},
    {"type": "compaction_summary", "encrypted_content": "x"},
]

BAD: list[Any] = [
    None,
    "hi",
    [],
    {},
    {"type": "unheard_of"},
    {"type": 1},
    {"type": "message", "role": "user"},
    {"type": "message", "role": "user", "content": "hi"},
    {"type": "message", "role": "user", "content": ["hi"]},
    {"type": "message", "role": "user", "content": [{"type": "text", "text": "hi"}]},
    {"type": "message", "role": 1, "content": []},
    {"type": "reasoning", "summary": "so"},
    {"type": "function_call", "name": "ls", "arguments": {}, "call_id": "c"},
    {"type": "function_call_output", "call_id": "c", "output": {"text": "out"}},
]


def test_every_kind_we_store_has_its_form() -> None:
    assert {item["type"] for item in GOOD} == set(KINDS)
    assert checked(GOOD) == GOOD
    assert all(is_known(item) for item in GOOD)


@pytest.mark.parametrize("item", BAD, ids=str)
def test_what_has_not_its_form_is_refused_with_its_place(item: Any) -> None:
    with pytest.raises(InvalidItem) as raised:
        checked([GOOD[0], item, item])
    assert raised.value.index == 1
    assert str(raised.value)
