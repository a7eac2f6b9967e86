"""The diff of a whole turn, beside git: what git makes of it, and what git would have said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.engine.patches.apply import apply
from server.engine.patches.grammar import PatchError
from server.engine.patches.turn_diff import TurnDiff
from tests.server.engine.patches.trees import make, modes, planned, tree

NAMES = ["a", "b", "sub/c", "sub/d e", 'q"uote', "ü"]
FIRST = {"a": "one\ntwo\nthree\n", "sub/c": "x\n" * 10, "sub/d e": "no end", 'q"uote': ""}


def git(folder: Path, *arguments: str, given_text: str | None = None) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "core.autocrlf=false", "-c", "core.quotepath=false", *arguments]
    text = None if given_text is None else given_text.encode()
    done = subprocess.run(command, cwd=folder, input=text, env=environment, check=True, capture_output=True)
    return done.stdout.decode()


def remembered_by_git(folder: Path) -> str:
    """The name of the tree that this folder is now."""
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return git(folder, "write-tree").strip()


def said_by_git(folder: Path, began: str) -> str:
    git(folder, "add", "-A")
    return git(folder, "diff", "--cached", "--full-index", "--no-renames", began)


class Turn:
    """A folder in which patches are applied, and their diff."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.diff = TurnDiff(str(folder))

    def patch(self, *lines: str) -> str:
        plan = planned(self.folder, *lines)
        apply(plan)
        self.diff.record(plan)
        return self.diff.text()


@pytest.fixture
def turn(tmp_path: Path) -> Turn:
    return Turn(make(tmp_path, FIRST))


def moved(old: str, new: str) -> list[str]:
    return [f"*** Update File: {old}", f"*** Move to: {new}"]


OPERATIONS = st.one_of(
    st.builds(
        lambda name, lines: [f"*** Add File: {name}", *(f"+{line}" for line in lines)],
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(["x", "y", "one", ""]), max_size=4),
    ),
    st.builds(lambda name: [f"*** Delete File: {name}"], st.sampled_from(NAMES)),
    st.builds(lambda name: [f"*** Update File: {name}", "@@", "+added"], st.sampled_from(NAMES)),
    st.builds(lambda name: [f"*** Update File: {name}", "@@", "-x", "+y"], st.sampled_from(NAMES)),
    st.builds(moved, st.sampled_from(NAMES), st.sampled_from(NAMES)),
)


def index_lines(diff: str) -> set[str]:
    return set(re.findall(r"^index .*$", diff, re.MULTILINE))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(OPERATIONS, min_size=1, max_size=3), min_size=1, max_size=6))
def test_git_makes_the_same_tree_of_it(patches: list[list[list[str]]]) -> None:
    with TemporaryDirectory() as temporary:
        first, now = Path(temporary).resolve() / "first", Path(temporary).resolve() / "now"
        make(first, FIRST)
        (first / "a").chmod(0o755)
        began = remembered_by_git(first)
        shutil.copytree(first, now)
        turn = Turn(now)
        for hunks in patches:
            try:
                turn.patch(*(line for hunk in hunks for line in hunk))
            except PatchError:
                continue
        diff = turn.diff.text()
        known = said_by_git(now, began)
        assert bool(diff) == bool(known)
        if "rename from" not in diff:
            assert index_lines(diff) == index_lines(known)
        if diff:
            git(first, "apply", "--whitespace=nowarn", "-", given_text=diff)
        assert files(first) == files(now)
        assert modes(first) == modes(now)


def files(folder: Path) -> dict[str, object]:
    shutil.rmtree(folder / ".git")
    return {name: content for name, content in tree(folder).items() if content is not None}


def test_a_new_a_changed_and_a_deleted_file_are_told_as_git_tells_them(turn: Turn) -> None:
    began = remembered_by_git(turn.folder)
    diff = turn.patch("*** Update File: a", "@@", "-two", "+2", "*** Delete File: sub/c", "*** Add File: n", "+new")
    assert diff == said_by_git(turn.folder, began)


def test_what_is_reverted_is_not_told(turn: Turn) -> None:
    assert turn.patch("*** Update File: a", "@@", "-two", "+2")
    assert turn.patch("*** Update File: a", "@@", "-2", "+two") == ""
    assert turn.patch("*** Add File: n", "+new")
    assert turn.patch("*** Delete File: n") == ""
    assert turn.patch(*moved("a", "b"))
    assert turn.patch(*moved("b", "a")) == ""


def test_a_move_is_a_rename_over_several_patches(turn: Turn) -> None:
    turn.patch(*moved("a", "b"))
    assert turn.patch(*moved("b", "c")) == "diff --git a/a b/c\nrename from a\nrename to c\n"
    diff = turn.patch("*** Update File: c", "@@", "-two", "+2")
    assert diff.startswith("diff --git a/a b/c\nrename from a\nrename to c\nindex ")
    assert diff.endswith("--- a/a\n+++ b/c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n")
    assert "rename" not in turn.patch("*** Add File: a", "+again")


def test_a_mode_that_is_lost_is_told(turn: Turn) -> None:
    (turn.folder / "a").chmod(0o755)
    turn.patch("*** Delete File: a")
    diff = turn.patch("*** Add File: a", "+one", "+two", "+three")
    assert diff == "diff --git a/a b/a\nold mode 100755\nnew mode 100644\n"


def test_bytes_that_are_no_text_are_not_shown(turn: Turn) -> None:
    (turn.folder / "odd").write_bytes(b"\xff")
    diff = turn.patch("*** Add File: odd", "+x")
    assert diff.splitlines()[2:] == ["Binary files a/odd and b/odd differ"]


def test_a_link_that_makes_way_for_a_file_goes_first(turn: Turn) -> None:
    (turn.folder / "link").symlink_to("a")
    diff = turn.patch("*** Delete File: link", "*** Add File: link", "+own")
    assert [line for line in diff.splitlines() if "mode" in line] == [
        "deleted file mode 120000",
        "new file mode 100644",
    ]


def test_paths_outside_the_root_are_absolute(tmp_path: Path) -> None:
    outside = Turn(make(tmp_path, FIRST))
    outside.diff = TurnDiff("/elsewhere")
    diff = outside.patch("*** Delete File: a")
    assert diff.startswith(f"diff --git a/{tmp_path}/a b/{tmp_path}/a\n")


def test_the_baseline_is_what_the_first_patch_found(turn: Turn) -> None:
    turn.patch("*** Update File: a", "@@", "-two", "+2")
    (turn.folder / "a").write_text("somebody else\n")
    diff = turn.patch("*** Update File: a", "@@", "+more")
    assert diff.endswith("@@ -1,3 +1,2 @@\n-one\n-two\n-three\n+somebody else\n+more\n")
