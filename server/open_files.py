"""How many files this process may have open, for each connection is one. Knows no connection."""

from __future__ import annotations

import resource

RESERVED = 200
"""Open files that are for anything but clients: rollouts, locks, the index, providers, doors, requests over HTTP."""


def room_for_connections(wanted: int) -> int:
    """How many connections there can be of those wanted (0: of any number), after asking the system for as many files.

    What the system refuses stays as it is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    needed = wanted + RESERVED if wanted else hard
    granted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if granted > soft or granted == resource.RLIM_INFINITY:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
        except (OSError, ValueError):
            granted = soft
    if granted == resource.RLIM_INFINITY:
        return wanted
    room = max(1, max(granted, soft) - RESERVED)
    return min(wanted, room) if wanted else room
