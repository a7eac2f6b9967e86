"""Opening providers, and the id of the installation."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from server.config import Config
from server.errors import ConfigError
from server.providers import open_provider
from server.providers.installation import installation_id
from server.providers.offline import OfflineProvider
from server.providers.responses import ResponsesProvider
from server.providers.settings import OFFLINE, ProviderConfig, builtin_providers


def test_the_offline_provider_is_built_in_and_all_others_speak_http(tmp_path: Path) -> None:
    config = Config.load({"codex-home": str(tmp_path)}, {})
    for provider_id, provider_config in builtin_providers({}).items():
        opened = open_provider(provider_config, config)
        assert opened.id == provider_id
        assert isinstance(opened, OfflineProvider if provider_id == OFFLINE else ResponsesProvider)


def test_an_address_that_is_not_http_is_a_configuration_error(tmp_path: Path) -> None:
    config = Config.load({"codex-home": str(tmp_path)}, {})
    with pytest.raises(ConfigError, match="base_url"):
        open_provider(ProviderConfig(id="odd", name="Odd", base_url="localhost"), config)


def test_the_installation_keeps_its_id(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there"
    first = installation_id(home)
    assert UUID(first)
    assert installation_id(home) == first
    (home / "installation_id").write_text("nonsense")
    assert UUID(installation_id(home))


def test_an_unwritable_home_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert UUID(installation_id(tmp_path / "file"))


def test_provider_configurations_can_be_keys_and_do_not_show_tokens() -> None:
    config = ProviderConfig(
        id="a", name="A", base_url="http://a", experimental_bearer_token="sk-1", http_headers={"x": "y"}
    )
    assert {config: 1}[ProviderConfig(**{name: getattr(config, name) for name in config.__struct_fields__})] == 1
    assert "sk-1" not in repr(config)
