"""The rules of the house: rooms, names, sizes, and that what is listed by hand is complete."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.methods import METHODS
from server.handlers import ROUTES

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("protocol", "rollout", "server")
"""Each may use itself and those before it."""

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40

FORBIDDEN = ("manager", "processor", "helper", "helpers", "util", "utils", "common", "base", "data", "info")
GIVEN = frozenset({"ClientInfo", "GitInfo", "TokenUsageInfo"})
"""Names that the protocol and the rollout format give, forbidden or not."""

CATCHES_ALL = frozenset({"server/dispatch.py", "server/engine/tools/calls.py"})
"""Files where an exception of any kind may be caught: where requests and tasks have their root."""

SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def rooms_used(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, at whatever depth of its code."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_is_a_house() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(ROOMS)
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_room_uses_only_the_rooms_below_it(path: Path) -> None:
    room = ROOMS.index(path.relative_to(ROOT).parts[0])
    used = set(rooms_used(path))
    assert not used & {*ROOMS[room + 1 :], "tests", "."}


def test_the_same_rule_stands_in_the_configuration_of_the_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [tuple(contract["layers"]) for contract in settings["contracts"] if contract["type"] == "layers"]
    assert tuple(reversed(ROOMS)) in layers


def test_the_protocol_does_no_input_or_output_and_has_no_clock() -> None:
    used = {name for path in SOURCES if named(path).startswith("protocol/") for name in rooms_used(path)}
    assert not used & {"asyncio", "os", "pathlib", "time", "datetime", "socket", "structlog", "websockets"}
    awaits = [named(path) for path in SOURCES if named(path).startswith("protocol/") and "await " in path.read_text()]
    assert awaits == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_says_first_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=named)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=named)
def test_functions_are_short(path: Path) -> None:
    sizes = [(each.name, (each.end_lineno or each.lineno) - each.lineno + 1) for each in functions(path)]
    assert not [(name, size) for name, size in sizes if size > MOST_LINES_OF_A_FUNCTION]


def test_modules_and_packages_are_named_after_what_they_hold() -> None:
    names = {part.removesuffix(".py") for path in SOURCES for part in path.relative_to(ROOT).parts}
    words = {word for name in names for word in name.split("_")}
    assert not words & set(FORBIDDEN)


def test_classes_are_named_after_what_they_are() -> None:
    classes = {node.name for path in SOURCES for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
    last_words = {name: re.split(r"(?<!^)(?=[A-Z])", name)[-1].lower() for name in classes - GIVEN}
    assert not {name for name, word in last_words.items() if word in FORBIDDEN}
    assert classes >= GIVEN, "a name in GIVEN is no longer needed"


def test_functions_do_not_say_that_they_handle() -> None:
    names = {each.name for path in SOURCES for each in functions(path)}
    assert not {name for name in names if name.startswith(("handle_", "_handle_", "process_", "do_"))}


def test_every_method_is_served_once_and_in_the_order_of_the_table() -> None:
    assert [route.method for route in ROUTES] == list(METHODS)


def catch_all(path: Path) -> bool:
    """Whether a file catches exceptions of every kind, with or without naming one."""
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    caught = [ast.unparse(each.type) if each.type else "" for each in handlers]
    return any(not kind or re.search(r"\b(Base)?Exception\b", kind) for kind in caught)


def test_only_the_roots_catch_every_exception() -> None:
    assert {named(path) for path in SOURCES if catch_all(path)} == CATCHES_ALL


def test_no_cancellation_is_swallowed_unseen() -> None:
    """CancelledError is caught nowhere; where it is suppressed, its own task was cancelled there."""
    swallowing = {named(path) for path in SOURCES if re.search(r"except [^\n]*CancelledError", path.read_text())}
    assert swallowing == set()


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=named)
def test_a_test_is_named_by_a_sentence(path: Path) -> None:
    tests = [each.name for each in functions(path) if each.name.startswith("test_")]
    assert len(tests) == len(set(tests)), "two tests of one name: only the last one runs"
    assert not [name for name in tests if name.count("_") < 2]
