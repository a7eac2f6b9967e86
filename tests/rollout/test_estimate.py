"""The estimate of what a model history holds: about four bytes a token, with the exceptions that Codex makes."""

import base64
from typing import Any

import pytest

from rollout.estimate import IMAGE_BYTES, context_tokens
from tests.support.rollouts import assistant_item, user_item


def image(url: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url}]}


def test_instructions_and_every_item_are_rounded_up_by_themselves() -> None:
    assert context_tokens("", []) == 0
    assert context_tokens("abcd", []) == 1
    assert context_tokens("abcde", []) == 2
    # 78 bytes: {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    assert context_tokens("abcde", [user_item("hi").payload] * 2) == 2 + 20 + 20
    assert context_tokens("", [assistant_item("hi").payload]) == 21  # 84


def test_bytes_count_and_not_characters_and_escapes_count_as_written() -> None:
    assert context_tokens("€€€€", []) == 3
    assert context_tokens("", [user_item("h" * 2).payload]) == 20
    assert context_tokens("", [user_item('"\n€').payload]) == 21  # 83


def test_the_form_that_is_stored_is_counted_and_nothing_else() -> None:
    item = user_item("hi").payload
    assert context_tokens("", [item | {"id": "msg_" + "0" * 100, "status": "completed"}]) == 20


def test_encrypted_content_counts_as_what_it_may_decode_to() -> None:
    item = {"type": "reasoning", "summary": [], "encrypted_content": "x" * 2_000}
    assert context_tokens("", [item]) == (1_500 - 650 + 3) // 4
    assert context_tokens("", [item | {"encrypted_content": "x" * 100}]) == 0
    assert context_tokens("", [{"type": "compaction", "encrypted_content": "x" * 2_000}]) == 213


def test_an_image_counts_the_same_whatever_its_size() -> None:
    small, large = (base64.b64encode(b"x" * size).decode() for size in (3, 30_000))
    frame = len('{"type":"message","role":"user","content":[{"type":"input_image","image_url":""}]}')
    for payload in (small, large):
        prefix = "data:image/png;base64,"
        assert context_tokens("", [image(prefix + payload)]) == (frame + len(prefix) + IMAGE_BYTES + 3) // 4


@pytest.mark.parametrize("url", ["https://x/a.png", "data:image/png,raw", "data:"])
def test_an_image_that_is_not_sent_along_counts_by_its_address(url: str) -> None:
    assert context_tokens("", [image(url)]) == context_tokens("", [image("x" * len(url))])


def test_an_image_in_a_tool_output_counts_like_any_other() -> None:
    part = {"type": "input_image", "image_url": "data:image/png;base64," + "x" * 100_000}
    item = {"type": "function_call_output", "call_id": "c", "output": [part]}
    assert IMAGE_BYTES // 4 < context_tokens("", [item]) < IMAGE_BYTES // 4 + 50


def test_snapshots_of_the_work_tree_are_never_sent_and_do_not_count() -> None:
    assert context_tokens("", [{"type": "ghost_snapshot", "ghost_commit": {"id": "0" * 40}}]) == 0
