"""Patches and files of megabytes: seconds of a thread at most, whatever they hold."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from server.engine.patches.grammar import Add, PatchError, Update, parse
from server.engine.patches.replacing import replaced
from tests.server.engine.patches.trees import patch

LINES = [f"    line number {index} of the file" for index in range(250_000)]
TEXT = "\n".join([*LINES, ""])


@contextmanager
def soon() -> Generator[None]:
    """What is inside takes a second or two on an idle machine, and hours if it is quadratic."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < 20


def update(*lines: str) -> Update:
    (hunk,) = parse(patch("*** Update File: a", *lines)).hunks
    assert isinstance(hunk, Update)
    return hunk


def test_a_large_file_is_read_from_a_patch() -> None:
    with soon():
        (hunk,) = parse(patch("*** Add File: a", *(f"+{line}" for line in LINES))).hunks
    assert isinstance(hunk, Add)
    assert hunk.content == TEXT


@pytest.mark.parametrize("spelled", [str, str.strip])
def test_many_chunks_find_their_places(spelled: type[str]) -> None:
    chunks = [[f" {spelled(LINES[at])}", f"-{spelled(LINES[at + 1])}", "+new"] for at in range(0, len(LINES) - 1, 2)]
    with soon():
        new = replaced(TEXT, update(*(line for chunk in chunks for line in ["@@", *chunk])).chunks, "a")
    assert new == "".join(f"{LINES[at]}\nnew\n" for at in range(0, len(LINES), 2))


def test_lines_that_repeat_are_searched_once() -> None:
    text = "x\ny\n" * 1_000_000
    with soon(), pytest.raises(PatchError, match="Failed to find expected lines"):
        replaced(text, update("@@", *[" x", " y"] * 100_000, "-x", "-x").chunks, "a")


def test_searches_that_lead_far_too_often_are_given_up() -> None:
    text = "b\n a\n" * 500_000 + "a\n"
    with soon(), pytest.raises(PatchError, match="too many lines in a file this large"):
        replaced(text, update(*["@@", " b", "-a"] * 50_000).chunks, "a")
