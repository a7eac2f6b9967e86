"""What config/read shows."""

from __future__ import annotations

from pathlib import Path

from server.config import Config

TOML = """
model = "gpt-5.4"
[sandbox_workspace_write]
network_access = true
[model_providers.x]
base_url = "http://x"
experimental_bearer_token = "sk-1"
http_headers = { "X-Key" = "sk-2" }
[mcp_servers.m]
env = { TOKEN = "sk-3" }
"""


def config(home: Path) -> Config:
    (home / "config.toml").write_text(TOML)
    return Config.load({"codex-home": str(home), "model": "gpt-5.5"}, {})


def test_all_known_keys_are_there_and_null_when_unset(tmp_path: Path) -> None:
    shown = Config.load({"codex-home": str(tmp_path)}, {}).describe()
    assert (shown.layers, shown.origins) == (None, {})
    assert shown.config["profiles"] == {}
    assert {"model", "review_model", "sandbox_mode", "apps", "web_search"} <= set(shown.config)
    assert {value for key, value in shown.config.items() if key != "profiles"} == {None}


def test_the_value_in_force_names_its_origin(tmp_path: Path) -> None:
    shown = config(tmp_path).describe(layers=True)
    assert shown.config["model"] == "gpt-5.5"
    assert shown.origins["model"]["name"] == {"type": "sessionFlags"}
    origin = shown.origins["sandbox_workspace_write.network_access"]
    assert origin["name"] == {"type": "user", "file": str(tmp_path / "config.toml")}
    assert origin["version"].startswith("sha256:")
    assert shown.layers is not None
    assert [layer["name"]["type"] for layer in shown.layers] == ["sessionFlags", "user"]
    assert shown.layers[1]["config"]["model"] == "gpt-5.4"


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    shown = config(tmp_path).describe(layers=True)
    assert "sk-" not in repr(shown)
    assert shown.config["mcp_servers"]["m"]["env"] == {"TOKEN": "(hidden)"}
