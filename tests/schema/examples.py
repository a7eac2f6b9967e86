"""Values that a schema allows, one deviation at a time. Pure and in a fixed order; knows no method.

Chance would need thousands of draws to meet each name of an enumeration once. Here every branch, every name, null,
absence, an unknown member and the ends of each range of numbers come up, each alone, in a value that is else as small
as can be; and once everything together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.schema.generated import Node

DEEPEST = 6
"""Levels of members that vary; deeper ones stay as small as can be."""

_RANGES = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "uint": (0, 2**64 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
_ANYTHING: tuple[Any, ...] = ({"any": [1, "two", None]}, None, True, 3, "text", [], 0.5)
_PATHS = ("/absolute", "relative", "")
_TEXTS = ("text", "", "ü\u2028\0😀")


class Examples:
    """Makes values of the schemas that refer to these definitions."""

    def __init__(self, definitions: Node) -> None:
        self._definitions = definitions

    def all(self, node: Any) -> list[Any]:
        """Every example of this schema, without repeats; the smallest first."""
        unique: dict[str, Any] = {}
        for each in self._vary(node, DEEPEST):
            unique.setdefault(repr(each), each)
        return list(unique.values())

    def _smallest(self, node: Any) -> Any:
        return next(self._vary(node, 0))

    def _vary(self, node: Any, depth: int) -> Iterator[Any]:
        if node is True or not node.keys() - {"description", "default", "title"}:
            yield from _ANYTHING
        elif node.get("$ref", "").endswith("/AbsolutePathBuf"):
            yield from _PATHS
        elif "$ref" in node:
            yield from self._vary(self._resolve(node["$ref"]), depth)
        elif "enum" in node:
            yield from node["enum"]
        elif "properties" in node:
            yield from self._objects(node, depth)
        elif branches := node.get("oneOf") or node.get("anyOf") or node.get("allOf"):
            for branch in branches:
                yield from self._vary(branch, depth)
        else:
            kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
            for kind in kinds:
                yield from self._of_type(kind, node, depth)

    def _of_type(self, kind: str, node: Node, depth: int) -> Iterator[Any]:
        match kind:
            case "object":
                yield from self._maps(node, depth)
            case "array":
                yield from self._lists(node, depth)
            case "string":
                yield from (text for text in _TEXTS if len(text) >= node.get("minLength", 0))
            case "integer":
                least, most = _RANGES.get(node.get("format", ""), (-(2**31), 2**31 - 1))
                least = max(least, int(node.get("minimum", least)))
                yield from (1, least, min(most, int(node.get("maximum", most))))
            case "number":
                yield from (1, 0.25, -1e300)
            case "boolean":
                yield from (False, True)
            case _:
                yield None

    def _objects(self, node: Node, depth: int) -> Iterator[Any]:
        members: Node = node["properties"]
        cores = [{name: self._smallest(members[name]) for name in node.get("required", ()) if name in members}]
        branches = node.get("oneOf") or node.get("anyOf")
        if branches:  # its other members depend on the branch
            cores = [core | part for core in cores for branch in branches for part in self._vary(branch, depth)]
        yield from cores
        core = cores[0]
        if depth == 0:
            return
        yield core | {name: self._fullest(each) for name, each in members.items()}
        if node.get("additionalProperties") is not False:
            yield core | {"memberFromTheFuture": {"x": [1]}}
        for name, each in members.items():
            yield from (core | {name: value} for value in self._vary(each, depth - 1))

    def _fullest(self, node: Any) -> Any:
        """An example that is neither null nor empty if there is such a one."""
        values = list(self._vary(node, 1))
        return next((value for value in values if value not in (None, "", [], {}, False)), values[0])

    def _maps(self, node: Node, depth: int) -> Iterator[Any]:
        yield {}
        if depth and node.get("additionalProperties") is not False:
            within = node.get("additionalProperties", True)
            yield from ({"key": value} for value in self._vary(within, depth - 1))

    def _lists(self, node: Node, depth: int) -> Iterator[Any]:
        least = node.get("minItems", 0)
        yield [self._smallest(node.get("items", True)) for _ in range(least)]
        if depth:
            yield from ([value] * max(least, 1) for value in self._vary(node.get("items", True), depth - 1))

    def _resolve(self, ref: str) -> Any:
        node: Any = {"definitions": self._definitions}
        for step in ref.removeprefix("#/").split("/"):
            node = node[step]
        return node
