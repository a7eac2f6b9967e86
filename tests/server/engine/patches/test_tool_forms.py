"""What models are told of the tool: a grammar that is one, of patches that the parser reads."""

from __future__ import annotations

import re

import pytest
from lark import Lark
from lark.exceptions import UnexpectedInput

from server.engine.patches.grammar import parse
from server.engine.patches.tool_forms import FREEFORM, FREEFORM_DESCRIPTION, FUNCTION, GRAMMAR
from tests.server.engine.patches.trees import patch

LARK = Lark(GRAMMAR)

GOOD = [
    patch("*** Add File: a b/c.txt", "+", "+x"),
    patch("*** Delete File: a", "*** Update File: b", "@@ def f():", " x", "-y", "+z", "@@", "-1", "*** End of File"),
    patch("*** Update File: a", "*** Move to: b"),
    patch("*** Update File: a", "-no mark first", "@@ one", "@@ two", " "),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_grammar_allows_is_read(text: str) -> None:
    assert LARK.parse(text)
    assert parse(text).hunks


@pytest.mark.parametrize("text", [patch(), patch("*** Add File: a"), patch("*** Add File: a", "x"), "x"])
def test_what_is_no_patch_is_not_allowed(text: str) -> None:
    with pytest.raises(UnexpectedInput):
        LARK.parse(text)


def test_the_example_is_a_patch() -> None:
    found = re.search(r"\*\*\* Begin Patch.*\*\*\* End Patch", FREEFORM_DESCRIPTION, re.DOTALL)
    assert found
    assert LARK.parse(found[0])
    assert len(parse(found[0]).hunks) == 3


def test_both_forms_name_the_same_tool() -> None:
    assert FREEFORM["name"] == FUNCTION["name"] == "apply_patch"
    assert FREEFORM["format"] == {"type": "grammar", "syntax": "lark", "definition": GRAMMAR}
    assert FUNCTION["parameters"]["required"] == ["input"]
