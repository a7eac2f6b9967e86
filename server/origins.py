"""Which web pages may speak to the server, and under which names it is spoken to. Knows no socket and no library.

A page says where it is from by ``Origin``, which it cannot choose. A page of somebody else whose name was made to point
here (DNS rebinding) has the origin of that name, and says so in ``Host``: so only names that are ours count.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from server.errors import ConfigError

_ORIGIN = re.compile(r"(?:https?|[a-z][a-z0-9+.-]*-extension)://[^/\s?#@,*\\]+")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")

FROM_NOWHERE = "null"
"""The origin of pages that have none, such as files and sandboxed frames: anybody can make such a page."""


class Origins:
    """What the settings allow at one listen address. ``allowed``: origins; ``hosts``: names, with a port or for any."""

    def __init__(self, address: str, allowed: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._allowed = frozenset(allowed)
        self._hosts = frozenset(hosts)
        self._address = ipaddress.ip_address(address)
        self._machine = socket.gethostname().lower()

    def knows(self, host: str) -> bool:
        """Whether ``Host`` is a name of ours: the listen address, its names for loopback, or one that is allowed."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().removesuffix(".")
        if name in self._hosts or host.lower() in self._hosts:
            return True
        address = _address(name)
        if self._address.is_unspecified:
            return address is not None or name in ("localhost", self._machine)
        if self._address.is_loopback:
            return name == "localhost" or (address is not None and address.is_loopback)
        return address == self._address

    def own(self, origin: str, host: str) -> bool:
        """Whether a page of this origin is our own, reached under this ``Host``."""
        return self.knows(host) and origin.lower() == f"http://{host.lower()}"

    def admits(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may speak to the server under this ``Host``."""
        return origin in self._allowed or self.own(origin, host)


def parse_origins(text: str) -> tuple[str, ...]:
    """Origins with commas between them, as browsers write them. Raises ConfigError for what can never match."""
    return tuple(_origin(part.strip()) for part in text.split(",") if part.strip())


def parse_hosts(text: str) -> tuple[str, ...]:
    """Names, ``NAME`` or ``NAME:PORT``, with commas between them. Raises ConfigError for what is none."""
    return tuple(_named(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    if text != FROM_NOWHERE and (not _ORIGIN.fullmatch(text) or text != text.lower() or _has_default_port(text)):
        raise ConfigError(
            f"`{text}` is no origin: write it as browsers do, scheme and host in small letters, with a port only where "
            "it is not the scheme's own, and no path; for example https://board.example.com"
        )
    return text


def _has_default_port(text: str) -> bool:
    return text.endswith(":80" if text.startswith("http:") else ":443")


def _named(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ConfigError(f"`{text}` is no name of a host, as --allow-host needs it; for example board.example.com")
    return text.lower()


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
