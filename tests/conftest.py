"""What every test goes through. Owns the marker ``codex``: tests that need released binaries and tmux."""

from __future__ import annotations

import os

import pytest

from tests.support import codex


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tools are missing, or fail it where they are required. The marker may name versions."""
    marker = item.get_closest_marker("codex")
    if marker is None:
        return
    reason = codex.missing(*(marker.args or (codex.REFERENCE,)))
    if reason is None:
        return
    if os.environ.get("THREADCAST_REQUIRE_TOOLS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
