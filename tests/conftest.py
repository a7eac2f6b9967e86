"""What every test goes through: the tools that the marker ``codex`` needs, and the schema of what clients hear."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.schema.witness import take_complaints
from tests.support import chromium, codex, sandboxes, typescript


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tools are missing, or fail it where they are required. The marker may name versions."""
    reason = _missing(item)
    if reason is None:
        return
    if os.environ.get("THREADCAST_REQUIRE_TOOLS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _missing(item: pytest.Item) -> str | None:
    """Why this machine cannot run the test; one that has several of these markers needs all that they name."""
    reasons: list[str | None] = []
    if (marker := item.get_closest_marker("codex")) is not None:
        reasons.append(codex.missing(*(marker.args or (codex.REFERENCE,))))
    if item.get_closest_marker("typescript") is not None:
        reasons.append(typescript.missing())
    if (marker := item.get_closest_marker("sandbox")) is not None:
        reasons.append(sandboxes.missing(*marker.args))
    if item.get_closest_marker("chromium") is not None:
        reasons.append(chromium.missing())
    if item.get_closest_marker("node") is not None:
        reasons.append(chromium.missing_node())
    return "; ".join(filter(None, reasons)) or None


@pytest.fixture(autouse=True)
def schema_check() -> Iterator[None]:
    """Fail a test whose clients heard a message that the schema of their version does not allow."""
    take_complaints()
    yield
    wrong = take_complaints()
    if wrong:
        pytest.fail("messages that the schema does not allow:\n" + "\n".join(wrong[:40]), pytrace=False)
