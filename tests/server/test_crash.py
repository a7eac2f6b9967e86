"""Kills without warning. ``THREADCAST_CRASH_TURNS`` sets how many turns are run meanwhile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.support.crashes import survive

TURNS = int(os.environ.get("THREADCAST_CRASH_TURNS", "40"))
SECONDS_OF_A_TURN = 3.0
"""Far more than any turn takes, with its share of the restarts."""


async def test_a_server_that_is_killed_again_and_again_loses_nothing_that_was_seen(tmp_path: Path) -> None:
    async with asyncio.timeout(TURNS * SECONDS_OF_A_TURN):
        story = await survive(tmp_path / "home", turns=TURNS, seed=20_260_105)
    assert story.turns >= TURNS
    assert story.kills >= TURNS // 10
    assert all(story.seen[thread] for thread in story.threads)
