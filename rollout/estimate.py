"""How many tokens a model history may hold, without asking the model: about four bytes each. Pure.

The numbers are those of the Codex app-server, so that both write the same ``token_count`` after a rollback. One case
differs: an image sent in full detail counts like any other, for its size is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocol.wire import Json, encode
from rollout.model_items import Item, as_list, as_object, stored_form

BYTES_PER_TOKEN = 4
IMAGE_BYTES = 7_373
"""What the encoded bytes of an image count as, however many they are."""

_ENVELOPE = 650
"""Bytes of encrypted content that are not text."""

_ENCRYPTED = frozenset({"reasoning", "compaction", "compaction_summary"})


def context_tokens(instructions: str, items: Iterable[Item]) -> int:
    """The estimate for a request with these base instructions and this model history."""
    return _tokens(len(instructions.encode(errors="replace"))) + sum(_tokens(_size(item)) for item in items)


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


def _size(item: Item) -> int:
    if item["type"] == "ghost_snapshot":
        return 0
    encrypted = item.get("encrypted_content")
    if item["type"] in _ENCRYPTED and isinstance(encrypted, str):
        return max(0, len(encrypted) * 3 // 4 - _ENVELOPE)
    return len(encode(stored_form(item))) + sum(IMAGE_BYTES - len(image) for image in _images(item))


def _images(item: Item) -> Iterator[str]:
    """The encoded bytes of each image that is sent along."""
    for part in as_list(item.get("content" if item["type"] == "message" else "output")):
        yield from _payload(as_object(part))


def _payload(part: dict[str, Json]) -> Iterator[str]:
    url = part.get("image_url")
    if part.get("type") == "input_image" and isinstance(url, str) and url[:5].lower() == "data:":
        head, comma, payload = url.partition(",")
        if comma and head.lower().endswith(";base64"):
            yield payload
