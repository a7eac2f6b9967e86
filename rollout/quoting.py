"""A command as one line, quoted as the clients' own servers quote it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

_UNQUOTED = re.compile(r"[\w+\-./:@\]]+", re.ASCII)


def join(argv: Iterable[str]) -> str:
    """The command as a shell would take it, quoted as the clients' own servers quote it."""
    return " ".join(map(quote, argv))


def quote(word: str) -> str:
    """The word so that a shell takes it as it is."""
    if _UNQUOTED.fullmatch(word):
        return word
    if "'" not in word:
        return f"'{word}'"
    return shlex.quote(word) if "!" in word else '"' + _MEANT.sub(r"\\\g<0>", word) + '"'


_MEANT = re.compile(r'["$`\\]')
"""What means something between double quotes."""
