"""What somebody who came in may do, and until when. Knows no credential, no connection and no clock but the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from weakref import WeakSet

from protocol.scope import SCOPES, Scope

EVERYTHING: frozenset[Scope] = frozenset(SCOPES)

OnEnd = Callable[[str], None]


class Grant:
    """Scopes, valid until the credential behind them is revoked, or until ``expires`` (seconds since 1970).

    What was derived from a grant ends with it. Those who hold a grant are called with the reason when it ends; an
    expiry is looked at when somebody asks, so a holder that cares sets a timer.
    """

    __slots__ = ("__weakref__", "_derived", "_held", "ended", "expires", "scopes")

    def __init__(self, scopes: frozenset[Scope] = EVERYTHING, expires: float | None = None) -> None:
        self.scopes = scopes
        self.expires = expires
        self.ended = False
        """It was revoked."""
        self._held: set[OnEnd] = set()
        self._derived: WeakSet[Grant] | None = None

    @property
    def stands(self) -> bool:
        """Neither revoked nor expired."""
        return not self.ended and (self.expires is None or time.time() < self.expires)

    def derive(self, scopes: frozenset[Scope] | None = None, expires: float | None = None) -> Grant:
        """One with these scopes (default: the same) that ends with this one, and not after ``expires``."""
        bounds = [bound for bound in (self.expires, expires) if bound is not None]
        derived = Grant(self.scopes if scopes is None else scopes, min(bounds, default=None))
        derived.ended = self.ended
        if self._derived is None:
            self._derived = WeakSet()
        self._derived.add(derived)
        return derived

    def hold(self, on_end: OnEnd) -> None:
        """Be told of the end, until :meth:`release`."""
        self._held.add(on_end)

    def release(self, on_end: OnEnd) -> None:
        """Be told no more."""
        self._held.discard(on_end)

    def end(self, reason: str) -> None:
        """Revoke it, and all that was derived from it."""
        self.ended = True
        for derived in list(self._derived or ()):
            derived.end(reason)
        for on_end in list(self._held):
            on_end(reason)
        self._held.clear()
