"""Settings: which source wins, what is refused, what a session gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.config import Config, Overrides
from server.config_flags import FLAGS, variable
from server.errors import ConfigError
from server.listen import StdioAddress, TcpAddress, UnixAddress, parse_listen

KEY = {"OPENAI_API_KEY": "sk-1"}


def load(home: Path, toml: str = "", *, environ: dict[str, str] | None = None, **flags: str) -> Config:
    (home / "config.toml").write_text(toml)
    given = {"codex-home": str(home)} | {name.replace("_", "-"): value for name, value in flags.items()}
    return Config.load(given, environ or {})


def test_with_nothing_configured_there_are_defaults(tmp_path: Path) -> None:
    config = Config.load({}, {"HOME": str(tmp_path)})
    assert config.codex_home == tmp_path / ".codex"
    assert [each.url for each in config.listen] == ["ws://127.0.0.1:8390"]
    assert (config.auth.mode, config.insecure_no_auth) == ("none", False)
    assert (config.idle_unload_seconds, config.outbox_limit) == (1800.0, 4 * 1024 * 1024)
    assert (config.provider_id, config.model, config.warnings) == ("offline", "offline", [])


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    toml = 'model = "from-file"\n'
    environ = {"THREADCAST_MODEL": "from-environ", "THREADCAST_LISTEN": "ws://127.0.0.1:1"}
    assert load(tmp_path, toml).model == "from-file"
    assert load(tmp_path, toml, environ=environ).model == "from-environ"
    assert load(tmp_path, toml, environ=environ, model="from-flag").model == "from-flag"
    assert load(tmp_path, environ=environ).listen == (TcpAddress(host="127.0.0.1", port=1),)


def test_every_flag_has_a_variable() -> None:
    assert {variable(name) for name in FLAGS} >= {"THREADCAST_WS_TOKEN_FILE", "THREADCAST_INSECURE_NO_AUTH"}


def test_codex_home_keeps_its_own_variable(tmp_path: Path) -> None:
    assert Config.load({}, {"CODEX_HOME": str(tmp_path)}).codex_home == tmp_path


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("ws://127.0.0.1:0", "127.0.0.1", 0, True),
        ("ws://[::1]:8390", "::1", 8390, True),
        ("ws://0.0.0.0:65535/", "0.0.0.0", 65535, False),
    ],
)
def test_listen_takes_literal_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    (address,) = parse_listen(text, Path("/home"))
    assert isinstance(address, TcpAddress)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert address.url == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stdio:",
        "stdio://x",
        "unix:/x",
        "unix://\0",
        "ws://127.0.0.1:1,",
        "ws://localhost:1",
        "ws://127.0.0.1",
        "ws://::1:80",
        "ws://1.2.3.4:65536",
        "ws://1.2.3:1",
        "wss://1.2.3.4:1",
        "ws://1.2.3.4:1/x",
        "ws://[1:2]:1",
    ],
)
def test_listen_refuses_everything_else(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write ws://IP:PORT"):
        parse_listen(text, Path("/home"))


def test_listen_takes_several_addresses_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    text = "ws://127.0.0.1:0,unix://,unix:///run/a,b.sock,unix://~/c.sock,stdio://,ws://127.0.0.1:0"
    port, home = TcpAddress(host="127.0.0.1", port=0), Path("/home/app-server-control/app-server-control.sock")
    files = [UnixAddress(path=path) for path in (home, Path("/run/a,b.sock"), Path("/somebody/c.sock"))]
    assert parse_listen(text, Path("/home")) == (port, *files, StdioAddress(), port)


def test_an_address_that_stands_twice_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`unix:///x` is listed twice"):
        parse_listen("unix:///x,stdio://,unix:///x", Path("/home"))


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("idle-unload-seconds", "soon"),
        ("outbox-limit", "-1"),
        ("write-deadline", "nan"),
        ("ping-interval", "inf"),
        ("insecure-no-auth", "perhaps"),
        ("ws-auth", "signed"),
        ("log-format", "xml"),
        ("no-such-flag", "1"),
    ],
)
def test_flags_that_make_no_sense_stop_the_start(tmp_path: Path, flag: str, text: str) -> None:
    with pytest.raises(ConfigError, match=flag):
        Config.load({"codex-home": str(tmp_path), flag: text}, {})


def test_overrides_of_the_command_line_are_toml_or_plain_text(tmp_path: Path) -> None:
    above = ["features.unified_exec=false", "model=gpt-5.4", 'model_provider="ollama"', "model_context_window=5"]
    keys = Config.load({"codex-home": str(tmp_path)}, {}, above).keys
    assert (keys.model, keys.model_provider, keys.model_context_window) == ("gpt-5.4", "ollama", 5)
    assert keys.features == {"unified_exec": False}


@pytest.mark.parametrize("override", ["model", "=x", "a..b=1", "model_context_window=many", "profile=[1]"])
def test_overrides_that_make_no_sense_stop_the_start(tmp_path: Path, override: str) -> None:
    with pytest.raises(ConfigError):
        Config.load({"codex-home": str(tmp_path)}, {}, [override])


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("model = [", "configuration file was ignored"),
        ("model = 7", "`model` was ignored"),
        ('sandbox_mode = "open"', "`sandbox_mode` was ignored"),
        ("profiles.p.model = 7", "`profiles.p.model` was ignored"),
        ("profiles.p = 7", "`profiles.p` was ignored"),
        ('profile = "p"', "`p` does not exist"),
        ("[model_providers.x]\nname = 'x'", "model provider was ignored"),
        ("[model_providers.x]\nbase_url = 'http://x'\nwire_api = 'chat'", "model provider was ignored"),
        ("[model_providers.openai]\nbase_url = 'http://x'", "model provider was ignored"),
    ],
)
def test_a_wrong_file_warns_and_starts(tmp_path: Path, toml: str, words: str) -> None:
    config = load(tmp_path, toml)
    (warning,) = config.warnings
    assert words in warning.summary
    assert warning.path == str(config.file)
    assert config.keys.model is None
    assert config.effective if words.startswith("`p`") else config.effective()


def test_unknown_keys_are_no_reason_to_warn(tmp_path: Path) -> None:
    assert load(tmp_path, "[tui]\nnotifications = true").warnings == []


@pytest.mark.parametrize(
    ("environ", "toml", "provider_id", "model"),
    [
        ({}, "", "offline", "offline"),
        (KEY, "", "openai", "gpt-5.5"),
        ({"OPENAI_API_KEY": " "}, "", "offline", "offline"),
        (KEY, 'model_provider = "ollama"', "ollama", "gpt-oss:20b"),
        ({}, 'model = "gpt-5.4"', "offline", "gpt-5.4"),
        ({}, 'model_provider = "openai"\nmodel = "m"', "openai", "m"),
    ],
)
def test_the_provider_follows_from_what_is_configured(
    tmp_path: Path, environ: dict[str, str], toml: str, provider_id: str, model: str
) -> None:
    config = load(tmp_path, toml, environ=environ)
    settings = config.effective()
    assert (config.provider_id, config.model) == (provider_id, model)
    assert (settings.provider.id, settings.model) == (provider_id, model)


def test_openai_can_be_moved(tmp_path: Path) -> None:
    moved = KEY | {"OPENAI_BASE_URL": "http://environ/v1"}
    assert load(tmp_path, environ=KEY).effective().provider.base_url == "https://api.openai.com/v1"
    assert load(tmp_path, environ=moved).effective().provider.base_url == "http://environ/v1"
    toml = 'openai_base_url = "http://file/v1"'
    assert load(tmp_path, toml, environ=moved).effective().provider.base_url == "http://file/v1"


def test_a_provider_table_is_read_with_its_defaults_and_caps(tmp_path: Path) -> None:
    toml = "[model_providers.x]\nbase_url = 'http://x/v1'\nrequest_max_retries = 1000\n"
    provider = load(tmp_path, toml).providers["x"]
    assert (provider.name, provider.request_max_retries, provider.stream_max_retries) == ("x", 100, 5)
    assert provider.stream_idle_timeout_ms == 300_000


LAYERED = """
model = "user"
profile = "p"
[profiles.p]
model = "profile"
model_reasoning_effort = "low"
[profiles.q]
model = "other"
"""


@pytest.mark.parametrize(
    ("request_keys", "typed", "model"),
    [
        ({}, Overrides(), "profile"),
        ({"profile": "q"}, Overrides(), "other"),
        ({"model": "request"}, Overrides(), "request"),
        ({"model": "request"}, Overrides(model="typed"), "typed"),
    ],
)
def test_layers_of_a_session(tmp_path: Path, request_keys: dict[str, Any], typed: Overrides, model: str) -> None:
    assert load(tmp_path, LAYERED).effective(request_keys, typed).model == model


def test_dotted_keys_of_a_request_change_single_members(tmp_path: Path) -> None:
    toml = "[features]\na = true\n[sandbox_workspace_write]\nwritable_roots = ['/x']\n"
    dotted = {
        "features.b": False,
        "sandbox_workspace_write.network_access": True,
        "model_auto_compact_token_limit": 110,
    }
    keys = load(tmp_path, toml).effective(dotted).keys
    assert keys.features == {"a": True, "b": False}
    assert keys.sandbox_workspace_write.writable_roots == ["/x"]
    assert keys.sandbox_workspace_write.network_access
    assert keys.model_auto_compact_token_limit == 110


def test_typed_params_replace_keys_and_null_clears_the_tier(tmp_path: Path) -> None:
    config = load(tmp_path, 'service_tier = "fast"\ndeveloper_instructions = "file"')
    assert config.effective().service_tier == "fast"
    typed = Overrides(service_tier=None, approval_policy="never", sandbox_mode="danger-full-access", personality="none")
    settings = config.effective({}, typed)
    assert (settings.service_tier, settings.approval_policy, settings.sandbox_mode) == (
        None,
        "never",
        "danger-full-access",
    )
    assert (settings.developer_instructions, settings.keys.personality) == ("file", "none")


@pytest.mark.parametrize(
    ("request_keys", "text"),
    [
        ({"model_provider": "nope"}, "Model provider `nope` not found"),
        ({"model_providers.x.wire_api": "chat", "model_provider": "x"}, "only `responses` is"),
        ({"profile": "nope"}, "profile `nope` not found"),
        ({"profile": ["p"]}, "`profile`: Expected"),
        ({"model_providers": 7}, "`model_providers`: Expected"),
        ({"model": 7}, "`model`: Expected"),
        ({"": 7}, "not a configuration key"),
        ({"model_instructions_file": "/no/such/file"}, "cannot be read"),
    ],
)
def test_requests_that_cannot_be_honoured_say_why(tmp_path: Path, request_keys: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        load(tmp_path).effective(request_keys)


def test_base_instructions_come_from_the_request_or_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("\nfrom the file\n")
    config = load(tmp_path, 'model_instructions_file = "mine.md"')
    assert config.effective().base_instructions == "from the file"
    assert config.effective({}, Overrides(base_instructions="asked")).base_instructions == "asked"
    assert load(tmp_path).effective().base_instructions is None


@pytest.mark.parametrize(
    ("trust", "sandbox", "policy"),
    [
        (None, "read-only", "on-request"),
        ("trusted", "workspace-write", "on-request"),
        ("untrusted", "workspace-write", "untrusted"),
    ],
)
def test_the_defaults_of_sandbox_and_approvals_follow_trust(
    tmp_path: Path, trust: str | None, sandbox: str, policy: str
) -> None:
    (tmp_path / "work" / ".git").mkdir(parents=True)
    (tmp_path / "work" / "deep").mkdir()
    toml = f'[projects."{tmp_path}/work"]\ntrust_level = "{trust}"' if trust else ""
    settings = load(tmp_path, toml).effective(cwd=tmp_path / "work" / "deep")
    assert (settings.sandbox_mode, settings.approval_policy) == (sandbox, policy)


def test_rereading_sees_what_changed_in_the_file_only(tmp_path: Path) -> None:
    config = load(tmp_path, 'model = "old"', log_level="debug")
    config.file.write_text('model = "new"')
    assert (config.model, config.reread().model, config.reread().log_level) == ("old", "new", "debug")


def test_no_token_shows_up_when_settings_are_printed(tmp_path: Path) -> None:
    toml = "model_provider = 'x'\n[model_providers.x]\nbase_url = 'http://x'\nexperimental_bearer_token = 'sk-2'\n"
    config = load(tmp_path, toml, environ=KEY)
    assert "sk-" not in repr(config) + repr(config.effective())
