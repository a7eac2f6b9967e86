"""How much of everything a run does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """``bursts`` and ``streams``: subscribers -> repeats, so that few subscribers are measured as exactly as many."""

    starts: int
    stored_turns: int
    stored_calls: int
    attaches: int
    turns: int
    tool_calls: int
    tool_turns: int
    deltas: int
    bursts: dict[int, int]
    paced_deltas: int
    streams: dict[int, int]
    listed: int
    bigs: dict[str, tuple[int, int, int]]
    """Title -> turns, calls in each, characters of each output."""
    delayed_subscribers: tuple[int, ...]
    stamps: int
    joiners: int
    joined_thread: tuple[int, int]
    """Turns, and calls in each."""
    idle: int
    crowd: int
    announcements: int
    stalled_mb: int
    stalled_mb_of_rivals: int
    stalled_repeats: int
    streaming_threads: int
    deltas_of_each: int
    profiled: tuple[int, ...]
    """Subscribers."""
    profiled_chunks: int
    busy_subscribers: int
    busy_stamps: int
    busy_files: int
    busy_thread: tuple[int, int]
    """Turns, and calls in each."""
    busy_threads: int
    busy_listed: int


FULL = Sizes(
    starts=5,
    stored_turns=100,
    stored_calls=10,
    attaches=40,
    turns=200,
    tool_calls=50,
    tool_turns=10,
    deltas=2_000,
    bursts={1: 10, 10: 4, 100: 1, 1_000: 1},
    paced_deltas=200,
    streams={1: 2, 10: 2, 100: 1},
    listed=5_000,
    bigs={"9 MB": (100, 20, 2_250), "421 MB": (2_000, 40, 3_050)},
    delayed_subscribers=(1, 100),
    stamps=1_000,
    joiners=1_000,
    joined_thread=(20, 5),
    idle=1_000,
    crowd=10_000,
    announcements=20,
    stalled_mb=400,
    stalled_mb_of_rivals=80,
    stalled_repeats=3,
    streaming_threads=200,
    deltas_of_each=1_000,
    profiled=(1, 100),
    profiled_chunks=300,
    busy_subscribers=100,
    busy_stamps=300,
    busy_files=51_000,
    busy_thread=(400, 40),
    busy_threads=10,
    busy_listed=2_000,
)
SHORT = Sizes(
    starts=1,
    stored_turns=10,
    stored_calls=2,
    attaches=3,
    turns=5,
    tool_calls=5,
    tool_turns=1,
    deltas=100,
    bursts={1: 1, 10: 1},
    paced_deltas=20,
    streams={10: 1},
    listed=60,
    bigs={"0.1 MB": (5, 5, 2_250), "1 MB": (20, 10, 3_050)},
    delayed_subscribers=(10,),
    stamps=20,
    joiners=30,
    joined_thread=(3, 2),
    idle=50,
    crowd=300,
    announcements=5,
    stalled_mb=20,
    stalled_mb_of_rivals=20,
    stalled_repeats=1,
    streaming_threads=20,
    deltas_of_each=100,
    profiled=(2,),
    profiled_chunks=10,
    busy_subscribers=5,
    busy_stamps=25,
    busy_files=500,
    busy_thread=(10, 10),
    busy_threads=2,
    busy_listed=50,
)
