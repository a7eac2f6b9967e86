"""A browser for each test, in which nothing may have gone wrong at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.browser.tab import Browser, chromium_running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser. A test fails whose tabs complained of anything, or broke the policy of contents."""
    async with chromium_running() as browser:
        yield browser
        await browser.close()
    assert browser.blamed == []
