"""Owns the marker ``sdk``: tests that need a client of others, named by its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sdks import environments
from tests.sdks.stand_in import make


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose client is missing, or fail it where tools are required."""
    for marker in item.iter_markers("sdk"):
        reason = environments.missing(marker.args[0])
        if reason and os.environ.get("THREADCAST_REQUIRE_TOOLS") == "1":
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program named ``codex`` that is this server, alone in its folder."""
    return make(tmp_path / "bin")
