"""Tool output cut for a model: where it is cut, and what stands in the gap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.engine.tools.truncation import Budget, token_count, truncated, with_line_count


def test_what_fits_stays_as_it_is() -> None:
    assert with_line_count("x" * 40, Budget.of_tokens(10)) == "x" * 40
    assert truncated("", Budget(0, in_tokens=False)) == ""


def test_what_is_too_long_loses_its_middle() -> None:
    text = "a" * 50 + "\n" + "b" * 49
    assert truncated(text, Budget.of_tokens(10)) == "a" * 20 + "…15 tokens truncated…" + "b" * 20
    assert truncated(text, Budget(40, in_tokens=False)) == "a" * 20 + "…60 chars truncated…" + "b" * 20
    assert with_line_count(text, Budget.of_tokens(10)).startswith("Total output lines: 2\n\naaa")


def test_a_wish_can_only_make_it_less() -> None:
    budget = Budget.of_tokens(100)
    assert budget.at_most(None) == budget == budget.at_most(200)
    assert budget.at_most(10).size == 40
    assert Budget(10, in_tokens=False).at_most(1).size == 4


@given(st.text(), st.integers(0, 200), st.booleans())
def test_no_character_is_cut_and_no_more_is_kept_than_asked(text: str, size: int, in_tokens: bool) -> None:
    shown = truncated(text, Budget(size, in_tokens))
    if len(text.encode(errors="replace")) <= size:
        assert shown == text
    else:
        head, _, rest = shown.partition("…")
        tail = rest.partition("truncated…")[2]
        assert "�" in text or "�" not in head
        assert len((head + tail).encode(errors="replace")) <= size or "…" in text
    assert token_count(size) * 4 >= size
