"""Model items that a client hands in: are they what we store and providers take? Pure.

What a rollout holds is read with patience; what is about to be written is held to its form, for one crooked item would
fail every later request of its thread.
"""

from __future__ import annotations

from typing import Any

import msgspec

from protocol.wire import Json, Record
from rollout.model_items import Item


class InvalidItem(ValueError):
    """``index``: which of the items it is."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


class _InputText(Record, tag="input_text"):
    text: str


class _OutputText(Record, tag="output_text"):
    text: str


class _InputImage(Record, tag="input_image"):
    image_url: str
    detail: str | None = None


class _SummaryText(Record, tag="summary_text"):
    text: str


class _ReasoningText(Record, tag="reasoning_text"):
    text: str


class _Text(Record, tag="text"):
    text: str


_Output = str | list[_InputText | _InputImage]


class _Message(Record, tag="message"):
    role: str
    content: list[_InputText | _OutputText | _InputImage]
    end_turn: bool | None = None
    phase: str | None = None


class _Reasoning(Record, tag="reasoning"):
    summary: list[_SummaryText]
    content: list[_ReasoningText | _Text] | None = None
    encrypted_content: str | None = None


class _FunctionCall(Record, tag="function_call"):
    name: str
    arguments: str
    call_id: str
    namespace: str | None = None


class _FunctionCallOutput(Record, tag="function_call_output"):
    call_id: str
    output: _Output


class _CustomToolCall(Record, tag="custom_tool_call"):
    call_id: str
    name: str
    input: str
    status: str | None = None


class _CustomToolCallOutput(Record, tag="custom_tool_call_output"):
    call_id: str
    output: _Output
    name: str | None = None


class _LocalShellCall(Record, tag="local_shell_call"):
    status: str
    action: dict[str, Any]
    call_id: str | None = None


class _WebSearchCall(Record, tag="web_search_call"):
    status: str | None = None
    action: dict[str, Any] | None = None


class _ToolSearchCall(Record, tag="tool_search_call"):
    execution: str
    arguments: Any
    call_id: str | None = None
    status: str | None = None


class _ToolSearchOutput(Record, tag="tool_search_output"):
    execution: str
    tools: list[Any]
    status: str
    call_id: str | None = None


class _ImageGenerationCall(Record, tag="image_generation_call"):
    id: str
    status: str
    result: str
    revised_prompt: str | None = None


class _GhostSnapshot(Record, tag="ghost_snapshot"):
    ghost_commit: dict[str, Any]


class _Compaction(Record, tag="compaction"):
    encrypted_content: str


class _CompactionSummary(Record, tag="compaction_summary"):
    encrypted_content: str


_Item = (
    _Message
    | _Reasoning
    | _FunctionCall
    | _FunctionCallOutput
    | _CustomToolCall
    | _CustomToolCallOutput
    | _LocalShellCall
    | _WebSearchCall
    | _ToolSearchCall
    | _ToolSearchOutput
    | _ImageGenerationCall
    | _GhostSnapshot
    | _Compaction
    | _CompactionSummary
)


def checked(items: list[Json]) -> list[Item]:
    """The items, each of a kind and form we know. Raises :class:`InvalidItem` for the first that is not."""
    for index, item in enumerate(items):
        try:
            msgspec.convert(item, _Item)
        except msgspec.ValidationError as error:
            raise InvalidItem(index, str(error)) from error
    return items
