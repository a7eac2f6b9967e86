"""Holds every conversation once with clients of the oldest version and once with clients of the newest."""

from __future__ import annotations

import pytest

from protocol.dialects.versions import VERSIONS, Version
from tests.support.harness import Server


@pytest.fixture(autouse=True, params=[VERSIONS[0], VERSIONS[-1]], ids=str)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The version that clients declare in this test, if it says nothing else."""
    version: Version = request.param
    monkeypatch.setattr(Server, "dialect", version)
    return version
