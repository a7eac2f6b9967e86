"""Names of tools for models, what models read of results, and forms for users."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from server.mcp.forms import plain_form
from server.mcp.names import named
from server.mcp.output import model_output, refused_output, shown_result

TEXT = st.text(max_size=80) | st.text("ab-_.", max_size=4)


@given(st.sets(st.tuples(TEXT, TEXT), max_size=12))
def test_names_are_valid_and_never_two_alike(tools: set[tuple[str, str]]) -> None:
    names = named(tools)
    assert names.keys() == tools
    assert len({name.flat for name in names.values()}) == len(tools)
    assert len({(name.namespace, name.name) for name in names.values()}) == len(tools)
    for name in names.values():
        for part in (name.namespace, name.name, name.flat):
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", part)


def test_plain_names_stay_and_long_ones_end_with_a_hash() -> None:
    names = named([("demo", "echo"), ("demo", "a.b"), ("demo", "a-b"), ("demo", "x" * 70)])
    assert names["demo", "echo"] == ("mcp__demo__", "echo", "mcp__demo__echo")
    assert names["demo", "a-b"].name == "a_b"
    assert re.fullmatch(r"a_b_[0-9a-f]{12}", names["demo", "a.b"].name)
    assert re.fullmatch(r"mcp__demo__x{40}_[0-9a-f]{12}", names["demo", "x" * 70].flat)


def test_a_model_reads_structured_content_before_anything_else() -> None:
    result = {"content": [{"type": "text", "text": "x"}], "structuredContent": {"a": "ä"}}
    assert model_output(result, 0.00421) == 'Wall time: 0.0042 seconds\nOutput:\n{"a":"ä"}'
    assert model_output({"content": [{"type": "text", "text": "x"}]}, 1) == (
        'Wall time: 1.0000 seconds\nOutput:\n[{"type":"text","text":"x"}]'
    )
    assert refused_output("no", 0) == 'Wall time: 0.0000 seconds\nOutput:\n[{"type":"text","text":"no"}]'


def test_a_model_sees_images() -> None:
    image = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
    link = {"type": "resource_link", "uri": "memo://x"}
    assert model_output({"content": [{"type": "text", "text": "x"}, image, link]}, 0.5) == [
        {"type": "input_text", "text": "Wall time: 0.5000 seconds\nOutput:"},
        {"type": "input_text", "text": "x"},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "high"},
        {"type": "input_text", "text": '{"type":"resource_link","uri":"memo://x"}'},
    ]


def test_clients_are_shown_what_an_item_holds() -> None:
    assert shown_result({"content": [], "isError": True}) == {"content": [], "structuredContent": None, "_meta": None}


def test_a_form_says_only_what_clients_can_show() -> None:
    asked = {
        "type": "object",
        "title": "Choice",
        "description": "All of it",
        "properties": {
            "color": {"type": "string", "title": "Color", "enum": ["red"], "minLength": 1, "examples": ["red"]},
            "mail": {"type": "string", "format": "email"},
            "other": {"type": "string", "format": "hostname"},
            "count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
        },
        "required": ["color", "nothing"],
    }
    assert plain_form(asked) == {
        "type": "object",
        "properties": {
            "color": {"type": "string", "title": "Color", "enum": ["red"]},
            "mail": {"type": "string", "format": "email"},
            "other": {"type": "string"},
            "count": {"type": "integer", "minimum": 1},
        },
        "required": ["color"],
    }
