"""Owns the marker ``sdk``: tests that need a client of others, named by its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sdks import environments
from tests.sdks.stand_in import make

_LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose client is missing, or fail it where tools are required."""
    for marker in item.iter_markers("sdk"):
        reason = environments.missing(marker.args[0])
        if reason and os.environ.get("THREADCAST_REQUIRE_TOOLS") == "1":
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of clients that cannot be had here, whatever is required; the summary says which."""
    reasons = {client: environments.left_out(client) for client in environments.PYTHON_CLIENTS}
    out = [item for item in items if any(reasons.get(mark.args[0]) for mark in item.iter_markers("sdk"))]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]
        config.stash[_LEFT_OUT] = sorted(filter(None, reasons.values()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which clients were left out, and why."""
    for reason in config.stash.get(_LEFT_OUT, []):
        terminalreporter.write_line(f"left out: {reason}")


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program named ``codex`` that is this server, alone in its folder."""
    return make(tmp_path / "bin")
