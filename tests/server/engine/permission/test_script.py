"""Scripts taken apart, held against a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.engine.permission import script

PLAIN = {
    "ls": ("ls",),
    "  ls -la\tsrc  \n": ("ls", "-la", "src"),
    "rg -n foo\\ bar 'a b' \"c d\" e'f'\"g\"": ("rg", "-n", "foo bar", "a b", "c d", "efg"),
    'echo "a\\"b\\$c\\d" \'\\\'': ("echo", 'a"b$c\\d', "\\"),
    "rg foo \\\n  src": ("rg", "foo", "src"),
    "\\rm -f x": ("rm", "-f", "x"),
    "'rm' -f x": ("rm", "-f", "x"),
    "echo \"a\nb\" ''": ("echo", "a\nb", ""),
    "a\u00a0-b \u2003": ("a\u00a0-b", "\u2003"),
    'rg "a$" "$"': ("rg", "a$", "$"),
    "echo 1 2.5 - a=b a#b": ("echo", "1", "2.5", "-", "a=b", "a#b"),
}

COMPLEX = [
    *(
        "",
        " ",
        "a > b",
        "a 2>&1",
        "a < b",
        "a <<< b",
        "a &",
        "a |& b",
        "(a)",
        "{ a; }",
        "! a",
        "A=1 a",
        "A=1",
        "export A=1",
    ),
    *("a $B", 'a "$B"', "a ${B}", "a $(b)", "a `b`", 'a "`b`"', "a $'b'", 'a $"b"', "a <(b)", "a >(b)", "$A b"),
    *(
        "if a; then b; fi",
        "for a in b; do c; done",
        "while a; do b; done",
        "f() { a; }",
        "[[ -f a ]]",
        "(( 1 ))",
        "[ a ]",
    ),
    *("a &&", "a |", "a;;b", "a ; ; b", "&& a", "a && (b)", "# a", "a # b", "'a", '"a', "a\x00b", "a\rb", "a\x1bb"),
    *("a -del\\\nete", "a \\ -delete", "a <<'E'\nb\nE", "a \ud800"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_command_is_its_words(text: str) -> None:
    parsed = script.parse(text)
    assert parsed is not None
    assert parsed.commands == (PLAIN[text],)


@pytest.mark.parametrize("text", COMPLEX)
def test_a_script_that_is_more_than_plain_commands_is_complex(text: str) -> None:
    assert script.parse(text) is None


def test_joined_commands_keep_what_joins_them() -> None:
    parsed = script.parse("a 1 && b || c; d | e\nf")
    assert parsed is not None
    assert parsed.commands == (("a", "1"), ("b",), ("c",), ("d",), ("e",), ("f",))
    assert parsed.separators == ("&&", "||", ";", "|", ";")


@pytest.mark.parametrize("text", ["ls *", "ls a?", "ls [a]", "ls {a,b}", "ls ~", "ls a'*'*"])
def test_words_that_the_shell_makes_more_of_are_marked(text: str) -> None:
    parsed = script.parse(text)
    assert parsed is not None
    assert parsed.expands


@pytest.mark.parametrize("text", ["ls '*'", 'ls "*"', "ls \\*", "ls a"])
def test_quoted_words_are_not_marked(text: str) -> None:
    parsed = script.parse(text)
    assert parsed is not None
    assert not parsed.expands


@pytest.mark.parametrize("argv", [["bash", "-c", "a b"], ["/bin/zsh", "-lc", "a b"], ["sh", "-c", "a b"]])
def test_the_script_of_a_shell_is_found(argv: list[str]) -> None:
    assert script.commands(argv) == (("a", "b"),)


@pytest.mark.parametrize(
    "argv", [[], ["a"], ["bash"], ["bash", "-c"], ["bash", "-c", "a", "b"], ["bash", "-xc", "a"], ["x", "-c", "a"]]
)
def test_what_is_no_script_of_a_shell_is_left_alone(argv: list[str]) -> None:
    assert script.source(argv) is None
    assert script.commands(argv) is None


@pytest.mark.parametrize("text", ["py - <<'E'\nx\nE", "py - <<E\nx $HOME\nE", "py - <<-'E'\nx\nE"])
def test_a_command_that_is_fed_a_text_is_its_words(text: str) -> None:
    assert script.heredoc(text) == ("py", "-")


@pytest.mark.parametrize(
    "text",
    [
        *("py - <<E\n$(x)\nE", "py - <<E\n`x`\nE", "py - <<E > a\nx\nE", "py - > a <<E\nx\nE", "A=1 py - <<E\nx\nE"),
        *("py - <<E | a\nx\nE", "py - <<E && a\nx\nE", "py * <<E\nx\nE", "py $A <<E\nx\nE", "py -", "py <<< x"),
        "py - <<E\nx\nE\nb",
    ],
)
def test_a_command_that_is_fed_more_than_a_text_is_complex(text: str) -> None:
    assert script.heredoc(text) is None


@pytest.mark.parametrize("word", ["a", "a b", "it's", "it's $5", "", "a,b", "--a=b", "*", "\n", "ä", '"', "a\\b"])
def test_a_quoted_word_is_itself_to_a_shell(word: str) -> None:
    said = subprocess.run(["/bin/sh", "-c", f"printf %s {script.quote(word)}"], capture_output=True, check=True)
    assert said.stdout.decode() == word


@given(st.text())
def test_any_text_is_either_taken_apart_or_not(text: str) -> None:
    parsed = script.parse(text)
    script.heredoc(text)
    assert parsed is None or all(parsed.commands)


BASH = shutil.which("bash") or ""

PIECES = st.sampled_from(
    [
        *"ab1- \\\\\\'\"\"''\n\t$#~=!,{}()",
        "\\\n",
        " -x",
        "'b c'",
        '"b c"',
        "; printf '<%s>' ",
        "&& printf '<%s>' ",
        "\nprintf '<%s>' ",
        "*",
    ]
)


@pytest.mark.skipif(not BASH, reason="needs bash")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=12))
def test_bash_sees_the_same_words(pieces: list[str], tmp_path: Path) -> None:
    text = r"printf '<%s>' " + "".join(pieces)
    parsed = script.parse(text)
    if parsed is None or parsed.expands or any(each[:2] != ("printf", "<%s>") for each in parsed.commands):
        return
    said = subprocess.run([BASH, "-r", "-c", text], capture_output=True, cwd=tmp_path, env={"PATH": ""}, check=False)
    words = [word for each in parsed.commands for word in each[2:] or [""]]
    assert said.stdout.decode() == "".join(f"<{word}>" for word in words)
