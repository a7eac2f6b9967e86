"""Schemas made strict: an object may hold the members that its schema names, and no others. Pure functions."""

from __future__ import annotations

from typing import Any

from tests.schema.generated import Node

_BRANCHES = ("oneOf", "anyOf", "allOf")


def close_all(definitions: Node) -> Node:
    """These definitions, closed; those of the v2 protocol stand in a drawer of their own."""
    closed: Node = {name: close(each) for name, each in definitions.items() if name != "v2"}
    return closed | {"v2": {name: close(each) for name, each in definitions["v2"].items()}}


def close(node: Any, *, part: bool = False) -> Any:
    """A copy of this schema in which every object is closed that does not say itself what else it may hold.

    ``part``: it says only some of an object whose other members stand around it; what stands around closes it.
    """
    if isinstance(node, list):
        return [close(each, part=part) for each in node]
    if not isinstance(node, dict):
        return node
    mixed = "properties" in node and any(name in node for name in _BRANCHES)
    copy: Node = {}
    for name, value in node.items():
        if name == "properties":
            copy[name] = {key: close(each) for key, each in value.items()}
        elif name in _BRANCHES:
            copy[name] = close(value, part=part or mixed)
        elif name in ("items", "additionalProperties"):
            copy[name] = close(value)
        elif name not in ("$schema", "default", "description", "title"):
            copy[name] = value
    if _names_its_members(node) and not part:
        # Draft 7 knows only `additionalProperties`, which does not see the members that a branch names.
        copy["unevaluatedProperties" if mixed else "additionalProperties"] = False
    return copy


def _names_its_members(node: Node) -> bool:
    if "additionalProperties" in node:
        return False
    return "properties" in node or (node.get("type") == "object" and not any(name in node for name in _BRANCHES))
