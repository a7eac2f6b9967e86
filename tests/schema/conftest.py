"""Asks last whether everything that we say was heard in the session, and prints how much was looked at."""

from __future__ import annotations

import pytest

from tests.schema.generated import VERSIONS
from tests.schema.unheard import unheard
from tests.schema.witness import seen


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the whole session comes at its end."""
    items.sort(key=lambda item: item.get_closest_marker("whole_session") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many messages were held against which schema, and which of ours nobody heard."""
    if not seen:
        return
    terminalreporter.section("schema check")
    for version in VERSIONS:
        count = sum(times for (of, _), times in seen.items() if of == version)
        never = ", ".join(unheard(version)) or "none"
        terminalreporter.write_line(
            f"{version}: {count} messages held against its schema; of ours never heard: {never}"
        )
