"""The kinds of model items a rollout holds, and the one form in which they are stored. Knows no lines and no prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from protocol.wire import Json

Item = dict[str, Any]


def as_object(value: Json) -> dict[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Any]:
    """``value`` if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


class Kind(NamedTuple):
    """Members of one kind of item: those it must have, all that are stored (in order), those stored even when null."""

    required: tuple[str, ...]
    stored: tuple[str, ...]
    nullable: frozenset[str] = frozenset()


def _kind(required: str, stored: str, nullable: str = "") -> Kind:
    return Kind(tuple(required.split()), tuple(stored.split()), frozenset(nullable.split()))


_COMPACTION = _kind("encrypted_content", "encrypted_content")

# An ``id`` that is not listed was given by the model's provider; it is never stored nor sent back.
KINDS: dict[str, Kind] = {
    "message": _kind("role content", "role content end_turn phase"),
    "reasoning": _kind("summary", "summary content encrypted_content", "content encrypted_content"),
    "function_call": _kind("name arguments call_id", "name namespace arguments call_id"),
    "function_call_output": _kind("call_id output", "call_id output"),
    "custom_tool_call": _kind("call_id name input", "status call_id name input"),
    "custom_tool_call_output": _kind("call_id output", "call_id name output"),
    "local_shell_call": _kind("status action", "call_id status action", "call_id"),
    "web_search_call": _kind("", "status action"),
    "tool_search_call": _kind("execution arguments", "call_id status execution arguments", "call_id"),
    "tool_search_output": _kind("execution tools", "call_id status execution tools", "call_id"),
    "image_generation_call": _kind("id status result", "id status revised_prompt result"),
    "ghost_snapshot": _kind("ghost_commit", "ghost_commit"),
    "compaction": _COMPACTION,
    "compaction_summary": _COMPACTION,
}

_PARTS: dict[str, tuple[str, ...]] = {
    "input_text": ("text",),
    "output_text": ("text",),
    "input_image": ("image_url", "file_id", "detail"),
    "summary_text": ("text",),
    "reasoning_text": ("text",),
    "text": ("text",),
}


OUTPUT_OF = {
    "function_call": "function_call_output",
    "local_shell_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "tool_search_call": "tool_search_output",
}
"""Which kind of item answers which kind of call."""

OUTPUTS = frozenset(OUTPUT_OF.values())


def is_known(item: Item) -> bool:
    """Whether we know this kind of item and it has all it must have."""
    kind = KINDS.get(item.get("type", ""))
    return kind is not None and all(member in item for member in kind.required)


def stored_form(item: Item) -> Item:
    """The item as it is stored: ``type`` first, known members in order, without the provider's ids and extras.

    Raises ``KeyError`` for a kind we do not know.
    """
    kind = KINDS[item["type"]]
    form: Item = {"type": item["type"]}
    for member in kind.stored:
        value = item.get(member)
        if value is not None or member in kind.nullable:
            form[member] = value
    trim = _TRIMS.get(item["type"])
    return trim(form) if trim else form


def _parts(parts: list[Any]) -> list[Any]:
    return [_part(part) for part in parts]


def _part(part: Json) -> Json:
    fields = as_object(part)
    members = _PARTS.get(str(fields.get("type")))
    if members is None:
        return part
    return {"type": fields["type"]} | {name: fields[name] for name in members if fields.get(name) is not None}


def _trim_message(item: Item) -> Item:
    return item | {"content": _parts(as_list(item["content"]))}


def _trim_reasoning(item: Item) -> Item:
    item["summary"] = _parts(as_list(item["summary"]))
    if item["content"] is None:
        return item
    item["content"] = _parts(as_list(item["content"]))
    if not any(as_object(part).get("type") == "reasoning_text" for part in item["content"]):
        del item["content"]
    return item


_TRIMS: dict[str, Callable[[Item], Item]] = {"message": _trim_message, "reasoning": _trim_reasoning}
