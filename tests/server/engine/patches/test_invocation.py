"""Commands that are patches, and commands that only look like it."""

from __future__ import annotations

import pytest

from server.engine.patches.grammar import PatchError
from server.engine.patches.invocation import Invocation, invocation
from tests.server.engine.patches.trees import patch

PATCH = patch("*** Add File: a", "+it's $x `y`")


def script(text: str) -> Invocation | None:
    return invocation(["bash", "-lc", text])


@pytest.mark.parametrize("name", ["apply_patch", "applypatch"])
def test_a_call_with_the_patch_as_argument_is_one(name: str) -> None:
    assert invocation([name, PATCH]) == Invocation(patch=PATCH)


@pytest.mark.parametrize("shell", [["bash", "-lc"], ["/bin/bash", "-c"], ["sh", "-c"], ["/usr/bin/zsh", "-lc"]])
@pytest.mark.parametrize("mark", ["EOF", "'EOF'", '"EOF"', " 'EOF' "])
def test_a_heredoc_in_a_shell_is_one(shell: list[str], mark: str) -> None:
    found = invocation([*shell, f"apply_patch <<{mark}\n{PATCH}\nEOF\n"])
    assert found == Invocation(patch=f"{PATCH}\n")


def test_any_word_may_end_the_heredoc() -> None:
    assert script(f"applypatch << 'PATCH'\n{PATCH}\nPATCH") == Invocation(patch=f"{PATCH}\n")


@pytest.mark.parametrize(
    ("words", "workdir"), [("sub/x", "sub/x"), ("'a b'", "a b"), ('"a b"', "a b"), ("/abs", "/abs"), ("..", "..")]
)
def test_a_folder_may_be_entered_first(words: str, workdir: str) -> None:
    assert script(f"cd {words} && apply_patch <<'EOF'\n{PATCH}\nEOF") == Invocation(patch=f"{PATCH}\n", workdir=workdir)


@pytest.mark.parametrize(
    "text",
    [
        f"apply_patch <<'EOF'\n{PATCH}\nEOF\nls",
        f"apply_patch <<'EOF' && ls\n{PATCH}\nEOF",
        f"apply_patch <<'EOF' | tee log\n{PATCH}\nEOF",
        f"ls; apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd a; apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd a || apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd a && cd b && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd a b && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd $HOME && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd ~ && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd - && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"cd && apply_patch <<'EOF'\n{PATCH}\nEOF",
        f"apply_patch --check <<'EOF'\n{PATCH}\nEOF",
        f"apply_patch <<'EOF'\n{PATCH}\nOTHER",
        f"apply_patch <<'EOF'\n{PATCH}\nEOF\nrm x\nEOF",
        f"echo apply_patch <<'EOF'\n{PATCH}\nEOF",
        "apply_patch",
        "ls",
        "",
    ],
)
def test_a_script_that_does_anything_else_is_none(text: str) -> None:
    assert script(text) is None


@pytest.mark.parametrize("argv", [[], ["ls"], ["apply_patch"], ["apply_patch", "a", "b"], ["python", "-c", "1"]])
def test_other_commands_are_none(argv: list[str]) -> None:
    assert invocation(argv) is None


@pytest.mark.parametrize("argv", [[PATCH], ["bash", "-lc", f"\n{PATCH}\n"]])
def test_a_patch_that_calls_nothing_is_refused_with_what_to_do(argv: list[str]) -> None:
    with pytest.raises(PatchError, match="give the patch to the apply_patch tool"):
        invocation(argv)


def test_a_script_of_megabytes_takes_no_time() -> None:
    assert script("cd " + "a" * 5_000_000) is None
    assert script("apply_patch <<'EOF'\n" + "EOFEOF\n" * 1_000_000) is None
