"""Holds every conversation once with clients of each version that we speak."""

from __future__ import annotations

import pytest

from protocol.dialects.versions import VERSIONS, Version
from tests.support.harness import Server


@pytest.fixture(autouse=True, params=VERSIONS, ids=str)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The version that clients declare in this test, if it says nothing else."""
    version: Version = request.param
    monkeypatch.setattr(Server, "dialect", version)
    return version
