"""Diffs of any two texts: they lead from one to the other, are short, and take time as the text grows, no more."""

from __future__ import annotations

import difflib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.patches import comparing
from server.engine.patches.comparing import alike
from server.engine.patches.diffs import unified

LINES = st.lists(st.sampled_from([*"abcdefg", "", " "]), max_size=30)
TEXT = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n")


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def put(old: str, diff: str, *, backwards: bool = False) -> str:
    """What ``old`` becomes by this diff, each of whose numbers is checked."""
    source, target = ("+", "-") if backwards else ("-", "+")
    before, after, at = lines_of(old), list[str](), 0
    pieces = HUNK.split(diff)
    assert pieces[0] == ""
    for index in range(1, len(pieces), 5):
        numbers = [int(each) if each else 1 for each in pieces[index : index + 4]]
        begin, count, other, other_count = [*numbers[2:], *numbers[:2]] if backwards else numbers
        body = re.findall(r"([-+ ][^\n]*\n)(\\ No newline at end of file\n)?", pieces[index + 4])
        marked = [line[:-1] if bare else line for line, bare in body]
        after += before[at : begin - (count > 0)]
        assert len(after) == other - (other_count > 0)
        assert [line[1:] for line in marked if line[0] != target] == before[begin - (count > 0) :][:count]
        new = [line[1:] for line in marked if line[0] != source]
        assert len(new) == other_count
        after += new
        at = begin - (count > 0) + count
    return "".join(after + before[at:])


@given(TEXT, TEXT, st.integers(0, 3))
def test_a_diff_leads_from_one_text_to_the_other_and_back(old: str, new: str, context: int) -> None:
    diff = unified(old, new, context=context)
    assert put(old, diff) == new
    assert put(new, diff, backwards=True) == old
    assert bool(diff) == (old != new)


@pytest.mark.parametrize("budget", [0, 10, 40])
def test_a_diff_that_may_take_no_more_time_is_still_right(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(comparing, "BUDGET", budget)

    @given(TEXT, TEXT)
    def holds(old: str, new: str) -> None:
        assert put(old, unified(old, new, context=1)) == new

    holds()


@given(LINES, LINES)
def test_what_is_alike_is_alike_and_in_order(old: list[str], new: list[str]) -> None:
    at = other = -1
    for begin, other_begin, count in alike(old, new):
        assert count > 0
        assert begin >= at
        assert other_begin >= other
        assert (begin, other_begin) != (at, other)
        at, other = begin + count, other_begin + count
        assert old[begin:at] == new[other_begin:other]


def test_a_gap_gets_a_shortest_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_rising", lambda _pairs: [])  # no lines that cut it

    @given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(st.sampled_from("abc"), max_size=20))
    def holds(old: list[str], new: list[str]) -> None:
        assert sum(count for _, _, count in alike(old, new)) == longest_shared(old, new)

    holds()


def longest_shared(old: list[str], new: list[str]) -> int:
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, line in enumerate(old):
        for j, other in enumerate(new):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if line == other else max(lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


def test_hunks_are_those_that_everybody_writes() -> None:
    old = [f"{index}\n" for index in range(40)]
    new = [*old[:5], "new\n", *old[6:20], *old[22:30], "more\n", *old[30:]]
    known = list(difflib.unified_diff(old, new, n=3))
    assert unified("".join(old), "".join(new), context=3) == "".join(known[2:])
    assert unified("", "a\n", context=1) == "@@ -0,0 +1 @@\n+a\n"
    assert unified("a", "a\n", context=1) == "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"


def large(name: str) -> tuple[str, str]:
    lines = [f"    line number {index} of the file\n" for index in range(300_000)]
    text = "".join(lines)
    if name == "one line":
        return text, text.replace("number 150000 ", "number x ")
    if name == "all lines":
        return text, "".join(f"#{line}" for line in lines)
    if name == "reversed":
        return text, "".join(lines[::-1])
    if name == "every other line":
        return "x\n" * 500_000, "x\ny\n" * 500_000
    letters = [chr(97 + pow(7, index, 1_000_003) % 7) for index in range(600_000)]
    return "\n".join(letters), "\n".join(letters[::-1])


@pytest.mark.parametrize("name", ["one line", "all lines", "reversed", "every other line", "few letters"])
def test_megabytes_are_compared_in_seconds(name: str) -> None:
    old, new = large(name)
    began = time.thread_time()
    assert unified(old, new, context=1)
    assert time.thread_time() - began < 10  # one or two on an idle machine; a quadratic way takes hours
