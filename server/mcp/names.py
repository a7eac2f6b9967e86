"""Names under which models know tools of MCP servers: as the Responses API takes them, never two alike. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

LONGEST = 64
"""Characters of a name of a function."""

PREFIX = "mcp__"

_K = TypeVar("_K")

_STRANGE = re.compile(r"[^a-zA-Z0-9_]")


class ToolName(NamedTuple):
    """One tool: ``namespace`` and ``name`` for models that know namespaces, ``flat`` for others."""

    namespace: str
    name: str
    flat: str


def named(tools: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ToolName]:
    """Names of these tools of these servers. Equal input gives equal names, whatever order it comes in."""
    known = sorted(set(tools))
    spaces = _distinct({server: f"{PREFIX}{_plain(server)}" for server, _ in known}, LONGEST - 2)
    flats = _distinct({(server, tool): f"{spaces[server]}__{_plain(tool)}" for server, tool in known}, LONGEST)
    names: dict[tuple[str, str], ToolName] = {}
    for server in spaces:
        within = _distinct({tool: _plain(tool) for of, tool in known if of == server}, LONGEST)
        for tool, name in within.items():
            names[server, tool] = ToolName(f"{spaces[server]}__", name, flats[server, tool])
    return names


def _plain(text: str) -> str:
    return _STRANGE.sub("_", text) or "_"


def _distinct(wanted: dict[_K, str], longest: int) -> dict[_K, str]:
    """The wanted names; one that is too long, or wanted before, ends with a hash of what it stands for."""
    taken = set[str]()
    given: dict[_K, str] = {}
    for key, name in wanted.items():
        if len(name) > longest or name in taken:
            mark = "_" + hashlib.sha256(repr(key).encode()).hexdigest()[:12]
            name = name[: longest - len(mark)] + mark
        taken.add(name)
        given[key] = name
    return given
