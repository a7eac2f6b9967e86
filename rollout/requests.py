"""The model history -> the items of one request, in the form strict providers take. Changes no item."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator
from typing import Any

from protocol.wire import encode
from rollout.model_items import KINDS, OUTPUT_OF, OUTPUTS, Item, as_list, as_object, stored_form

ABORTED = "aborted"
NO_IMAGE = "[An image was left out: this model takes no images.]"
REFUSED_IMAGE = "[An image was left out: the model could not read it.]"

_LOCAL = frozenset({"ghost_snapshot"})


def normalise(items: list[Item], *, images: bool = True) -> list[Item]:
    """The items of one request.

    Ids and unknown members go; a call without an output gets one that says ``aborted``, an output without its call
    goes, as do ghost snapshots and unknown kinds. ``images=False``: a text stands for each image.
    """
    sent = [_request_form(item) for item in items if item.get("type") in KINDS and item["type"] not in _LOCAL]
    sent = list(_complete(_rendered(sent)))
    return sent if images else [without_images(item, NO_IMAGE) for item in sent]


class Growing:
    """The items of request after request, while a history grows: what an earlier one had is not made again.

    ``items`` are as :func:`normalise` makes them, ``encoded`` is the JSON of each.
    """

    def __init__(self, *, images: bool = True) -> None:
        self.items: list[Item] = []
        self.encoded: list[bytes] = []
        self._images = images
        self._seen: list[Item] = []
        self._keys: set[tuple[str, Any]] = set()

    def fresh(self, history: list[Item]) -> int:
        """How many items of this history would have to be looked at."""
        return len(history) - (len(self._seen) if self._goes_on(history) else 0)

    def take(self, history: list[Item]) -> None:
        """Make the items of a request with this history."""
        if not self._goes_on(history):
            self.items, self.encoded, self._seen = [], [], []
            self._keys.clear()
        fresh = history[len(self._seen) :]
        made = normalise(fresh, images=self._images)
        self.items += made
        self.encoded += map(encode, made)
        self._seen += fresh
        self._keys |= _keys(fresh)

    def _goes_on(self, history: list[Item]) -> bool:
        """It begins with what was seen, and no call of that is answered behind it."""
        seen = len(self._seen)
        if len(history) < seen or not all(map(operator.is_, self._seen, history)):
            return False
        return self._keys.isdisjoint(_keys(history[seen:]))


def _keys(items: list[Item]) -> set[tuple[str, Any]]:
    """Of all calls and outputs that are tied to another one."""
    tied = (item for item in items if item.get("type") in OUTPUT_OF or item.get("type") in OUTPUTS)
    return {_key(item) for item in tied if item.get("call_id") is not None}


def _request_form(item: Item) -> Item:
    form = stored_form(item)
    if form["type"] == "reasoning":
        return {name: value for name, value in form.items() if value is not None}
    return form


def _complete(items: list[Item]) -> Iterator[Item]:
    answered = {_key(item) for item in items if item["type"] in OUTPUTS}
    called = {_key(item) for item in items if item["type"] in OUTPUT_OF}
    for item in items:
        if item["type"] in OUTPUTS and item.get("call_id") is not None and _key(item) not in called:
            continue
        yield item
        if item["type"] in OUTPUT_OF and item.get("call_id") is not None and _key(item) not in answered:
            yield _aborted(item)


def _key(item: Item) -> tuple[str, Any]:
    """What ties a call and its output together: the kind of the output, and the call's id."""
    kind: str = item["type"]
    return OUTPUT_OF.get(kind, kind), item.get("call_id")


def _aborted(call: Item) -> Item:
    answer: Item = {"type": OUTPUT_OF[call["type"]], "call_id": call["call_id"]}
    if call["type"] == "tool_search_call":
        return answer | {"status": "completed", "execution": call["execution"], "tools": []}
    return answer | {"output": ABORTED}


def _rendered(items: list[Item]) -> list[Item]:
    """Patches answer in JSON, which is stored; models read it as text."""
    patches = {
        item.get("call_id") for item in items if item["type"] == "custom_tool_call" and item["name"] == "apply_patch"
    } - {None}
    return [
        item | {"output": _patch_text(item["output"])}
        if item["type"] == "custom_tool_call_output" and item.get("call_id") in patches
        else item
        for item in items
    ]


def _patch_text(output: Any) -> Any:
    try:
        answer = as_object(json.loads(output))
        text, metadata = answer["output"], answer["metadata"]
        return (
            f"Exit code: {metadata['exit_code']}\nWall time: {metadata['duration_seconds']:g} seconds\nOutput:\n{text}"
        )
    except (TypeError, ValueError, KeyError):
        return output


def without_images(item: Item, words: str) -> Item:
    """The item with these words in the place of each image; the very same if it has none."""
    member = "content" if item["type"] == "message" else "output"
    parts = as_list(item.get(member))
    if not any(as_object(part).get("type") == "input_image" for part in parts):
        return item
    text = {"type": "input_text", "text": words}
    return item | {member: [text if as_object(part).get("type") == "input_image" else part for part in parts]}
