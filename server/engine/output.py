"""A model's output item in its three forms: for the rollout's events, for the model history, for the clients. Pure."""

from __future__ import annotations

from typing import Any

from protocol import item as wire
from protocol.item import ThreadItem
from rollout import events, mapping
from rollout.events import Event
from rollout.lines import Entry, ResponseItem
from rollout.model_items import as_list, as_object

CALLS = ("function_call", "custom_tool_call", "local_shell_call")


def begun(item_id: str, item: dict[str, Any]) -> ThreadItem | None:
    """The item as it starts, empty; None for kinds that clients do not see starting."""
    match item.get("type"):
        case "message":
            return wire.AgentMessage(id=item_id, text="", phase=item.get("phase"))
        case "reasoning":
            return wire.Reasoning(id=item_id)
        case "web_search_call":
            return wire.WebSearch(id=item_id, query="", action={"type": "other"})
        case _:
            return None


def finished(item_id: str, item: dict[str, Any]) -> ThreadItem | None:
    """The item as it is in the end; None for kinds that clients do not see."""
    match item.get("type"):
        case "message":
            return wire.AgentMessage(id=item_id, text=message_text(item), phase=item.get("phase"))
        case "reasoning":
            return wire.Reasoning(id=item_id, summary=_texts(item, "summary"), content=_texts(item, "content"))
        case "web_search_call":
            return mapping.web_search(_search(item_id, item))
        case _:
            return None


def stored(item_id: str, item: dict[str, Any]) -> list[Event | Entry]:
    """What the rollout keeps: what a person sees first, then the item for the model."""
    match item.get("type"):
        case "message":
            shown: list[Event | Entry] = [events.AgentMessage(message=message_text(item), phase=item.get("phase"))]
        case "reasoning":
            shown = [events.AgentReasoning(text=text) for text in _texts(item, "summary")]
        case "web_search_call":
            shown = [_search(item_id, item)]
        case _:
            shown = []
    return [*shown, ResponseItem(payload=item)]


def message_text(item: dict[str, Any]) -> str:
    """The text of a message item."""
    return "".join(_texts(item, "content"))


def _texts(item: dict[str, Any], member: str) -> list[str]:
    texts = (as_object(part).get("text") for part in as_list(item.get(member)))
    return [text for text in texts if isinstance(text, str)]


def _search(item_id: str, item: dict[str, Any]) -> events.WebSearchEnd:
    action = as_object(item.get("action"))
    return events.WebSearchEnd(call_id=item_id, query=_sought(action), action=action or {"type": "other"})


def _sought(action: dict[str, Any]) -> str:
    """What was looked for or opened, in a few words."""
    queries, url, pattern = as_list(action.get("queries")), str(action.get("url") or ""), action.get("pattern")
    match action.get("type"):
        case "open_page":
            return url
        case "find_in_page" if pattern:
            return f"'{pattern}' in {url}" if url else f"'{pattern}'"
        case "find_in_page":
            return url
        case _ if action.get("query") or not queries:
            return str(action.get("query") or "")
        case _:
            return f"{queries[0]} ..." if len(queries) > 1 and queries[0] else str(queries[0])
