"""What is known of commands, and that nothing is known of what is not understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.permission.safe import is_dangerous, is_safe, word_set
from server.engine.permission.script import parse

WORDS = st.sampled_from(
    sorted(word_set("git find rg sed rm sudo bash uniq base64 -c -lc -n -f -rf 1p ls -- status branch a"))
)


@pytest.mark.parametrize(
    "command",
    [
        "/bin/ls",
        "/usr/bin/git status",
        "git -C x log",
        "find . -name a",
        "rg -n a b",
        "sed -n 3,9p a",
        "uniq a",
        "cd a",
    ],
)
def test_what_only_looks_is_safe(command: str) -> None:
    assert is_safe(command.split())


@pytest.mark.parametrize(
    "command",
    [
        *("./ls", "/tmp/ls", "touch a", "uniq a b", "sed -n 1p -i", "sed -i s/a/b/ c", "rg -uz a", "rg --pre=x a"),
        *(
            "git diff --outp=a",
            "git diff --ext",
            "git log --textc",
            "git branch a",
            "git -ca=b status",
            "git",
            "find . -delete",
        ),
        "base64 --out a",
    ],
)
def test_what_could_do_more_is_not_safe(command: str) -> None:
    assert not is_safe(command.split())


@pytest.mark.parametrize("command", ["find .", "git diff", "rg a", "sed -n 1p a", "uniq a"])
def test_words_that_could_become_options_are_not_safe(command: str) -> None:
    assert is_safe(command.split())
    assert not is_safe(command.split(), expands=True)


@pytest.mark.parametrize("command", ["rm -f a", "rm -rf a", "sudo rm -rf a", "sudo sudo rm -f a", "/bin/rm -rf a"])
def test_removing_without_asking_is_dangerous(command: str) -> None:
    assert is_dangerous(command.split())
    assert is_dangerous(["bash", "-lc", f"ls && {command}"])


@pytest.mark.parametrize("command", ["rm a", "rm -r a", "rm a -rf", "sudo ls", "rm", "ls -rf"])
def test_other_removing_is_not(command: str) -> None:
    assert not is_dangerous(command.split())


def test_a_deep_nest_of_shells_is_not_safe() -> None:
    assert is_safe(["bash", "-c", "sh -c ls"])
    assert not is_safe(["bash", "-c", 'bash -c "bash -c \'bash -c \\"bash -c ls\\"\'"'])


@given(st.lists(st.text() | WORDS))
def test_any_argv_is_judged(argv: list[str]) -> None:
    is_dangerous(argv)
    is_safe(argv)


@given(st.text() | st.lists(WORDS | st.sampled_from(["&&", ";", "|", ">", "$x", "`a`", "*"])).map(" ".join))
def test_a_complex_script_is_never_safe(text: str) -> None:
    assert parse(text) is not None or not is_safe(["bash", "-c", text])
