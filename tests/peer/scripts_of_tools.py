"""Conversations about tools that ask clients, or only show something: questions, tools of clients, images, plans.

0.125.0 does not record tools of clients and images, so what is there later is only held against newer versions.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.peer.scripted_model import OPEN_UNTIL
from tests.peer.scripts_of_terminals import calls, shown
from tests.peer.steps import (
    NEW,
    OLD,
    Answer,
    Conversation,
    Hear,
    Open,
    Step,
    begin,
    conversation,
    ended,
    start,
)

ASKED, CALLED, RESOLVED = "item/tool/requestUserInput", "item/tool/call", "serverRequest/resolved"
PLANNING = {"mode": "plan", "settings": {"model": "test-model", "reasoning_effort": None, "developer_instructions": ""}}
QUESTION = {
    "id": "colour",
    "header": "Colour",
    "question": "Which?",
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
}
ASKING = ("request_user_input", {"questions": [QUESTION]})
CHOSEN = {"result": {"answers": {"colour": {"answers": ["Red"]}}}}
REFUSED = {"error": {"code": -32000, "message": "no"}}
TOOL = {"name": "weather", "description": "Outside", "inputSchema": {"type": "object"}}
SUNNY = {"result": {"contentItems": [{"type": "inputText", "text": "sunny"}], "success": True}}
RAINY = {"result": {"contentItems": [{"type": "inputText", "text": "rainy"}], "success": False}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def pictures(home: Path) -> Mapping[str, str]:
    """An image, and a folder."""
    (home / "it.png").write_bytes(base64.b64decode(PIXEL))
    (home / "folder").mkdir()
    return {}


def turn(gate: str, call: tuple[str, Any], *meanwhile: Step, **params: Any) -> list[Step]:
    """A turn with this call. The answer with the call ends only when all that the call does is done; else that would
    happen before the end or after it, as the servers' tasks run."""
    gate = OPEN_UNTIL + gate
    return [begin("A", calls([call], gate=gate), **params), *meanwhile, Open(gate), ended("A")]


def asked(gate: str, said: Mapping[str, Any]) -> list[Step]:
    """A turn that plans and asks."""
    return turn(gate, ASKING, Answer("A", ASKED, said), Hear("A", RESOLVED), collaborationMode=PLANNING)


def called(gate: str, said: Mapping[str, Any]) -> list[Step]:
    """A turn that calls a tool of the client, which says this."""
    over = Hear("A", "item/completed", {"item": {"type": "dynamicToolCall"}})
    return turn(gate, ("weather", {"town": "Bonn"}), Answer("A", CALLED, said), over)


def with_tool(kind: str | None = None) -> list[Step]:
    """A thread with a tool of its client."""
    return start("A", dynamicTools=[TOOL if kind is None else TOOL | {"type": kind}])


SEEN = Hear("A", "item/completed", {"item": {"type": "imageView"}})
LOOKING = ("view_image", {"path": "it.png"})
LISTED = {"plan": [{"step": "a", "status": "in_progress"}], "explanation": "b"}

TOOLS: tuple[Conversation, ...] = (
    conversation("a person is asked and answers", start("A"), asked("answers", CHOSEN), shown()),
    conversation("a person is asked and the client refuses", start("A"), asked("refuses", REFUSED)),
    conversation("a person is asked and the client makes no sense", start("A"), asked("senseless", {"result": {}})),
    conversation("nobody is asked outside of plan mode", start("A"), begin("A", calls([ASKING])), ended("A")),
    conversation("a tool of the client", with_tool(), called("old", SUNNY), versions=OLD),
    conversation("a tool of the client, newer", with_tool("function"), called("new", SUNNY), shown(), versions=NEW),
    conversation("a tool of the client fails", with_tool("function"), called("fails", RAINY), shown(), versions=NEW),
    conversation("a tool of the client is refused", with_tool("function"), called("refused", REFUSED), versions=NEW),
    conversation("a tool that makes no sense", with_tool("function"), called("no", {"result": {}}), versions=NEW),
    conversation("an image is seen", start("A", cwd="$home"), turn("seen", LOOKING, SEEN), versions=OLD),
    conversation(
        "an image is seen, newer", start("A", cwd="$home"), turn("seen_newer", LOOKING, SEEN), shown(), versions=NEW
    ),
    conversation(
        "images that are none",
        start("A", cwd="$home"),
        begin("A", calls([("view_image", {"path": "no.png"}), ("view_image", {"path": "folder"}), ("view_image", {})])),
        ended("A"),
        shown(),
    ),
    conversation(
        "a list of work",
        start("A"),
        turn("listed", ("update_plan", LISTED), Hear("A", "turn/plan/updated")),
        versions=OLD,
    ),
)
