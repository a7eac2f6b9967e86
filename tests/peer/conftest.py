"""What the tests beside the peer share: a model server, and a CODEX_HOME that leads both servers to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import codex
from tests.support.model import ModelServer


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as model:
        yield model


@pytest.fixture
def home(tmp_path: Path, model: ModelServer) -> Path:
    """The CODEX_HOME that both servers use."""
    codex.write_config(tmp_path / "home", model.url)
    return tmp_path / "home"
