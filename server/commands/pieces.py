"""Output as the pieces of text that are told while a command runs. Knows no process and no client."""

from __future__ import annotations

import time
from codecs import IncrementalDecoder
from collections import defaultdict
from collections.abc import Callable

from server.commands.output import live_decoder

LONGEST = 8192
"""Bytes of output in one piece at most."""

MOST = 10_000
"""Pieces of one command at most; what comes after them is not told."""

AT_ONCE = 2 << 20
"""Characters that are told as fast as they come."""

A_SECOND = 1 << 18
"""Characters a second that are told beyond them: who reads slower than a command floods is not put out for that."""


class Pieces:
    """Tells output as it comes. No character is cut between two pieces of one stream.

    Of a flood a part is left out, with a note where. ``clock`` counts seconds.
    """

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._left = MOST
        self._clock = clock
        self._room, self._filled = float(AT_ONCE), clock()
        self._left_out = 0
        self._decoders = defaultdict[str, IncrementalDecoder](live_decoder)

    def add(self, more: bytes, stream: str = "stdout") -> None:
        """Tell what was said next."""
        for start in range(0, len(more), LONGEST):
            self._say(self._decoders[stream].decode(more[start : start + LONGEST]))

    def end(self) -> None:
        """Nothing comes any more: tell also what was cut off within a character."""
        for decoder in self._decoders.values():
            self._say(decoder.decode(b"", final=True))

    def _say(self, text: str) -> None:
        if not text or self._left <= 0:
            return
        now = self._clock()
        self._room, self._filled = min(AT_ONCE, self._room + (now - self._filled) * A_SECOND), now
        if len(text) > self._room:
            self._left_out += len(text)
            return
        self._room -= len(text)
        self._left -= 1
        if self._left_out:
            self._tell(f"\n[… {self._left_out} characters of the flood are not shown …]\n")
            self._left_out = 0
        self._tell(text)
