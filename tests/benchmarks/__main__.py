"""``python -m tests.benchmarks [--short] [NAME…]``: our server beside the released ones, as tables.

``--short`` runs everything small and without the released servers, to show that it runs; ``--alone`` leaves these out
at full size. The exit status is 1 if something did not arrive at a client of ours.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
from collections.abc import AsyncIterator, Sequence

import uvloop

from tests.benchmarks import benches, big, busy, crowd, delays, fanout, lists, profile, stalled, threads, tools
from tests.benchmarks.contest import Contestant, DeliveryError, Values, contestants, model
from tests.benchmarks.load import LoadError
from tests.benchmarks.sizes import FULL, SHORT, Sizes

BENCHES: dict[str, tuple[str, benches.Bench]] = {
    "start": ("Start", benches.start),
    "attach": ("Attach to {stored_turns} stored turns of {stored_calls} calls, {attaches} times", benches.attach),
    "turns": ("{turns} turns with a short reply", benches.turns),
    "tools": ("Turns of {tool_calls} calls of no duration", tools.tools),
    "lists": ("A home with {listed} threads", lists.lists),
    "big": ("Rollouts of many turns", big.big),
    "burst": ("A burst of {deltas} deltas to subscribers", fanout.burst),
    "stream": ("{paced_deltas} deltas to subscribers, one every 10 ms", fanout.stream),
    "delays": ("From the model's chunk to its last reader, {stamps} chunks, 50 a second", delays.delays),
    "busy": ("The same with {busy_subscribers} readers, beside other work", busy.busy),
    "attaches": ("{joiners} attaches to one thread of {joined_thread[0]} turns at once", crowd.attaches),
    "idle": ("{idle} idle connections", crowd.idle),
    "announce": ("{announcements} announcements to {crowd} idle connections", crowd.announce),
    "stalled": ("One reader of six stops reading", stalled.stalled),
    "threads": (
        "{streaming_threads} threads that stream {deltas_of_each} deltas at once to 5 clients",
        threads.threads,
    ),
    "profile": ("Where the time of a delivery goes, {profiled_chunks} chunks, 50 a second", profile.profile),
}

AMONG_THE_NEWEST = {"tools", "burst", "delays", "busy", "attaches", "idle", "announce", "stalled", "threads"}
"""What the reference version is not measured with: it takes too long for it."""

ALONE = {"profile"}
"""What looks into our own parts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="tiny sizes, only our server")
    parser.add_argument("--alone", action="store_true", help="only our server, in full size")
    parser.add_argument("name", nargs="*", help=f"which: {', '.join(BENCHES)} (default: all)")
    options = parser.parse_args(arguments)
    if unknown := set(options.name) - BENCHES.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    gc.disable()  # pauses of the client would count as the server's
    try:
        return uvloop.run(
            _run(options.name or list(BENCHES), SHORT if options.short else FULL, alone=options.short or options.alone)
        )
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2


async def _run(names: list[str], sizes: Sizes, *, alone: bool) -> int:
    field = contestants(alone=alone)
    missing = []
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load before: {load}")
    async with model() as model_url:
        for name in names:
            title, bench = BENCHES[name]
            columns: dict[str, Values] = {}
            async for contestant, values in _measure(bench, _entered(field, name), model_url, sizes):
                if isinstance(values, DeliveryError):
                    missing.append(f"{name}: {values}")
                else:
                    columns[contestant.name] = values
            print(f"\n{title.format(**vars(sizes))}\n\n{table(columns) or 'failed'}", flush=True)
    for line in missing:
        print(f"MISSING {line}", file=sys.stderr)
    return 1 if missing else 0


def _entered(field: list[Contestant], name: str) -> list[Contestant]:
    if name in ALONE:
        return [contestant for contestant in field if contestant.judged]
    return [contestant for contestant in field if contestant.newest or name not in AMONG_THE_NEWEST]


async def _measure(
    bench: benches.Bench, field: list[Contestant], model_url: str, sizes: Sizes
) -> AsyncIterator[tuple[Contestant, Values | DeliveryError]]:
    for contestant in field:
        try:
            yield contestant, await bench(contestant, model_url, sizes)
        except DeliveryError as error:
            yield contestant, error
        except LoadError as error:
            if contestant.judged:
                raise
            print(f"{contestant.name}: {error}", file=sys.stderr)


def table(columns: dict[str, Values]) -> str:
    """A Markdown table: one row per number, one column per server; the others with their ratio to the first."""
    if not columns:
        return ""
    first = next(iter(columns.values()))
    labels = dict.fromkeys(label for values in columns.values() for label in values)
    rows = [["", *columns]]
    rows += [[label, *(_cell(values, first, label) for values in columns.values())] for label in labels]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: list[str], widths: list[int]) -> str:
    aligned = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(aligned)} |"


def _cell(values: Values, first: Values, label: str) -> str:
    if label not in values:
        return ""
    number = _short(values[label])
    if values is first or not first.get(label) or values[label] == first[label]:
        return number
    return f"{number} ({values[label] / first[label]:.1f}x)"


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


if __name__ == "__main__":
    sys.exit(main())
