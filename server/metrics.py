"""What the server counts of itself, and how that is said to a monitoring system. Knows none of those it counts.

Counting is an addition to a number; the library that knows the text format is loaded when somebody first asks.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MAX_NAMES = 200
"""How many different unknown methods are counted by name: names come from clients, and must not fill the memory."""

_NAME = re.compile(r"[\w/.$-]{1,80}", re.ASCII)


class Watched(NamedTuple):
    """A number that is read when somebody asks for it, or, with a ``label``, one for each of its values.

    ``grows``: it never becomes smaller while the server lives, and is said as a counter.
    """

    name: str
    meaning: str
    read: Callable[[], float | Mapping[str, float]]
    label: str | None
    grows: bool


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.unknown_methods: Counter[str] = Counter()
        """Requests for methods that we do not have, by name; ``other`` for what cannot be one, or too many."""
        self.blocks = 0
        """How often the event loop stood still for longer than it may."""
        self.longest_block = 0.0
        """The longest of these times, in seconds."""
        self.refused_requests = 0
        """Requests of clients that had too many open."""
        self._watched: list[Watched] = []

    def watch(
        self,
        name: str,
        meaning: str,
        read: Callable[[], float | Mapping[str, float]],
        *,
        label: str | None = None,
        grows: bool = False,
    ) -> None:
        """Say this number too; ``label`` and ``grows`` as in :class:`Watched`."""
        self._watched.append(Watched(name, meaning, read, label, grows))

    def count_unknown(self, method: str) -> None:
        """Somebody asked for a method that we do not have."""
        known = method in self.unknown_methods or len(self.unknown_methods) < MAX_NAMES
        self.unknown_methods[method if known and _NAME.fullmatch(method) else "other"] += 1

    def count_block(self, seconds: float) -> None:
        """The event loop stood still for so long."""
        self.blocks += 1
        self.longest_block = max(self.longest_block, seconds)

    async def exposition(self) -> bytes:
        """All numbers in the text format of Prometheus, those of the process among them where the system has them."""
        await asyncio.to_thread(__import__, "prometheus_client")
        return await asyncio.to_thread(_told, list(self._families()))

    def _families(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        unknown = CounterMetricFamily(
            "threadcast_unknown_methods", "Requests for methods that this server does not have.", labels=["method"]
        )
        for method, times in self.unknown_methods.items():
            unknown.add_metric([method], times)
        yield unknown
        yield CounterMetricFamily(
            "threadcast_loop_blocks", "Times the event loop stood still for longer than 50 ms.", value=self.blocks
        )
        yield GaugeMetricFamily(
            "threadcast_loop_longest_block_seconds", "The longest of these times.", value=self.longest_block
        )
        yield CounterMetricFamily(
            "threadcast_requests_refused",
            "Requests of clients that had too many open (-32001).",
            value=self.refused_requests,
        )
        for name, meaning, read, label, grows in self._watched:
            family = (CounterMetricFamily if grows else GaugeMetricFamily)(
                name, meaning, labels=[label] if label else []
            )
            found = read()
            for value, number in found.items() if isinstance(found, Mapping) else [(None, found)]:
                family.add_metric([] if value is None else [value], number)
            yield family


def _told(families: list[Metric]) -> bytes:
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(families))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """Families that were collected already, for a registry."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families
