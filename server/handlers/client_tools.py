"""What tools of a client must be like: refuses those that no model could call, or that could not be told apart."""

from __future__ import annotations

import re
from typing import Any

from protocol.errors import invalid_request
from rollout.model_items import as_list, as_object

LONGEST_NAME, LONGEST_NAMESPACE = 128, 64

_PLAIN = re.compile(r"[a-zA-Z0-9_-]+")


def check_tools(tools: list[dict[str, Any]]) -> None:
    """Raise :class:`~protocol.errors.RpcError` for the first tool that cannot be taken.

    A tool stands alone, with its ``namespace`` if it has one, or in the ``tools`` of a namespace.
    """
    known, spaces = set[tuple[str | None, str]](), set[str]()
    for tool in tools:
        if tool.get("type") != "namespace":
            _check_tool(tool, known)
            continue
        name, within = tool.get("name"), as_list(tool.get("tools"))
        _check_name("namespace", name)
        if name in spaces:
            raise invalid_request(f"duplicate dynamic tool namespace: {name}")
        spaces.add(str(name))
        if not within:
            raise invalid_request(f"dynamic tool namespace must contain at least one tool: {name}")
        for each in within:
            _check_tool(as_object(each) | {"namespace": name}, known)


def _check_tool(tool: dict[str, Any], known: set[tuple[str | None, str]]) -> None:
    name, space = tool.get("name"), tool.get("namespace")
    _check_name("name", name)
    if space is not None:
        _check_name("namespace", space, f" for {name}")
    if (space, str(name)) in known:
        within = "" if space is None else f" in namespace {space}"
        raise invalid_request(f"duplicate dynamic tool name{within}: {name}")
    known.add((space, str(name)))
    if tool.get("deferLoading") and space is None:
        raise invalid_request(f"deferred dynamic tool must include a namespace: {name}")
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict | bool):
        raise invalid_request(f"dynamic tool input schema is not supported for {name}: it must be an object")
    if as_object(schema).get("type") == "null":
        raise invalid_request(f"dynamic tool input schema is not supported for {name}: nothing but null is no object")
    if not isinstance(as_object(schema).get("properties", {}), dict):
        raise invalid_request(f"dynamic tool input schema is not supported for {name}: its properties are no object")


def _check_name(what: str, name: Any, of: str = "") -> None:
    """A name that the Responses API takes. ``of``: whose namespace it is."""
    if not isinstance(name, str) or not name:
        raise invalid_request(f"dynamic tool {what} must not be empty{of}")
    if name != name.strip():
        raise invalid_request(f"dynamic tool {what} has leading/trailing whitespace{of}: {name}")
    if name == "mcp" or name.startswith("mcp__"):
        raise invalid_request(f"dynamic tool {what} is reserved{of}: {name}")
    if not _PLAIN.fullmatch(name):
        raise invalid_request(f"dynamic tool {what} must match ^{_PLAIN.pattern}$ to match Responses API: {name}")
    longest = LONGEST_NAME if what == "name" else LONGEST_NAMESPACE
    if len(name) > longest:
        limit = f"must be at most {longest} characters to match Responses API"
        raise invalid_request(f"dynamic tool {what} {limit}: {name[:longest]}…")
