"""The soak, for a few seconds: it runs, its load sees nothing wrong, and it can tell memory that grows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.stress.soak import MARGIN_MB, SHARE, Sample, growth, soak
from tests.stress.wire import size_of

SECONDS = size_of("SOAK_SECONDS", 3)


async def test_a_short_soak_sees_all_the_load_and_nothing_wrong(tmp_path: Path) -> None:
    async with asyncio.timeout(SECONDS + 60):
        samples = await soak(tmp_path, SECONDS, samples=6)
    assert len(samples) >= 5
    assert max(sample.connections for sample in samples) > 0
    assert max(sample.threads for sample in samples) > 0


def test_memory_that_grows_is_told_from_memory_that_does_not() -> None:
    def run(grown: float) -> tuple[float, float]:
        return growth([Sample(second, 60 + grown * second, 1, 1, 1, 0) for second in range(60)])

    flat, growing = run(0.0), run(2.0)
    assert flat[1] <= flat[0] * SHARE + MARGIN_MB
    assert growing[1] > growing[0] * SHARE + MARGIN_MB
