"""Where the server may be reached: the addresses of ``--listen`` and how their texts are read. Opens nothing."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TypeAlias

from protocol.wire import Record
from server.errors import ConfigError

SOCKET_IN_HOME = Path("app-server-control") / "app-server-control.sock"
"""Where ``unix://`` without a path is, below CODEX_HOME."""

_WEBSOCKET = re.compile(r"ws://(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})/?")
_NEXT = re.compile(r",(?=(?:ws|unix|stdio)://)")


class TcpAddress(Record):
    """WebSocket on a literal IP address (IPv6 without brackets) and a port; port 0 lets the system choose."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """``ws://IP:PORT``, brackets included."""
        return f"ws://[{self.host}]:{self.port}" if ":" in self.host else f"ws://{self.host}:{self.port}"


class UnixAddress(Record):
    """WebSocket on a socket in the file system."""

    path: Path

    @property
    def url(self) -> str:
        """``unix://PATH``."""
        return f"unix://{self.path}"


class StdioAddress(Record):
    """One client, on standard input and output."""

    @property
    def url(self) -> str:
        """``stdio://``."""
        return "stdio://"


ListenAddress: TypeAlias = TcpAddress | UnixAddress | StdioAddress


def parse_listen(text: str, codex_home: Path) -> tuple[ListenAddress, ...]:
    """Read addresses with commas between them. Raises ConfigError for one that cannot be, or that stands twice."""
    addresses = tuple(_parse(part, codex_home) for part in _NEXT.split(text))
    for address in addresses:
        chosen_by_system = isinstance(address, TcpAddress) and address.port == 0
        if addresses.count(address) > 1 and not chosen_by_system:
            raise ConfigError(f"`{address.url}` is listed twice")
    return addresses


def _parse(text: str, codex_home: Path) -> ListenAddress:
    if text == "stdio://":
        return StdioAddress()
    if text.startswith("unix://") and "\0" not in text:
        path = text.removeprefix("unix://")
        return UnixAddress(path=Path(path).expanduser().absolute() if path else codex_home / SOCKET_IN_HOME)
    found = _WEBSOCKET.fullmatch(text)
    host = (found["six"] or found["four"]) if found else ""
    port = int(found["port"]) if found else -1
    if not 0 <= port <= 65_535 or not _is_ip(host):
        raise ConfigError(
            f"cannot listen on `{text}`: write ws://IP:PORT with a literal address, "
            "for example ws://127.0.0.1:8390 or ws://[::1]:0, or unix://, unix://PATH or stdio://"
        )
    return TcpAddress(host=host, port=port)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
