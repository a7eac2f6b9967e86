"""What a tool is: what the model is told of it, and what a call of it does. Knows no single tool and no client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from protocol.item import ThreadItem
from protocol.wire import Record
from rollout import events
from rollout.events import Event
from rollout.lines import Entry
from server.engine.host import Host
from server.engine.patches.turn_diff import TurnDiff
from server.engine.settings import Settings
from server.engine.workspace import Workspace

T = TypeVar("T")

Content = str | list[dict[str, Any]]
"""What a model gets back: text, or content items of the Responses API."""


class CallFailed(Exception):
    """A call came to nothing; the text tells the model why. The turn goes on."""


class TurnCancelled(Exception):
    """A person said no to a call, and to the rest of the turn."""


class Call(Record):
    """A call by the model. ``text``: JSON of the arguments, or what it wrote for a tool that takes plain text."""

    id: str
    name: str
    namespace: str | None = None
    text: str = ""
    custom: bool = False

    @classmethod
    def of(cls, item: dict[str, Any]) -> Call:
        """The call in an output item of the model, whatever it lacks."""
        if item.get("type") == "local_shell_call":
            action = msgspec.json.encode(item.get("action")).decode()
            return cls(id=item.get("call_id") or item.get("id") or "", name="local_shell", text=action)
        custom = item.get("type") == "custom_tool_call"
        text = item.get("input" if custom else "arguments")
        return cls(
            id=item.get("call_id") or "",
            name=item.get("name") or "",
            namespace=item.get("namespace"),
            text=text if isinstance(text, str) else "",
            custom=custom,
        )

    def arguments(self, kind: type[T]) -> T:
        """The arguments as this type. Raises :class:`CallFailed` that names what is wrong with them."""
        try:
            return msgspec.json.decode(self.text or "{}", type=kind)
        except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
            raise CallFailed(f"failed to parse function arguments: {error}") from error


@dataclass(frozen=True)
class Work:
    """What a call works with: the thread that its turn belongs to, the turn, and what the thread keeps for them."""

    host: Host
    turn_id: str
    settings: Settings
    workspace: Workspace
    patched: TurnDiff
    """What the patches of the turn changed."""
    stop: Callable[[], None]
    """Ends the turn, whatever the model and other calls still do."""
    notes: list[Entry] = field(default_factory=list[Entry])
    """What the model is told behind the answers to its calls: between calls and answers nothing else may stand."""

    def emit(self, *said: Event | Entry) -> None:
        """Make these durable and then known, in one breath."""
        self.host.emit(*said)

    def begin(self, item: ThreadItem) -> None:
        """An item starts."""
        self.host.emit(events.ItemStarted(turn_id=self.turn_id, item=item))

    def end(self, item: ThreadItem, *stored: Event | Entry) -> None:
        """An item is final; ``stored`` is how the rollout keeps it."""
        self.host.emit(*stored, events.ItemCompleted(turn_id=self.turn_id, item=item))

    def tell_diff(self) -> None:
        """Say what the patches of the turn changed so far, if they did."""
        if diff := self.patched.text():
            self.host.emit(events.DiffUpdated(turn_id=self.turn_id, diff=diff))


class Tool(ABC):
    """Something a model may call by ``name``. Calls of ``parallel`` tools may run beside each other."""

    name: str
    parallel: bool = False

    @abstractmethod
    def offer(self) -> dict[str, Any]:
        """What the model is told of it: a tool of the Responses API."""

    @abstractmethod
    async def run(self, call: Call, work: Work) -> Content:
        """Carry out a call.

        Raises :class:`CallFailed`; :class:`TurnCancelled` if a person ends the turn by it. Cancelled, it leaves
        nothing behind that only this call needed.
        """


def function(name: str, description: str, parameters: dict[str, Any], *required: str) -> dict[str, Any]:
    """The offer of a tool that takes JSON arguments: JSON Schemas by name."""
    schema = members(parameters, *required)
    return {"type": "function", "name": name, "description": description, "strict": False, "parameters": schema}


def members(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """The JSON Schema of an object with these members and no others."""
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})
