"""The peer's applier beside ours: the same patches, the same files afterwards, but for what is meant to differ."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from server.engine.patches.apply import apply
from server.engine.patches.grammar import PatchError, parse
from server.engine.patches.verify import verify
from tests.peer.patch_corpus import ABC, BY_HAND, UPDATE, Case, Files, case, drawn
from tests.server.engine.patches.trees import Tree, make, patch, tree
from tests.support import codex

pytestmark = pytest.mark.codex(codex.REFERENCE, codex.NEWEST)

BOTH = [codex.REFERENCE, codex.NEWEST]


def by_peer(version: str, folder: Path, text: str) -> str | None:
    """What the peer reports, or None if it refuses the patch."""
    command = [codex.binary(version), "--codex-run-as-apply-patch", text]
    environment = {"HOME": str(folder.parent), "CODEX_HOME": str(folder.parent / "no home")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


def by_us(folder: Path, text: str) -> str | None:
    try:
        return apply(verify(parse(text), str(folder)))
    except PatchError:
        return None


def both(
    version: str, folder: Path, files: Files, text: str
) -> tuple[tuple[str | None, Tree], tuple[str | None, Tree]]:
    """Report and tree: the peer's, ours."""
    theirs, ours = make(folder / "theirs", files), make(folder / "ours", files)
    return (by_peer(version, theirs, text), tree(theirs)), (by_us(ours, text), tree(ours))


def kinds(report: str | None) -> set[str]:
    return set((report or "").splitlines()[1:])


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("each", BY_HAND, ids=lambda each: each.name)
def test_a_patch_makes_the_same_tree(tmp_path: Path, version: str, each: Case) -> None:
    (said, made), (ours_said, ours_made) = both(version, tmp_path, each.files, each.text)
    assert (ours_said is None) == (said is None)
    assert ours_made == made
    assert kinds(ours_said) <= kinds(said)


@pytest.mark.parametrize("version", BOTH)
def test_any_patch_makes_the_same_tree_or_is_refused_by_both(tmp_path: Path, version: str) -> None:
    refused = 0
    for each in drawn(200, exactly=version == codex.REFERENCE):
        (said, made), (ours_said, ours_made) = both(version, tmp_path / each.name, each.files, each.text)
        assert (ours_said is None) == (said is None), each
        if said is None:  # of a bad patch we do nothing at all
            refused += 1
            made = tree(make(tmp_path / each.name / "first", each.files))
        assert ours_made == made, each
        assert kinds(ours_said) == kinds(said), each
    assert 0 < refused < 100


NICER: list[tuple[Case, list[str], Tree]] = [
    (case("blank between hunks", "*** Delete File: a", "", "*** Delete File: sub/b"), BOTH, {"sub": None}),
    (
        case("blanks between chunks", UPDATE, "@@", "-one", "+1", "", "", "@@", "-three", "+3"),
        BOTH,
        {"a": b"1\ntwo\n3\n", "sub/b": b"x\n"},
    ),
    (case("move alone", UPDATE, "*** Move to: c"), BOTH, {"c": b"one\ntwo\nthree\n", "sub/b": b"x\n"}),
    (
        case("two contexts", UPDATE, "@@ one", "@@ two", "-three", "+3"),
        BOTH,
        {"a": b"one\ntwo\n3\n", "sub/b": b"x\n"},
    ),
    (Case("another heredoc", ABC, f"<<PATCH\n{patch('*** Delete File: a')}\nPATCH"), BOTH, {"sub/b": b"x\n"}),
    (
        case("byte order mark", UPDATE, "@@", "-x", "+z", files={"a": "\ufeffx\ny\n"}),
        BOTH,
        {"a": "\ufeffz\ny\n".encode()},
    ),
    (case("end twice", "*** Delete File: a", "*** End Patch"), [codex.REFERENCE], {"sub/b": b"x\n"}),
    (case("environment", "*** Environment ID: x", "*** Delete File: a"), [codex.REFERENCE], {"sub/b": b"x\n"}),
    (case("blank first line", UPDATE, "", "-one"), [codex.NEWEST], {"a": b"two\nthree\n", "sub/b": b"x\n"}),
]
"""What we make of patches that these versions refuse."""


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(("each", "versions", "expected"), NICER, ids=lambda each: getattr(each, "name", ""))
def test_what_a_version_refuses_may_be_plain_enough(
    tmp_path: Path, version: str, each: Case, versions: list[str], expected: Tree
) -> None:
    (said, made), (ours_said, ours_made) = both(version, tmp_path, each.files, each.text)
    assert ours_said is not None
    assert ours_made == expected
    assert (said is None) == (version in versions)
    if said is not None:
        assert made == expected


AS_NEWER = [
    case("line ends", UPDATE, "@@", " one", "-two", "+2", files={"a": "one\r\ntwo\r\nthree\r\n"}),
    case("mixed line ends", UPDATE, "@@", " one", "-two", "+2", "+3", files={"a": "one\r\ntwo\nthree\r\nfour\n"}),
    case("line ends at the end", UPDATE, "@@", " two", "+3", files={"a": "one\r\ntwo"}),
    case("lines that stay", UPDATE, "@@", " x = 1", "-y", "+z", files={"a": "   x = 1  \ny\n"}),
    case("insert behind blank lines", UPDATE, "@@", "+z", files={"a": "x\n\n\n"}),
]


@pytest.mark.parametrize("each", AS_NEWER, ids=lambda each: each.name)
def test_lines_that_stay_and_line_ends_are_those_of_the_file_as_since_0_169(tmp_path: Path, each: Case) -> None:
    (said, made), (ours_said, ours_made) = both(codex.NEWEST, tmp_path / "newest", each.files, each.text)
    assert (ours_said, ours_made) == (said, made)
    (said, made), _ = both(codex.REFERENCE, tmp_path / "reference", each.files, each.text)
    assert said is not None
    assert made != ours_made


@pytest.mark.parametrize("version", BOTH)
def test_a_patch_that_fails_late_changes_nothing_here(tmp_path: Path, version: str) -> None:
    text = patch("*** Add File: q", "+1", "*** Delete File: a", "*** Update File: zz", "@@", "-1", "+2")
    (said, made), (ours_said, ours_made) = both(version, tmp_path, ABC, text)
    assert said is None
    assert ours_said is None
    assert made != ours_made == {name: content.encode() for name, content in ABC.items()}


@pytest.mark.parametrize("version", BOTH)
def test_a_move_onto_itself_loses_no_file_here(tmp_path: Path, version: str) -> None:
    text = patch(UPDATE, "*** Move to: a", "@@", "-two", "+2")
    (_, made), (_, ours_made) = both(version, tmp_path, ABC, text)
    assert made == {"sub/b": b"x\n"}
    assert ours_made == {"a": b"one\n2\nthree\n", "sub/b": b"x\n"}
