"""The versions that we speak, and which of them a client speaks. Knows no message."""

from __future__ import annotations

import re
from typing import NamedTuple

from protocol.initialize import InitializeParams


class Version(NamedTuple):
    """A release of codex; patches of one release speak alike."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


V0_125 = Version(0, 125)
V0_147 = Version(0, 147)
V0_166 = Version(0, 166)
V0_169 = Version(0, 169)

VERSIONS = (V0_125, V0_147, V0_166, V0_169)
"""Oldest first. One column of the table each: what is said to a client is what the newest of these knows that is not
newer than the client."""

NEWEST = VERSIONS[-1]

EXTENSION = "threadcast/version"
"""Member of ``capabilities.extensions``: a client that is none of codex's own names the version it was made for."""

_CODEX = re.compile(r"codex\b|codex[-_]", re.IGNORECASE)
_NUMBER = re.compile(r"(\d+)\.(\d+)\.\d+")
_FIRST_WITH_SUCH_NUMBERS = Version(0, 100)


def spoken_by(hello: InitializeParams) -> Version:
    """The column for a client: by the version it asks for, else by its own if it is one of codex's, else the newest.

    codex gives its clients its own version; what others number differently says nothing about the protocol. So do
    development builds (0.0.0).
    """
    extensions = (hello.capabilities.extensions if hello.capabilities else None) or {}
    asked = extensions.get(EXTENSION)
    if isinstance(asked, str):
        version = _parse(asked)
    elif _CODEX.match(hello.client_info.name):
        version = _parse(hello.client_info.version)
        version = version if version and version >= _FIRST_WITH_SUCH_NUMBERS else None
    else:
        version = None
    return NEWEST if version is None else column(version)


def column(version: Version) -> Version:
    """The newest version that we speak and that is not newer than this one; for those before all, the oldest."""
    return max((known for known in VERSIONS if known <= version), default=VERSIONS[0])


def _parse(text: str) -> Version | None:
    match = _NUMBER.match(text)
    return Version(int(match[1]), int(match[2])) if match else None
