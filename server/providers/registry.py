"""Which provider class serves which configuration. Must not know: who asks, threads, connections."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

from server.providers.installation import installation_id
from server.providers.offline import OfflineProvider
from server.providers.provider import Provider
from server.providers.settings import OFFLINE, ProviderConfig
from server.version import VERSION


class Surroundings(Protocol):
    """What a provider needs of the server's configuration."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Where the variables with the keys are looked up."""
        ...

    @property
    def codex_home(self) -> Path:
        """Where the id of the installation is kept."""
        ...


def load() -> None:
    """Load what it takes to ask a model over HTTP: a tenth of a second that a server's start need not spend."""
    import_module("server.providers.responses")


def open_provider(config: ProviderConfig, surroundings: Surroundings) -> Provider:
    """Make the provider of a configuration; nothing is connected yet. Raises ConfigError if its address is not HTTP."""
    if config.id == OFFLINE:
        return OfflineProvider(config)
    from server.providers.responses import ResponsesProvider

    return ResponsesProvider(
        config,
        environ=surroundings.environ,
        installation_id=installation_id(surroundings.codex_home),
        version=VERSION,
    )
