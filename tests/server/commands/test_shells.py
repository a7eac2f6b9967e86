"""Which shell runs a script, and what a model's command sees."""

from __future__ import annotations

import pwd
from types import SimpleNamespace

import pytest

from server.commands import shells
from server.commands.environment import for_model
from server.commands.shells import script_argv, shell_named, user_shell


@pytest.mark.parametrize(
    ("named", "used"),
    [("/bin/bash", "/bin/bash"), ("/usr/sbin/nologin", "/bin/sh"), ("", "/bin/sh"), ("/nonexistent/zsh", "/bin/sh")],
)
def test_the_shell_is_the_one_the_system_names_if_it_is_one(
    named: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shells, "_named", shells._named.__wrapped__)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_shell=named))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert user_shell() == used


def test_a_shell_is_named_by_kind_or_by_path() -> None:
    assert shell_named("sh").endswith("/sh")
    assert shell_named("/bin/sh") == "/bin/sh"
    assert shell_named("/nowhere/sh") == shell_named("sh")
    assert shell_named("no-such-shell") == "no-such-shell"


def test_a_login_is_asked_for() -> None:
    assert script_argv("/bin/bash", "ls", login=True) == ["/bin/bash", "-lc", "ls"]
    assert script_argv("/bin/bash", "ls", login=False) == ["/bin/bash", "-c", "ls"]


def test_a_models_command_speaks_plainly_and_knows_its_thread() -> None:
    seen = for_model({"PATH": "/bin", "TERM": "xterm", "LANG": "de_DE"}, "thread")
    assert seen["PATH"] == "/bin"
    assert (seen["TERM"], seen["LANG"], seen["PAGER"], seen["COLORTERM"]) == ("dumb", "C.UTF-8", "cat", "")
    assert seen["CODEX_THREAD_ID"] == "thread"
