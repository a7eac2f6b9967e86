"""What a command is told to do, where the recordings say nothing of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.permission.actions import command_actions, parsed_commands


def test_both_forms_come_from_one() -> None:
    argv = ["bash", "-lc", "cd src && cat a.py && rg -n 'b c' lib | head -3"]
    assert parsed_commands(argv) == [
        {"type": "read", "cmd": "cat a.py", "name": "a.py", "path": "src/a.py"},
        {"type": "search", "cmd": "rg -n 'b c' lib", "query": "b c", "path": "lib"},
    ]
    assert command_actions(argv, "/project") == [
        {"type": "read", "command": "cat a.py", "name": "a.py", "path": "/project/src/a.py"},
        {"type": "search", "command": "rg -n 'b c' lib", "query": "b c", "path": "lib"},
    ]


def test_a_command_without_a_shell_is_told_too() -> None:
    assert command_actions(["cat", "a b"], "/p") == [
        {"type": "read", "command": "cat 'a b'", "name": "a b", "path": "/p/a b"}
    ]
    assert command_actions(["make", "a b"], "/p") == [{"type": "unknown", "command": "make 'a b'"}]


@pytest.mark.parametrize(
    "text",
    [
        "awk 'BEGIN{system(\"rm a\")}' b",
        "awk '{print > \"a\"}' b",
        "cat a | awk '{system($1)}'",
        "fd a -x rm",
        "ls | xargs rm",
    ],
)
def test_what_acts_is_never_told_as_looking(text: str) -> None:
    assert command_actions(["sh", "-c", text], "/p") == [{"type": "unknown", "command": text}]


@given(st.lists(st.text()) | st.text().map(lambda text: ["bash", "-lc", text]))
def test_any_command_is_told(argv: list[str]) -> None:
    for action in command_actions(argv, "/p"):
        assert action["type"] in ("read", "listFiles", "search", "unknown")
        assert isinstance(action["command"], str)
