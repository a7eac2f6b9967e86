"""Holds every conversation once with clients of each version that we speak, or of those that know what it is about."""

from __future__ import annotations

import pytest

from protocol.dialects.versions import VERSIONS, Version
from tests.support.harness import Server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The marker ``since`` names the first version that has the request in question; that of a test goes before that
    of its file."""
    marker = metafunc.definition.get_closest_marker("since")
    first = marker.args[0] if marker else VERSIONS[0]
    metafunc.parametrize("dialect", [each for each in VERSIONS if each >= first], ids=str, indirect=True)


@pytest.fixture(autouse=True)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The version that clients declare in this test, if it says nothing else."""
    version: Version = request.param
    monkeypatch.setattr(Server, "dialect", version)
    return version
