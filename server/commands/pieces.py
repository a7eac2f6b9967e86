"""Output as the pieces of text that are told while a command runs. Knows no process and no client."""

from __future__ import annotations

from codecs import IncrementalDecoder
from collections import defaultdict
from collections.abc import Callable

from server.commands.output import live_decoder

LONGEST = 8192
"""Bytes of output in one piece at most."""

MOST = 10_000
"""Pieces of one command at most; what comes after them is not told."""


class Pieces:
    """Tells output as it comes. No character is cut between two pieces of one stream."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._left = MOST
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
        if text and self._left > 0:
            self._left -= 1
            self._tell(text)
