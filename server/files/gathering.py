"""The paths below some folders, as far as no ignore file hides them. Blocking; for a thread. Knows no query."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import rignore

from protocol.wire import Record

MOST_PATHS = 500_000
"""How many paths one search looks at."""

_STEP = 0.1


class Place(Record):
    """A path below a root, the root as it was named. Not a tuple: the garbage collector would look at all of them."""

    path: str
    root: str


class Gathering:
    """Collects paths step by step. Rules of .gitignore count inside a repository, those of .ignore everywhere.

    Links are followed, hidden files are there, what cannot be read or has a name that is no UTF-8 is passed over.
    """

    def __init__(self, roots: list[str]) -> None:
        self.places: list[Place] = []
        self.done = False
        self.stop = Event()
        """Set from outside: gather no more."""
        self._paths = _below(roots)

    def step(self) -> None:
        """Gather for a tenth of a second."""
        end = time.monotonic() + _STEP
        self.done = self.stop.is_set()
        if self.done:
            return
        for count, place in enumerate(self._paths):
            self.places.append(place)
            if count % 100 == 0 and time.monotonic() > end:
                break
            if self.stop.is_set() or len(self.places) >= MOST_PATHS:
                self.done = True
                break
        else:
            self.done = True

    def all(self) -> list[Place]:
        """Gather all, or what there is when it is stopped."""
        while not self.done:
            self.step()
        return self.places


def _below(roots: list[str]) -> Iterator[Place]:
    for root in roots:
        top = os.path.abspath(root)
        skip = len(top.rstrip("/")) + 1
        for path in _walk(top):
            if path[skip:]:
                yield Place(path=path[skip:], root=root)


def _walk(top: str) -> Iterator[str]:
    try:
        walker = rignore.walk(Path(top), ignore_hidden=False, follow_links=True, require_git=True)
    except (OSError, ValueError):  # no path at all
        return
    while True:
        try:
            path = next(walker)
        except StopIteration:
            return
        except (OSError, ValueError):
            continue
        yield str(path)
