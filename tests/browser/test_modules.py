"""The page's modules without a browser: the tests beside them, run by node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

MODULES = Path(__file__).parent / "modules"
STATIC = Path(__file__).parents[2] / "server" / "dashboard" / "static"

MOST_LINES = 400

FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", " style=")
"""What makes markup or script of text, or breaks the policy of contents."""


@pytest.mark.node
def test_the_folds_of_the_page_hold_by_themselves() -> None:
    tests = sorted(str(path) for path in MODULES.glob("*.test.mjs"))
    run = subprocess.run(["node", "--test", *tests], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.*")), ids=lambda path: path.name)
def test_each_file_of_the_page_is_short_and_builds_no_markup_from_text(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for forbidden in FORBIDDEN:
        assert forbidden not in text
