"""Which provider class serves which configuration. Must not know: who asks, threads, connections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from server.providers.installation import installation_id
from server.providers.offline import OfflineProvider
from server.providers.provider import Provider
from server.providers.responses import ResponsesProvider
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


def open_provider(config: ProviderConfig, surroundings: Surroundings) -> Provider:
    """Make the provider of a configuration; nothing is connected yet. Raises ConfigError if its address is not HTTP."""
    if config.id == OFFLINE:
        return OfflineProvider(config)
    return ResponsesProvider(
        config,
        environ=surroundings.environ,
        installation_id=installation_id(surroundings.codex_home),
        version=VERSION,
    )
