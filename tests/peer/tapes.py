"""Recorded traffic of clients, compact and free of machines: what to say again, and what was answered.

Owns the form of the files in ``recordings``; knows neither how they are made nor how they are played.

A tape is a list of steps, one JSON object a line. ``at`` is the number of the connection, where it is not the first:

``{"seed": [PROMPT…], "as": SYMBOL}``
    Before the client came, a thread was made with these turns. The symbol stands for its id.
``{"send": MESSAGE}``
    The client says this. Ids that the server had made are symbols: ``<1>``, ``<2>``…
``{"reply": ID, "ok": true}``
    The server answered, with a result or with an error. ``learn`` tells at which path in the result the id for a
    symbol stands.
``{"hear": METHOD}``
    The server told this; ``learn`` as above, paths in the params; ``of`` is the symbol of the thread.
``{"open": GATE}``
    The model goes on.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.peer.wiretap import Said

FOLDER = Path(__file__).with_name("recordings")

LONGEST = 100
"""Characters that a text keeps. Nothing that the tests say is longer; what the client brings along is not ours."""

HEARD = ("turn/started", "turn/completed")
"""Notices that a client waits for before it goes on."""

_MADE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OPAQUE = re.compile(r"cursor|path|revision", re.IGNORECASE)
_PROSE = frozenset({"description", "baseInstructions", "developerInstructions", "developer_instructions"})

_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGNwaDiAFTEMLQkAYvNgAXSglMMAAAAASUVORK5CYII="
)

Step = dict[str, Any]
Route = list[str | int]


def load(path: Path) -> list[Step]:
    """The steps of this file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def save(path: Path, steps: list[Step]) -> None:
    """Write these steps, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(step, ensure_ascii=False, separators=(",", ":")) + "\n" for step in steps))


def compact(log: list[Said | str], places: dict[str, str], seeded: list[Step]) -> list[Step]:
    """The tape of this log, where a string is the name of a gate. ``places``: texts to replace by their names."""
    return _Editor(places, seeded).edit(log)


class _Editor:
    def __init__(self, places: dict[str, str], seeded: list[Step]) -> None:
        self._places = places
        self._steps = [{"seed": step["seed"], "as": f"<{number}>"} for number, step in enumerate(seeded, 1)]
        self._symbols = {step["id"]: f"<{number}>" for number, step in enumerate(seeded, 1)}
        self._heard: dict[str, tuple[Step, Route]] = {}

    def edit(self, log: list[Said | str]) -> list[Step]:
        for said in log:
            if isinstance(said, str):
                self._steps.append({"open": said})
            else:
                take = self._client if said.by == "client" else self._server
                take(self._placed(said.message))
                if said.connection > 1:
                    self._steps[-1]["at"] = said.connection
        return [step for step in self._steps if step.get("hear") in (None, *HEARD)]

    def _placed(self, message: Any) -> Any:
        text = json.dumps(message)
        for place, name in self._places.items():
            text = text.replace(place, name)
        return json.loads(text)

    def _client(self, message: Step) -> None:
        said = dict(message)
        if "params" in said:
            said["params"] = self._clean(said["params"], "")
        self._steps.append({"send": said})

    def _clean(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._clean(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self._clean(member, key) for member in value]
        if not isinstance(value, str):
            return value
        if _MADE.search(value) or _OPAQUE.search(key):
            return self._symbol(value)
        if value.startswith("data:"):
            return "{picture}"
        return "text" if len(value) > LONGEST or key in _PROSE else value

    def _symbol(self, value: str) -> str:
        if value not in self._symbols and value in self._heard:
            symbol = self._symbols[value] = f"<{len(self._symbols) + 1}>"
            step, route = self._heard[value]
            step.setdefault("learn", {})[symbol] = route
        return self._symbols.get(value, value)

    def _server(self, message: Step) -> None:
        if "method" not in message:
            step: Step = {"reply": message["id"], "ok": "result" in message}
            told = message.get("result")
        else:
            step, told = {"hear": message["method"]}, message.get("params") or {}
            if message["method"] in HEARD:
                step["of"] = self._symbol(told["threadId"])
        self._steps.append(step)
        if step.get("hear") not in (None, *HEARD):
            return
        for route, value in _strings(told, []):
            self._heard.setdefault(value, (step, [self._symbols.get(str(key), key) for key in route]))


def _strings(value: Any, route: Route) -> Iterator[tuple[Route, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, [*route, key])
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from _strings(member, [*route, at])
    elif isinstance(value, str):
        yield route, value


def furnish(home: Path, project: Path) -> None:
    """Put the files there that scenes speak of: a picture and a skill."""
    (project / "picture.png").write_bytes(_PICTURE)
    skill = home / "skills" / "greet" / "SKILL.md"
    skill.parent.mkdir(parents=True, exist_ok=True)
    skill.write_text("---\nname: greet\ndescription: Says hello.\n---\nSay hello.\n")
