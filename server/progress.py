"""A bar that shows how far long work has come. On a terminal only; knows no work."""

from __future__ import annotations

import time
from typing import TextIO

_WIDTH = 30
_PAUSE = 0.1
"""Seconds between two pictures."""


class Progress:
    """A line on ``stream`` that is drawn anew as bytes are done, and wiped away by :meth:`clear`."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = max(total, 1)
        self._stream = stream
        self._shown = stream.isatty()
        self._done = 0
        self._next = 0.0

    def add(self, amount: int) -> None:
        """So much more is done."""
        self._done += amount
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PAUSE
            part = min(1.0, self._done / self._total)
            bar = "#" * round(part * _WIDTH)
            self._stream.write(f"\r[{bar:.<{_WIDTH}}] {part:4.0%} of {self._total / 1e6:,.0f} MB")
            self._stream.flush()

    def clear(self) -> None:
        """Make room for other output."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
