"""What a model reads of a call of an MCP tool. Pure."""

from __future__ import annotations

import json
from typing import Any

from rollout.model_items import as_list, as_object

Output = str | list[dict[str, Any]]
"""The ``output`` of a function call: text, or content items where there are images."""


def model_output(result: dict[str, Any], seconds: float) -> Output:
    """What a result of ``tools/call`` says, after ``seconds``."""
    structured = result.get("structuredContent")
    content = as_list(result.get("content"))
    head = f"Wall time: {seconds:.4f} seconds\nOutput:"
    if structured is not None:
        return f"{head}\n{_json(structured)}"
    blocks = [as_object(block) for block in content]
    if not any(_is_image(block) for block in blocks):
        return f"{head}\n{_json(content)}"
    return [{"type": "input_text", "text": head}, *map(_item, blocks)]


def refused_output(message: str, seconds: float) -> Output:
    """The same of a call that has no result."""
    return model_output({"content": [{"type": "text", "text": message}]}, seconds)


def shown_result(result: dict[str, Any]) -> dict[str, Any]:
    """What an ``mcpToolCall`` item holds of a result."""
    return {
        "content": as_list(result.get("content")),
        "structuredContent": result.get("structuredContent"),
        "_meta": result.get("_meta"),
    }


def _is_image(block: dict[str, Any]) -> bool:
    return block.get("type") == "image" and isinstance(block.get("data"), str)


def _item(block: dict[str, Any]) -> dict[str, Any]:
    if _is_image(block):
        url = block["data"]
        if not url.startswith("data:"):
            url = f"data:{block.get('mimeType') or 'application/octet-stream'};base64,{url}"
        return {"type": "input_image", "image_url": url, "detail": "high"}
    text = block.get("text") if block.get("type") == "text" else None
    return {"type": "input_text", "text": text if isinstance(text, str) else _json(block)}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
