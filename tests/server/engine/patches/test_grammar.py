"""The patch format: what is read, what is forgiven, and what the model is told of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.patches.grammar import Add, Chunk, Delete, Patch, PatchError, Update, parse
from tests.server.engine.patches.trees import patch


def refusal(text: str) -> str:
    with pytest.raises(PatchError) as refused:
        parse(text)
    return str(refused.value)


def test_every_kind_of_hunk_is_read() -> None:
    read = parse(
        patch(
            *("*** Add File: new/a.txt", "+one", "+", "+two"),
            "*** Delete File: old.txt",
            *("*** Update File: b.txt", "*** Move to: c.txt", "@@ def f():", " x", "-y", "+z", "*** End of File"),
        )
    )
    assert read == Patch(
        hunks=[
            Add(path="new/a.txt", content="one\n\ntwo\n", line=2),
            Delete(path="old.txt", line=6),
            Update(
                path="b.txt",
                move="c.txt",
                chunks=[Chunk(contexts=["def f():"], lines=[" x", "-y", "+z"], end_of_file=True, line=9)],
                line=7,
            ),
        ]
    )


@pytest.mark.parametrize("mark", ["<<EOF", "<<'EOF'", '<<"EOF"', "<< 'PATCH'"])
def test_a_heredoc_around_a_patch_is_taken_off(mark: str) -> None:
    end = mark.strip("<'\" ")
    assert parse(f"{mark}\n{patch('*** Delete File: a')}\n{end}\n") == parse(patch("*** Delete File: a"))


def test_blanks_around_markers_and_names_do_not_matter() -> None:
    lines = [" *** Begin Patch ", "  *** Update File: a ", "*** Move to: b ", "@@ ", "-x", "+y", "*** End of File "]
    (hunk,) = parse("\n".join(["", "", *lines, "\t*** End Patch", ""])).hunks
    assert hunk == Update(path="a", move="b", chunks=[Chunk(lines=["-x", "+y"], end_of_file=True, line=4)], line=2)


def test_line_ends_of_windows_belong_to_no_line() -> None:
    text = patch("*** Add File: a", "+x", "*** Update File: b", "@@ y", "-y", "+z")
    assert parse(text.replace("\n", "\r\n")) == parse(text)


def test_blank_lines_between_hunks_and_chunks_are_passed_over() -> None:
    update_lines = ["*** Update File: b", "@@", "-x", "*** End of File", "", "@@", "+y", ""]
    hunks = parse(patch("", "*** Delete File: a", "", *update_lines, "*** Add File: c", "+")).hunks
    assert [type(hunk) for hunk in hunks] == [Delete, Update, Add]
    update = hunks[1]
    assert isinstance(update, Update)
    assert [chunk.lines for chunk in update.chunks] == [["-x"], ["+y", ""]]


def test_only_the_first_chunk_may_begin_without_its_mark() -> None:
    (hunk,) = parse(patch("*** Update File: a", "-x", "+y", "@@", "-z")).hunks
    assert isinstance(hunk, Update)
    assert [chunk.lines for chunk in hunk.chunks] == [["-x", "+y"], ["-z"]]
    told = refusal(patch("*** Update File: a", "@@", "-x", "*** End of File", "-z"))
    assert told == "invalid hunk at line 6, Expected update hunk to start with a @@ context marker, got: '-z'"


def test_several_contexts_lead_to_one_chunk() -> None:
    (hunk,) = parse(patch("*** Update File: a", "@@ class A:", "@@     def f():", "-x")).hunks
    assert isinstance(hunk, Update)
    assert hunk.chunks == [Chunk(contexts=["class A:", "    def f():"], lines=["-x"], line=3)]


def test_a_file_may_move_without_a_change() -> None:
    assert parse(patch("*** Update File: a", "*** Move to: b")).hunks == [Update(path="a", move="b", line=2)]


def test_an_empty_file_may_be_added() -> None:
    assert parse(patch("*** Add File: a")).hunks == [Add(path="a", content="", line=2)]


def test_the_environment_is_told() -> None:
    assert parse(patch("*** Environment ID: far", "*** Delete File: a")).environment == "far"


def test_the_last_line_may_be_there_twice() -> None:
    assert parse(patch("*** Delete File: a", "*** End Patch")) == parse(patch("*** Delete File: a"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "invalid patch: The first line of the patch must be '*** Begin Patch'"),
        ("hello", "invalid patch: The first line of the patch must be '*** Begin Patch'"),
        ("*** Begin Patch", "invalid patch: The last line of the patch must be '*** End Patch'"),
        ("*** Begin Patch\n*** Delete File: a", "invalid patch: The last line of the patch must be '*** End Patch'"),
        (patch("*** Delete File: a") + "\nmore", "invalid patch: The last line of the patch must be '*** End Patch'"),
        (patch(), "invalid patch: it holds no hunk, so no files were modified"),
        (patch("*** Frob"), "invalid hunk at line 2, '*** Frob' is not a valid hunk header. Valid hunk headers: "),
        (patch("*** Delete File:"), "invalid hunk at line 2, '*** Delete File:' is not a valid hunk header."),
        (patch("*** Add File: a", "+x", "", "+y"), "invalid hunk at line 5, '+y' is not a valid hunk header."),
        (patch("*** Add File: a", "+x", "y"), "invalid hunk at line 4, 'y' is not a valid hunk header."),
        (patch("*** Update File: a"), "invalid hunk at line 2, Update file hunk for path 'a' is empty"),
        (patch("*** Update File: a", "@@"), "invalid hunk at line 4, Update hunk does not contain any lines"),
        (patch("*** Update File: a", "@@", "x"), "invalid hunk at line 4, Unexpected line found in update hunk: 'x'."),
        (patch("*** Update File: a", "x"), "invalid hunk at line 3, Unexpected line found in update hunk: 'x'."),
        (
            patch("*** Update File: a", "@@", "-x", "y"),
            "invalid hunk at line 5, Expected update hunk to start",
        ),
        (patch("*** Environment ID: "), "invalid hunk at line 2, '*** Environment ID:' names no environment"),
        (patch("*** Environment ID: a", "*** Environment ID: b"), "invalid hunk at line 3, a second "),
        (patch("*** Add File: a", "+\ud800"), "invalid patch: it holds half a character"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    assert refusal(text).startswith(told)


def test_a_long_line_is_not_told_whole() -> None:
    assert len(refusal(patch("*" * 100_000))) < 1000


HEADERS = ["*** Begin Patch", "*** End Patch", "*** Add File: a", "*** Delete File: a", "*** Update File: a"]
OTHERS = ["*** Move to: b", "*** End of File", "*** Environment ID: x", "@@", "@@ x", "<<EOF", "EOF"]
MARKS = st.sampled_from([*HEADERS, *OTHERS, "+x", "-x", " x", "", " ", "x", "\r"])


@given(st.lists(MARKS | st.text(max_size=5), max_size=12), st.booleans())
def test_any_text_is_read_or_refused(lines: list[str], marked: bool) -> None:
    text = patch(*lines) if marked else "\n".join(lines)
    try:
        read = parse(text)
    except PatchError as refused:
        assert str(refused)  # noqa: PT017 - it need not be refused
    else:
        assert read.hunks
