"""Patches held against the disk: what would change, under which paths, and what cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.engine.patches.grammar import PatchError
from server.engine.patches.plan import Change, Plan
from tests.server.engine.patches.trees import make, planned, tree

FILES = {"a": "one\ntwo\nthree\n", "b": "x\n"}


def refusal(folder: Path, *lines: str) -> str:
    before = tree(folder)
    with pytest.raises(PatchError) as refused:
        planned(folder, *lines)
    assert tree(folder) == before
    return str(refused.value).replace(str(folder), "/cwd")


def letters(plan: Plan) -> list[str]:
    first, *lines = plan.report.splitlines()
    assert first == "Success. Updated the following files:"
    return lines


def test_the_changes_are_told_by_absolute_path_in_order(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    update = ["*** Update File: a", "@@", " one", "-two", "+2"]
    plan = planned(tmp_path, *update, "*** Add File: c/d", "+new", "*** Delete File: ./x/../b")
    assert plan.changes == {
        str(tmp_path / "a"): Change(kind="update", diff="@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"),
        str(tmp_path / "b"): Change(kind="delete", diff="x\n"),
        str(tmp_path / "c/d"): Change(kind="add", diff="new\n"),
    }
    assert list(plan.changes) == sorted(plan.changes)
    assert letters(plan) == ["A c/d", "M a", "D ./x/../b"]
    assert tree(tmp_path) == {name: content.encode() for name, content in FILES.items()}


def test_a_move_is_told_with_where_it_goes(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, "*** Update File: a", "*** Move to: sub/z", "@@", "-one", "+1")
    diff = "@@ -1,2 +1,2 @@\n-one\n+1\n two\n"
    target = str(tmp_path / "sub/z")
    (change,) = plan.wire()
    assert change.path == str(tmp_path / "a")
    assert change.kind == {"type": "update", "move_path": target}
    assert change.diff == f"{diff}\n\nMoved to: {target}"
    assert plan.stored() == {change.path: {"type": "update", "unified_diff": diff, "move_path": target}}
    assert letters(plan) == ["M sub/z"]


def test_what_comes_and_goes_is_told_whole(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, "*** Add File: a", "+new", "*** Delete File: b")
    shown = [(each.kind, each.diff) for each in plan.wire()]
    assert shown == [({"type": "add"}, "new\n"), ({"type": "delete"}, "x\n")]
    assert plan.stored()[str(tmp_path / "b")] == {"type": "delete", "content": "x\n"}


def test_hunks_of_one_file_follow_each_other(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    update = ["*** Update File: a", "@@", "-one", "+1", "*** Update File: ./a", "@@", "-1", "+eins"]
    add = ["*** Add File: n", "+1", "*** Update File: n", "@@", "-1", "+2"]
    plan = planned(tmp_path, *update, *add, "*** Delete File: b", "*** Add File: b", "+y")
    assert [plan.writes[str(tmp_path / name)].after for name in "anb"]
    assert {Path(path).name: (each.kind, each.diff) for path, each in plan.changes.items()} == {
        "a": ("update", "@@ -1,2 +1,2 @@\n-one\n+eins\n two\n"),
        "b": ("add", "y\n"),
        "n": ("add", "2\n"),
    }


def test_what_is_as_it_was_in_the_end_is_not_written(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    gone = planned(tmp_path, "*** Add File: n", "+1", "*** Delete File: n")
    assert not gone.writes
    assert not gone.changes
    same = planned(tmp_path, "*** Update File: a", "@@", " one", " two")
    assert not same.writes
    assert same.changes == {str(tmp_path / "a"): Change(kind="update", diff="")}


def test_a_file_that_moves_twice_has_moved_once(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, *("*** Update File: a", "*** Move to: c"), *("*** Update File: c", "*** Move to: d"))
    assert plan.changes == {str(tmp_path / "a"): Change(kind="update", diff="", move_path=str(tmp_path / "d"))}
    assert plan.moves == {str(tmp_path / "d"): str(tmp_path / "a")}
    back = planned(tmp_path, *("*** Update File: a", "*** Move to: c"), *("*** Update File: c", "*** Move to: a"))
    assert back.changes == {str(tmp_path / "a"): Change(kind="update", diff="")}
    assert not back.writes


def test_two_files_may_change_places(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    moves = [("a", "t"), ("b", "a"), ("t", "b")]
    plan = planned(
        tmp_path, *(line for old, new in moves for line in (f"*** Update File: {old}", f"*** Move to: {new}"))
    )
    assert {Path(path).name: each.kind for path, each in plan.changes.items()} == {"a": "update", "b": "update"}
    assert not plan.moves


def test_a_move_onto_itself_only_changes_the_file(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, "*** Update File: a", "*** Move to: ./a", "@@", "-one", "+1")
    assert [(each.kind, each.move_path) for each in plan.changes.values()] == [("update", None)]
    assert [write.after is not None for write in plan.writes.values()] == [True]


def test_behind_a_link_the_file_is_what_changes(tmp_path: Path) -> None:
    make(tmp_path, {"real/a": "one\n"})
    (tmp_path / "link").symlink_to("real/a")
    (tmp_path / "folder").symlink_to("real")
    for path in ("link", "folder/a"):
        plan = planned(tmp_path, f"*** Update File: {path}", "@@", "-one", "+1")
        assert list(plan.changes) == [str(tmp_path / path)]
        assert list(plan.writes) == [str(tmp_path / "real/a")]


def test_a_link_that_is_deleted_or_moved_goes_itself(tmp_path: Path) -> None:
    make(tmp_path, {"a": "one\n"})
    (tmp_path / "link").symlink_to("a")
    plan = planned(tmp_path, "*** Delete File: link")
    assert plan.changes == {str(tmp_path / "link"): Change(kind="delete", diff="a")}
    plan = planned(tmp_path, "*** Update File: link", "*** Move to: b", "@@", "-one", "+1")
    assert {Path(path).name: each.kind for path, each in plan.changes.items()} == {"b": "add", "link": "delete"}
    plan = planned(tmp_path, "*** Delete File: link", "*** Add File: link", "+own")
    assert list(plan.writes) == [str(tmp_path / "link")]


def test_no_change_is_hidden_by_another(tmp_path: Path) -> None:
    make(tmp_path, {"a": "one\n"})
    (tmp_path / "link").symlink_to("a")
    again = ["*** Add File: a", "+new", "*** Update File: a", "*** Move to: c"]
    plan = planned(tmp_path, "*** Update File: a", "*** Move to: b", *again)
    assert {Path(path).name: each.kind for path, each in plan.changes.items()} == {"a": "update", "c": "add"}
    plan = planned(tmp_path, "*** Update File: link", "@@", "-one", "+1", "*** Delete File: link")
    assert {Path(path).name: each.kind for path, each in plan.changes.items()} == {"a": "update", "link": "delete"}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["*** Update File: n", "@@", "+x"],
            "Failed to read file to update /cwd/n: No such file or directory (os",
        ),
        (["*** Delete File: n"], "Failed to read /cwd/n: No such file or directory (os error 2)"),
        (["*** Delete File: a", "*** Delete File: a"], "Failed to read /cwd/a: No such file or directory (os error 2)"),
        (["*** Update File: d", "@@", "+x"], "Failed to read file to update /cwd/d: Is a directory (os error 21)"),
        (["*** Delete File: d"], "Failed to read /cwd/d: Is a directory (os error 21)"),
        (["*** Add File: d", "+x"], "Failed to write file /cwd/d: Is a directory (os error 21)"),
        (["*** Add File: a/b", "+x"], "Failed to write file /cwd/a/b: /cwd/a is no directory"),
        (["*** Update File: a", "*** Move to: d"], "Failed to write file /cwd/d: Is a directory (os error 21)"),
        (["*** Update File: loop", "@@", "+x"], "Failed to read file to update /cwd/loop: its links lead nowhere"),
        (
            ["*** Update File: odd", "@@", "+x"],
            "Failed to read file to update /cwd/odd: it is not valid UTF-8",
        ),
        (["*** Delete File: odd"], "Failed to read /cwd/odd: it is not valid UTF-8 (at byte 1)"),
        (["*** Delete File: a\0"], "invalid hunk at line 2, a path cannot hold the NUL character"),
        (["*** Add File: pipe", "+x"], "Failed to write file /cwd/pipe: it is no regular file"),
    ],
)
def test_what_cannot_be_is_told_with_path_and_reason(tmp_path: Path, lines: list[str], told: str) -> None:
    make(tmp_path, {"a": "x\n", "d/x": "", "odd": b"a\xff\n"})
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path, *lines).startswith(told)


def test_the_hunk_is_named_by_its_line(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    assert refusal(tmp_path, "*** Delete File: b", "*** Delete File: c").endswith("\n(hunk at line 3 of the patch)")
    told = refusal(tmp_path, "*** Delete File: b", "*** Update File: a", "@@", "-no")
    assert told == "Failed to find expected lines in /cwd/a:\nno\n(chunk at line 4 of the patch)"


def test_absolute_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    make(tmp_path, {"in/a": "x\n"})
    plan = planned(tmp_path / "in", f"*** Add File: {tmp_path}/out", "+1", "*** Add File: ../other", "+1")
    assert [Path(path).name for path in plan.changes] == ["other", "out"]
    assert letters(plan) == [f"A {tmp_path}/out", "A ../other"]


def test_a_file_that_replaces_another_kind_of_bytes_may_be_added(tmp_path: Path) -> None:
    make(tmp_path, {"odd": b"\xff"})
    plan = planned(tmp_path, "*** Add File: odd", "+x")
    assert plan.changes == {str(tmp_path / "odd"): Change(kind="add", diff="x\n")}
