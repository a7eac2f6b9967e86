"""What a client makes of a thread: from a snapshot and what it is told after that. Knows no socket.

It checks what it can by itself: that pieces of a text sum up to the text that the finished item has, and that numbers
follow each other with no gap and no repeat.
"""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]


class Transcript:
    """One thread as one client knows it. ``seen``: the number of what it was told last, if it wants numbers."""

    def __init__(self, thread_id: str, *, numbered: bool = False) -> None:
        self.thread_id = thread_id
        self.numbered = numbered
        self.seen: Message | None = None
        self.turns: dict[str, dict[str, str]] = {}
        self.ended: set[str] = set()
        self.merged = False
        """Several notifications may have become one, so that numbers leap."""

    def resumed(self, result: Message) -> None:
        """Take in the reply of a resume."""
        place = result.get("sequence")
        assert (place is not None) == self.numbered
        if place is not None and place["complete"]:
            assert self.seen is not None
            assert result["thread"]["turns"] == []
            return
        if place is not None:
            self.seen = _position(place)
        self.turns, self.ended = {}, set()
        for turn in result["thread"]["turns"]:
            self.turns[turn["id"]] = {item["id"]: text_of(item) for item in turn["items"]}
            if turn["status"] != "inProgress":
                self.ended.add(turn["id"])

    def told(self, message: Message) -> None:
        """Take in any message; those of other threads are none of its business."""
        params = message.get("params") or {}
        if params.get("threadId") != self.thread_id:
            return
        if self.numbered and "sequence" in message:
            self._counted(message["sequence"])
        match message["method"]:
            case "turn/started":
                self.turns.setdefault(params["turn"]["id"], {})
            case "item/started":
                self.turns[params["turnId"]][params["item"]["id"]] = text_of(params["item"])
            case "item/agentMessage/delta":
                self.turns[params["turnId"]][params["itemId"]] += params["delta"]
            case "item/completed":
                items, item = self.turns[params["turnId"]], params["item"]
                assert items[item["id"]] == text_of(item), "what was heard of a text is not the text"
            case "turn/completed":
                self.ended.add(params["turn"]["id"])
            case _:
                pass

    def _counted(self, place: Message) -> None:
        assert self.seen is not None, "live notifications came before the snapshot"
        assert place["epoch"] == self.seen["epoch"]
        least = self.seen["number"] + 1
        assert place["number"] >= least if self.merged else place["number"] == least
        self.seen = _position(place)

    @property
    def texts(self) -> list[list[str]]:
        """The texts of each turn; ids are others before the end of a turn and after it."""
        return [list(items.values()) for items in self.turns.values()]


def text_of(item: Message) -> str:
    """What an item says."""
    if item["type"] == "userMessage":
        return "".join(part.get("text", "") for part in item["content"])
    return str(item.get("text", ""))


def _position(place: Message) -> Message:
    return {"epoch": place["epoch"], "number": place["number"]}
