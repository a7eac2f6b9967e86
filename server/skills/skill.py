"""One skill: what its SKILL.md and the agents/openai.yaml beside it say. Reads these two files; knows no folder tree.

A SKILL.md begins with YAML between two lines of ``---``; what follows is for the model.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

import yaml

from protocol.wire import Record
from rollout.model_items import as_list, as_object

FILE = "SKILL.md"
DETAILS = "agents/openai.yaml"

MAX_NAME = 64
"""Characters."""

MAX_FILE = 1 << 20
"""Bytes of a file that is read."""

MAX_YAML = 1 << 16
"""Characters of YAML."""

Scope = Literal["repo", "user", "system", "admin"]

_TEXTS = ("display_name", "short_description", "default_prompt")
_ICONS = ("icon_small", "icon_large")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PLAIN = re.compile(r"^([A-Za-z_][\w-]*):[ \t]+([^\s\"'\[{|>&*!%@`#].*)$", re.MULTILINE)


class SkillError(Exception):
    """Why a skill cannot be used, for people."""


class Problem(Record):
    """A file that could not be used, or not in full."""

    path: str
    message: str


class Skill(Record):
    """A skill. ``path`` is its SKILL.md without links; ``implicit``: the model may be told of it unasked.

    ``interface`` has the members of the file in snake_case, icons as absolute paths; ``tools`` are what it depends on.
    """

    name: str
    description: str
    short_description: str | None
    path: str
    scope: Scope
    interface: dict[str, str] = {}
    tools: list[dict[str, str]] = []
    implicit: bool = True


def read_skill(file: Path, scope: Scope) -> tuple[Skill, list[Problem]]:
    """The skill of a SKILL.md. Raises :class:`SkillError`; a bad openai.yaml is only a problem."""
    front = _mapping(_front_matter(read_text(file)))
    details, problems = _details(file.parent / DETAILS)
    folder = file.parent
    skill = Skill(
        name=_name(front, folder),
        description=_text(front, "description") or _missing("description"),
        short_description=_text(as_object(front.get("metadata")), "short-description"),
        path=os.path.realpath(file),
        scope=scope,
        interface=_interface(as_object(details.get("interface")), folder),
        tools=_tools(as_object(details.get("dependencies"))),
        implicit=as_object(details.get("policy")).get("allow_implicit_invocation") != "false",
    )
    return skill, problems


def read_text(file: Path) -> str:
    """A whole file. Raises :class:`SkillError` if it is none, too large, or no text."""
    try:
        if not file.is_file():
            raise SkillError("is not a file" if file.exists() else "does not exist")
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise SkillError(f"is larger than {MAX_FILE} bytes")
        return content.decode()
    except OSError as error:
        raise SkillError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SkillError(f"is not UTF-8 at byte {error.start + 1}") from error


def _front_matter(text: str) -> str:
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        raise SkillError("does not begin with YAML between two lines of ---")
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == "---":
            return "\n".join(lines[1:number])
    raise SkillError("its YAML does not end with a line of ---")


def _mapping(text: str) -> dict[str, Any]:
    """YAML as a mapping. Plain values may hold what YAML wants quoted, such as a colon. Raises :class:`SkillError`."""
    if len(text) > MAX_YAML:
        raise SkillError(f"its YAML is longer than {MAX_YAML} characters")
    try:
        loaded = _load(text)
    except yaml.YAMLError as error:
        try:
            loaded = _load(_PLAIN.sub(lambda line: f"{line[1]}: {json.dumps(line[2])}", text))
        except yaml.YAMLError:
            raise SkillError(f"its YAML is wrong: {_reason(error)}") from error
    if not isinstance(loaded, dict):
        raise SkillError("its YAML is not a mapping")
    return as_object(loaded)


def _load(text: str) -> Any:
    try:
        return yaml.load(text, yaml.BaseLoader)  # all values are text: a skill may be called `off` or `1.0`
    except RecursionError as error:
        raise yaml.YAMLError(str(error)) from error


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 2}"
    return str(error)


def _name(front: dict[str, Any], folder: Path) -> str:
    name = _text(front, "name") or folder.resolve().name
    if len(name) > MAX_NAME:
        raise SkillError(f"its `name` is longer than {MAX_NAME} characters")
    return name


def _text(table: dict[str, Any], member: str) -> str | None:
    """A text on one line; None if there is none. Raises :class:`SkillError` for anything else."""
    value = table.get(member)
    if value is None:
        return None
    if not isinstance(value, str):
        raise SkillError(f"its `{member}` is not text")
    return " ".join(value.split()) or None


def _missing(member: str) -> str:
    raise SkillError(f"its `{member}` is missing")


def _details(file: Path) -> tuple[dict[str, Any], list[Problem]]:
    if not os.path.lexists(file):
        return {}, []
    try:
        return _mapping(read_text(file)), []
    except SkillError as error:
        return {}, [Problem(path=str(file), message=str(error))]


def _interface(table: dict[str, Any], folder: Path) -> dict[str, str]:
    texts = {member: " ".join(value.split()) for member in _TEXTS if isinstance(value := table.get(member), str)}
    icons = {member: _icon(value, folder) for member in _ICONS if isinstance(value := table.get(member), str)}
    found = texts | icons
    colour = table.get("brand_color")
    if isinstance(colour, str) and _COLOUR.fullmatch(colour):
        found["brand_color"] = colour
    return {member: value for member, value in found.items() if value}


def _icon(value: str, folder: Path) -> str:
    """An absolute path among the skill's assets; empty for one that leads elsewhere."""
    path = os.path.normpath(folder / value)
    return path if path.startswith(f"{os.path.normpath(folder / 'assets')}{os.sep}") else ""


def _tools(table: dict[str, Any]) -> list[dict[str, str]]:
    members = ("type", "value", "description", "transport", "command", "url")
    tools = [
        {member: value for member in members if isinstance(value := tool.get(member), str)}
        for tool in map(as_object, as_list(table.get("tools")))
    ]
    return [tool for tool in tools if "type" in tool and "value" in tool]
