"""JSON Schema (2020-12) of everything that clients and server say to each other, made of the types of the wire.

The server's words are those that it has for clients of the newest version. What a client sends may leave out whatever
has a default; of what the server sends only members that have none may be missing. Pure; knows no handler.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from protocol.asks import ASKS
from protocol.dialects.shape import is_known, members_left_out
from protocol.dialects.versions import NEWEST
from protocol.errors import ErrorBody
from protocol.initialize import InitializeParams
from protocol.jsonrpc import Trace
from protocol.methods import METHODS
from protocol.notices import NOTICES
from protocol.sequence import Number
from protocol.wire import Encoded, Raw

Node = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SIMPLE: dict[Any, Node] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
    Any: {},
    object: {},
    Raw: {},
    Encoded: {},
}
_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_ID: Node = {"type": ["integer", "string"]}


def document() -> Node:
    """The whole schema: a message of either side is valid; ``$defs`` has all types, ``x-results`` and ``x-answers``
    what the results of requests and of questions are."""
    types = _Types()
    sent, told, asked = _requests(types), _notifications(types), _questions(types)
    results = {method.name: types.node(method.result) for method in METHODS}
    answers = {ask.name: types.node(ask.result) for ask in ASKS}
    refusal = types.node(ErrorBody)
    defs = {
        **types.definitions(),  # after all that refers to them
        "ClientRequest": {"oneOf": sent},
        "ServerNotification": {"oneOf": told},
        "ServerRequest": {"oneOf": asked},
        "Reply": _message({"id": _ID, "result": {}}),
        "Refusal": _message({"id": {"type": ["integer", "string", "null"]}, "error": refusal}),
    }
    names = ("ClientRequest", "ServerNotification", "ServerRequest", "Reply", "Refusal")
    return {
        "$schema": DIALECT,
        "title": "Threadcast, Codex app-server v2",
        "description": f"Messages as clients of version {NEWEST} of the protocol hear them and may send them.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names],
        "$defs": defs,
        "x-results": results,
        "x-answers": answers,
    }


class _Types:
    """Gives each struct a name, and remembers which of them clients send: there, defaults may be left out."""

    def __init__(self) -> None:
        self._names: dict[type, str] = {}
        self._sent: set[type] = set()
        for method in METHODS:
            self._mark(method.params)
        for ask in ASKS:
            self._mark(ask.result)
        self._mark(InitializeParams)

    def node(self, annotation: Any) -> Node:
        """The schema of one type; a struct is referred to by its name."""
        try:
            if annotation in _SIMPLE:
                return dict(_SIMPLE[annotation])
        except TypeError:  # not every annotation can be looked up
            pass
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return {"$ref": f"#/$defs/{self._name(annotation)}"}
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.node(inner[0]) | _bounds(inner[1:])
        if origin in (Union, UnionType):
            return self._union(inner)
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is list:
            return {"type": "array", "items": self.node(inner[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.node(inner[1])}
        raise TypeError(f"no schema is known for {annotation!r}")

    def definitions(self) -> dict[str, Node]:
        """All that has a name so far, and what that refers to."""
        found: dict[str, Node] = {}
        while waiting := [kind for kind, name in self._names.items() if name not in found]:
            for kind in waiting:
                found[self._names[kind]] = self._struct(kind)
        return dict(sorted(found.items()))

    def _struct(self, kind: Any) -> Node:
        config, left_out = kind.__struct_config__, members_left_out(kind, NEWEST)
        properties: dict[str, Node] = {}
        required: list[str] = []
        if config.tag is not None:
            properties[config.tag_field] = {"const": config.tag}
            required.append(config.tag_field)
        for member in msgspec.structs.fields(kind):
            if member.name in left_out:
                continue
            properties[member.encode_name] = self.node(member.type)
            if member.required or (kind not in self._sent and member.default is not UNSET):
                required.append(member.encode_name)
        text = (kind.__doc__ or "").strip().partition("\n")[0]
        return {"type": "object", "description": text, "properties": properties, "required": required}

    def _union(self, members: Iterable[Any]) -> Node:
        nodes = [self.node(each) for each in members if each not in (UnsetType, Encoded)]
        if len(nodes) == 1:
            return nodes[0]
        if all(node.keys() == {"type"} and isinstance(node["type"], str) for node in nodes):
            return {"type": [node["type"] for node in nodes]}
        return {"anyOf": nodes}

    def _name(self, kind: type) -> str:
        if kind not in self._names:
            taken = kind.__name__ in self._names.values()
            self._names[kind] = (
                f"{kind.__module__.rpartition('.')[2].title()}{kind.__name__}" if taken else kind.__name__
            )
        return self._names[kind]

    def _mark(self, annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            if annotation in self._sent:
                return
            self._sent.add(annotation)
            for member in msgspec.structs.fields(annotation):
                self._mark(member.type)
        for inner in get_args(annotation):
            self._mark(inner)


def _requests(types: _Types) -> list[Node]:
    trace = {"trace": {"anyOf": [types.node(Trace), {"type": "null"}]}}
    nodes: list[Node] = []
    for method in METHODS:
        params = types.node(method.params)
        if method.lenient:
            params = {"anyOf": [params, {"type": "null"}]}
        members = {"id": _ID, "method": {"const": method.name}, "params": params}
        nodes.append(_message(members, trace, left_out=("params",) if method.lenient else ()))
    return nodes


def _notifications(types: _Types) -> list[Node]:
    sequence = {"sequence": types.node(Number)}
    known = [notice for notice in NOTICES if is_known(notice, NEWEST)]
    return [_message({"method": {"const": each.name}, "params": types.node(each.params)}, sequence) for each in known]


def _questions(types: _Types) -> list[Node]:
    return [
        _message({"method": {"const": ask.name}, "id": {"type": "integer"}, "params": types.node(ask.params)})
        for ask in ASKS
    ]


def _message(members: dict[str, Node], more: dict[str, Node] | None = None, left_out: tuple[str, ...] = ()) -> Node:
    required = [name for name in members if name not in left_out]
    return {"type": "object", "properties": members | (more or {}), "required": required}


def _bounds(marks: Iterable[Any]) -> Node:
    found: Node = {}
    for mark in marks:
        for name, said in _BOUNDS.items():
            if getattr(mark, name, None) is not None:
                found[said] = getattr(mark, name)
    return found
