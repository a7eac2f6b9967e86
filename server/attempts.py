"""How often somebody may be wrong: a bound on failed sign-ins from one address. Knows no credential."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 30
"""Failures that an address may have at once."""

REFILL = 1.0
"""Seconds after which it may have one more."""

MAX_ADDRESSES = 4096
"""How many addresses are remembered; those that failed longest ago are forgotten."""


class Attempts:
    """Counts failures by address; of IPv6, by the network of one customer (/64)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Failures that count, as of a time."""

    def refused(self, address: str) -> bool:
        """Whether this address has failed too often to be heard now."""
        return self._count(_network(address)) > BURST - 1

    def failed(self, address: str) -> None:
        """Count a failure."""
        network = _network(address)
        self._failed[network] = self._count(network) + 1, self._clock()
        self._failed.move_to_end(network)
        if len(self._failed) > MAX_ADDRESSES:
            self._failed.popitem(last=False)

    def _count(self, network: str) -> float:
        count, since = self._failed.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - since) / REFILL)


def _network(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4 or known.ipv4_mapped is not None:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))
