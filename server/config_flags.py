"""The settings that only flags and the environment can give: their names, and how a text becomes a value.

Owns: FLAGS, FlagReader. Must not know: config.toml, what a setting is for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from server.errors import ConfigError

FLAGS = (
    "codex-home",
    "listen",
    "ws-auth",
    "ws-token-file",
    "ws-token-sha256",
    "ws-shared-secret-file",
    "ws-issuer",
    "ws-audience",
    "ws-max-clock-skew-seconds",
    "insecure-no-auth",
    "allow-origin",
    "allow-host",
    "idle-unload-seconds",
    "outbox-limit",
    "recent-limit",
    "max-connections",
    "max-subscriptions",
    "max-requests",
    "max-request-size",
    "write-deadline",
    "ping-interval",
    "drain-seconds",
    "fsync",
    "log-format",
    "log-level",
    "model",
    "model-provider",
    "profile",
)
"""Every flag that has a value, and ``insecure-no-auth``, which is a switch. ``-c`` is not among them."""

KEY_FLAGS = ("model", "model-provider", "profile")
"""Flags that stand for the Codex key of the same name."""

T = TypeVar("T")

_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class FlagReader:
    """Looks a flag up, first among the flags, then in the environment; raises ConfigError on a bad text."""

    def __init__(self, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> None:
        unknown = sorted(set(flags) - set(FLAGS))
        if unknown:
            raise ConfigError(f"there is no flag --{unknown[0]}")
        self._flags = flags
        self._environ = environ

    def get(self, name: str) -> str | None:
        """The text of a flag; an empty variable counts as unset."""
        given = self._flags.get(name)
        return given if given is not None else self._environ.get(variable(name)) or None

    def path(self, name: str) -> Path | None:
        """A file name, ``~`` expanded."""
        text = self.get(name)
        return Path(text).expanduser() if text else None

    def switch(self, name: str) -> bool:
        """On or off; off when not given."""
        text = self.get(name) or "false"
        if text.lower() not in _SWITCH:
            raise ConfigError(f"`{text}` is neither true nor false, as --{name} needs it")
        return _SWITCH[text.lower()]

    def number(self, name: str, default: float) -> float:
        """A finite number from 0 on."""
        text = self.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ConfigError(f"`{text}` is not a number from 0 on, as --{name} needs it")
        return value

    def choice(self, name: str, allowed: Any, default: T) -> T:
        """One of the values of a Literal type."""
        text = self.get(name)
        if text is None:
            return default
        try:
            value: T = msgspec.convert(text, allowed)
        except msgspec.ValidationError as error:
            names = ", ".join(get_args(allowed))
            raise ConfigError(f"`{text}` is not a choice for --{name}; choose from {names}") from error
        return value


def variable(name: str) -> str:
    """The environment variable of a flag."""
    return "THREADCAST_" + name.upper().replace("-", "_")
