"""Where chunks go in a text, and what becomes of the lines around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.patches.grammar import Chunk, PatchError, Update, parse
from server.engine.patches.matching import Lines
from server.engine.patches.replacing import replaced
from tests.server.engine.patches.trees import patch


def put(text: str, *lines: str) -> str:
    (hunk,) = parse(patch("*** Update File: a", *lines)).hunks
    assert isinstance(hunk, Update)
    return replaced(text, hunk.chunks, "/a")


def refusal(text: str, *lines: str) -> str:
    with pytest.raises(PatchError) as refused:
        put(text, *lines)
    return str(refused.value)


@pytest.mark.parametrize(
    ("line", "found_as"),
    [("x = 1", "x = 1  "), ("\tx = 1 ", "    x = 1"), ('print("a - b")', "  print(“a \u2013 b”)"), ("a b", "a\u00a0b")],
)
def test_lines_are_found_however_exactly_they_are_remembered(line: str, found_as: str) -> None:
    assert put(f"a\n{found_as}\nb\n", "@@", f"-{line}", "+new") == "a\nnew\nb\n"


def test_the_exact_line_is_preferred_to_an_earlier_one_that_only_looks_like_it() -> None:
    assert put(" x\nx\n", "@@", "-x", "+y") == " x\ny\n"


def test_lines_that_stay_keep_their_bytes() -> None:
    assert put("\tif a:  \n\t\tb\n", "@@", " if a:", "-b", "+c") == "\tif a:  \nc\n"


def test_line_ends_stay_those_of_the_file() -> None:
    assert put("a\r\nb\r\nc\r\n", "@@", " a", "-b", "+x", "+y") == "a\r\nx\r\ny\r\nc\r\n"
    assert put("a\r\nb", "@@", " b", "+c") == "a\r\nb\r\nc\r\n"


def test_a_byte_order_mark_stays_and_hides_no_line() -> None:
    assert put("\ufeffa\nb\n", "@@", "-a", "+x") == "\ufeffx\nb\n"


def test_a_line_end_comes_to_the_end_of_what_had_none() -> None:
    assert put("a\nb", "@@", "-a", "+x") == "x\nb\n"
    assert put("a", "@@", "-a") == ""


def test_a_context_is_where_to_look_from() -> None:
    assert put("def f\nx\ndef g\nx\n", "@@ def g", "-x", "+y") == "def f\nx\ndef g\ny\n"
    assert put("A\nf\nx\nB\nf\nx\n", "@@ B", "@@ f", "-x", "+y") == "A\nf\nx\nB\nf\ny\n"


def test_chunks_are_sought_one_behind_the_other() -> None:
    assert put("x\nx\nx\n", "@@", "-x", "+1", "@@", "-x", "+2") == "1\n2\nx\n"


def test_new_lines_alone_go_to_the_end() -> None:
    assert put("a\n\n", "@@ a", "+b") == "a\n\nb\n"
    assert put("", "@@", "+b") == "b\n"
    assert put("a\n", "@@", "+b", "@@", "+c", "@@", "-a", "+x") == "x\nb\nc\n"


def test_the_end_of_a_file_is_looked_at_only_there() -> None:
    assert put("x\na\nx\n", "@@", "-x", "+y", "*** End of File") == "x\na\ny\n"
    assert "looks at the last lines of the file only" in refusal("x\na\n", "@@", "-x", "+y", "*** End of File")
    assert refusal("x\ny\n", "@@", "-x", "-y", "@@", "-y", "*** End of File")


def test_blank_lines_around_a_chunk_need_not_be_in_the_file() -> None:
    assert put("a\nb\nc\n", "@@", "-a", "+x", "", "", "@@", "-c", "+z") == "x\nb\nz\n"
    assert put("a\nb\n", "", "-a", "+x", "") == "x\nb\n"
    assert put("a\n\nb\n", "@@", " a", "", "-b") == "a\n\n"


def test_a_blank_line_among_new_ones_is_kept() -> None:
    assert put("a\nb\n", "@@", " a", " ", "+c") == "a\n\nc\nb\n"


def test_what_is_not_found_is_told_with_its_line_in_the_patch() -> None:
    assert refusal("a\n", "@@ b", "+c") == "Failed to find context 'b' in /a\n(chunk at line 3 of the patch)"
    told = refusal("a\n", "@@", " a", "-b", "+c")
    assert told == "Failed to find expected lines in /a:\na\nb\n(chunk at line 3 of the patch)"


def test_a_chunk_out_of_order_is_told_where_it_would_have_been() -> None:
    assert "line 1 of the file fits, but" in refusal("a\nb\n", "@@", "-b", "@@", "-a")


LINE = st.sampled_from(["a", "b", " a", "a ", "\u2013", "-", ""])


@given(st.lists(LINE, max_size=12), st.lists(LINE, min_size=1, max_size=3), st.integers(0, 12))
def test_a_search_finds_the_first_place_of_the_strictest_form(lines: list[str], wanted: list[str], begin: int) -> None:
    def plain(line: str) -> str:
        return line.replace("\u2013", "-").strip()

    def first(form: object) -> int | None:
        assert callable(form)
        places = range(begin, len(lines) - len(wanted) + 1)
        fits = [at for at in places if [*map(form, lines[at : at + len(wanted)])] == [*map(form, wanted)]]
        return min(fits, default=None)

    expected = next((at for form in (str, str.rstrip, str.strip, plain) if (at := first(form)) is not None), None)
    assert Lines(lines).find(wanted, min(begin, len(lines))) == expected


@given(st.data())
def test_a_chunk_made_of_the_text_itself_fits(data: st.DataObject) -> None:
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = [f"{index} {data.draw(LINE)}" for index in range(data.draw(st.integers(1, 12)))]
    begin = data.draw(st.integers(0, len(lines) - 1))
    old = lines[begin : data.draw(st.integers(begin + 1, len(lines)))]
    marked = [data.draw(st.sampled_from(" -")) + line for line in old]
    for _ in range(data.draw(st.integers(0, 3))):
        marked.insert(data.draw(st.integers(0, len(marked))), "+new")
    middle = [line[1:] for line in marked if not line.startswith("-")]
    expected = [*lines[:begin], *middle, *lines[begin + len(old) :]]
    text = "".join(line + ends for line in lines)
    assert replaced(text, [Chunk(lines=marked, line=1)], "a") == "".join(line + ends for line in expected)
