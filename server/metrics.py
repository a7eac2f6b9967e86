"""What the server counts of itself, and how that is said to a monitoring system. Knows none of those it counts.

Counting is an addition to a number; the library that knows the text format is loaded when somebody first asks.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MAX_NAMES = 200
"""How many different unknown methods are counted by name: names come from clients, and must not fill the memory."""

_NAME = re.compile(r"[\w/.$-]{1,80}", re.ASCII)


class Gauge(NamedTuple):
    """A number that is read when somebody asks for it."""

    name: str
    meaning: str
    read: Callable[[], float]


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.unknown_methods: Counter[str] = Counter()
        """Requests for methods that we do not have, by name; ``other`` for what cannot be one, or too many."""
        self.blocks = 0
        """How often the event loop stood still for longer than it may."""
        self.longest_block = 0.0
        """The longest of these times, in seconds."""
        self._gauges: list[Gauge] = []

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Say this number too."""
        self._gauges.append(Gauge(name, meaning, read))

    def count_unknown(self, method: str) -> None:
        """Somebody asked for a method that we do not have."""
        known = method in self.unknown_methods or len(self.unknown_methods) < MAX_NAMES
        self.unknown_methods[method if known and _NAME.fullmatch(method) else "other"] += 1

    def count_block(self, seconds: float) -> None:
        """The event loop stood still for so long."""
        self.blocks += 1
        self.longest_block = max(self.longest_block, seconds)

    async def exposition(self) -> bytes:
        """All numbers in the text format of Prometheus."""
        client = await asyncio.to_thread(__import__, "prometheus_client")
        registry = client.CollectorRegistry()
        registry.register(_Collector(list(self._families())))
        text: bytes = client.generate_latest(registry)
        return text

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
        for gauge in self._gauges:
            yield GaugeMetricFamily(gauge.name, gauge.meaning, value=gauge.read())


class _Collector:
    """Families that were collected already, for a registry."""

    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families
