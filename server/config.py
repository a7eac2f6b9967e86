"""Every setting of the server, read once: flags, then environment, then Codex' ``config.toml``, then defaults.

Owns: Config, and the settings of one session derived from it. Must not know: connections, handlers, threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from protocol.config import ConfigReadResponse
from protocol.permissions import ApprovalPolicy, ApprovalsReviewer, SandboxMode
from protocol.turn import Personality, ServiceTier
from protocol.wire import UNSET, Record, UnsetType
from rollout.recorder import Fsync
from server.auth import AuthMode, AuthSettings
from server.config_flags import KEY_FLAGS, FlagReader
from server.config_keys import (
    CodexKeys,
    ConfigWarning,
    check_tables,
    keep_valid,
    overlay,
    parse_override,
    read_keys,
    read_provider,
    read_toml,
    undot,
)
from server.config_project import ProjectLayer, project_layers, trust_level
from server.config_view import Layer, describe
from server.errors import ConfigError, UnknownProvider
from server.listen import ListenAddress, parse_listen
from server.models import default_slug
from server.origins import parse_hosts, parse_origins
from server.providers.settings import OFFLINE, OPENAI, ProviderConfig, builtin_providers

DEFAULT_LISTEN = "ws://127.0.0.1:8390"

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Overrides(Record):
    """What the typed params of thread/start, resume and fork change; null means: as configured. ``service_tier`` alone
    tells null (none at all) from absent."""

    model: str | None = None
    model_provider: str | None = None
    service_tier: ServiceTier | UnsetType | None = UNSET
    approval_policy: ApprovalPolicy | None = None
    approvals_reviewer: ApprovalsReviewer | None = None
    sandbox_mode: SandboxMode | None = None
    base_instructions: str | None = None
    developer_instructions: str | None = None
    personality: Personality | None = None


class SessionSettings(Record):
    """What a thread starts with.

    ``keys`` holds every Codex key after all layers; the other members are the decided values of those whose default
    depends on something. ``base_instructions`` null: the model's own.
    """

    model: str
    provider: ProviderConfig
    approval_policy: ApprovalPolicy
    approvals_reviewer: ApprovalsReviewer
    sandbox_mode: SandboxMode
    base_instructions: str | None
    developer_instructions: str | None
    service_tier: ServiceTier | None
    keys: CodexKeys

    def __repr__(self) -> str:
        # Short, so that no key or token gets into a log by accident.
        return f"SessionSettings(model={self.model!r}, provider={self.provider!r})"


class _Layers(Record):
    """What comes from ``config.toml`` and the flags that stand above it."""

    user_table: dict[str, Any]
    flag_table: dict[str, Any]
    keys: CodexKeys
    providers: dict[str, ProviderConfig]
    warnings: list[ConfigWarning]


class Config(Record):
    """All settings.

    Times in seconds; ``outbox_limit``, ``recent_limit`` and ``max_request_size`` in bytes; 0 connections or
    subscriptions are any number. ``user_table`` is what ``config.toml`` says (wrong types left out), ``flag_table``
    what the command line and the environment put above it; both nested, with Codex names.
    """

    codex_home: Path
    listen: tuple[ListenAddress, ...]
    auth: AuthSettings
    insecure_no_auth: bool
    allow_origin: tuple[str, ...]
    allow_host: tuple[str, ...]
    idle_unload_seconds: float
    outbox_limit: int
    recent_limit: int
    max_connections: int
    max_subscriptions: int
    max_requests: int
    max_request_size: int
    write_deadline: float
    ping_interval: float
    drain_seconds: float
    fsync: Fsync
    log_format: LogFormat
    log_level: LogLevel
    environ: dict[str, str]
    user_table: dict[str, Any]
    flag_table: dict[str, Any]
    keys: CodexKeys
    providers: dict[str, ProviderConfig]
    warnings: list[ConfigWarning]

    def __repr__(self) -> str:
        # Short, so that no key or token gets into a log by accident.
        return f"Config(codex_home={str(self.codex_home)!r}, listen={[each.url for each in self.listen]!r})"

    @classmethod
    def load(cls, flags: Mapping[str, str | None], environ: Mapping[str, str], overrides: Sequence[str] = ()) -> Config:
        """Read all settings.

        ``flags``: name without dashes (see ``config_flags.FLAGS``) to its text; null or absent means not given, a
        switch is given as ``"true"``. Every flag can also stand in the environment, as ``THREADCAST_`` and its name
        in capitals; ``CODEX_HOME`` keeps its own name. ``overrides``: ``key=value`` of ``-c``, above the file. Raises
        ConfigError for a flag or variable that cannot be understood; ``config.toml`` never prevents start-up.
        """
        reader = FlagReader(flags, environ)
        codex_home = (reader.path("codex-home") or default_home(environ)).absolute()
        layers = _read_layers(codex_home / "config.toml", _flag_table(reader, overrides), environ)
        return cls(
            codex_home=codex_home,
            listen=parse_listen(reader.get("listen") or DEFAULT_LISTEN, codex_home),
            auth=_auth(reader),
            insecure_no_auth=reader.switch("insecure-no-auth"),
            allow_origin=parse_origins(reader.get("allow-origin") or ""),
            allow_host=parse_hosts(reader.get("allow-host") or ""),
            idle_unload_seconds=reader.number("idle-unload-seconds", 1800.0),
            outbox_limit=int(reader.number("outbox-limit", 4 * 1024 * 1024)),
            recent_limit=int(reader.number("recent-limit", 1024 * 1024)),
            max_connections=int(reader.number("max-connections", 16_384)),
            max_subscriptions=int(reader.number("max-subscriptions", 1000)),
            max_requests=int(reader.number("max-requests", 256)),
            max_request_size=int(reader.number("max-request-size", 128 * 1024 * 1024)),
            write_deadline=reader.number("write-deadline", 30.0),
            ping_interval=reader.number("ping-interval", 20.0),
            drain_seconds=reader.number("drain-seconds", 20.0),
            fsync=reader.choice("fsync", Fsync, "turn"),
            log_format=reader.choice("log-format", LogFormat, "text"),
            log_level=reader.choice("log-level", LogLevel, "info"),
            environ=dict(environ),
            **msgspec.structs.asdict(layers),
        )

    def reread(self) -> Config:
        """The same settings with ``config.toml`` read again; running threads keep the object they have."""
        return msgspec.structs.replace(
            self, **msgspec.structs.asdict(_read_layers(self.file, self.flag_table, self.environ))
        )

    def with_file(self, table: dict[str, Any]) -> Config:
        """The same settings as they would be if this were what ``config.toml`` says."""
        layers = _layers(table, self.file, self.flag_table, self.environ)
        return msgspec.structs.replace(self, **msgspec.structs.asdict(layers))

    @property
    def file(self) -> Path:
        """Where ``config.toml`` is, or would be."""
        return self.codex_home / "config.toml"

    @property
    def provider_id(self) -> str:
        """The provider of a thread that names none; it need not exist."""
        return _provider_id(self.keys, self.environ)

    @property
    def model(self) -> str:
        """The model of a thread that names none."""
        return self.keys.model or default_slug(self.provider_id)

    def table(self) -> dict[str, Any]:
        """All layers merged, the profile included, as one table of Codex keys."""
        return _merge(self.user_table, self.flag_table, {}, strict=False)

    def project(self, cwd: Path | None) -> list[ProjectLayer]:
        """What the project around an absolute folder says, the lowest layer first, also where it does not count."""
        return [] if cwd is None else project_layers(cwd, self.keys.projects, self.codex_home)

    def _with_project(self, layers: Sequence[ProjectLayer]) -> dict[str, Any]:
        """``config.toml`` with what counts of these above it."""
        table = self.user_table
        for layer in layers:
            table = table if layer.disabled else overlay(table, layer.table)
        return table

    def describe(self, cwd: Path | None = None, *, layers: bool = False) -> ConfigReadResponse:
        """The answer to ``config/read``, secrets masked; ``layers``: with what each file and the flags say.

        ``cwd``: an absolute folder, whose project's files are layers too.
        """
        project = self.project(cwd)
        told = [
            Layer({"type": "user", "file": str(self.file)}, self.user_table),
            *(Layer({"type": "project", "dotCodexFolder": str(a.folder)}, a.table, a.disabled) for a in project),
            Layer({"type": "sessionFlags"}, self.flag_table),
        ]
        table = _merge(self._with_project(project), self.flag_table, {}, strict=False)
        return describe(table, told, with_layers=layers)

    def effective(
        self,
        config: Mapping[str, Any] | None = None,
        overrides: Overrides | None = None,
        cwd: Path | None = None,
    ) -> SessionSettings:
        """Decide what a thread starts with.

        ``config``: the request's own keys (dotted names allowed), above the file; ``overrides``: its typed params,
        above all. ``cwd`` finds the project, and the trust level that the defaults of sandbox and approvals depend on
        (spec, turns 4.2). Raises ConfigError, whose text suits ``failed to load configuration: <text>``.
        """
        typed = overrides or Overrides()
        table = _merge(self._with_project(self.project(cwd)), self.flag_table, undot(config or {}), strict=True)
        keys = _apply(read_keys(table), typed)
        provider = find_provider(_provider_id(keys, self.environ), table, self.environ)
        trust = trust_level(keys.projects, cwd) if cwd and keys.projects else None
        return SessionSettings(
            model=keys.model or default_slug(provider.id),
            provider=provider,
            approval_policy=keys.approval_policy or ("untrusted" if trust == "untrusted" else "on-request"),
            approvals_reviewer=keys.approvals_reviewer or "user",
            sandbox_mode=keys.sandbox_mode or ("workspace-write" if trust else "read-only"),
            base_instructions=typed.base_instructions or _instructions(keys, self.codex_home),
            developer_instructions=keys.developer_instructions,
            service_tier=keys.service_tier,
            keys=keys,
        )


def find_provider(provider_id: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> ProviderConfig:
    """The built-in or configured provider of this id. Raises ConfigError when there is none, or it is unusable."""
    builtin = builtin_providers(environ, table.get("openai_base_url"))
    if provider_id in builtin:
        return builtin[provider_id]
    row = table.get("model_providers", {}).get(provider_id)
    if row is None:
        raise UnknownProvider(provider_id)
    return read_provider(provider_id, row)


def default_home(environ: Mapping[str, str]) -> Path:
    """The CODEX_HOME that no flag names."""
    configured = environ.get("CODEX_HOME")
    return Path(configured).expanduser() if configured else Path(environ.get("HOME") or Path.home()) / ".codex"


def _auth(reader: FlagReader) -> AuthSettings:
    return AuthSettings(
        mode=reader.choice("ws-auth", AuthMode, "none"),
        token_file=reader.path("ws-token-file"),
        token_sha256=reader.get("ws-token-sha256"),
        shared_secret_file=reader.path("ws-shared-secret-file"),
        issuer=reader.get("ws-issuer"),
        audience=reader.get("ws-audience"),
        max_clock_skew=reader.number("ws-max-clock-skew-seconds", 30.0),
    )


def _flag_table(reader: FlagReader, overrides: Sequence[str]) -> dict[str, Any]:
    table = undot(dict(parse_override(item) for item in overrides))
    for name in KEY_FLAGS:
        if (value := reader.get(name)) is not None:
            table[name.replace("-", "_")] = value
    read_keys(table)
    return table


def _read_layers(path: Path, flag_table: dict[str, Any], environ: Mapping[str, str]) -> _Layers:
    raw, warnings = read_toml(path)
    layers = _layers(raw, path, flag_table, environ)
    return msgspec.structs.replace(layers, warnings=[*warnings, *layers.warnings])


def _layers(raw: dict[str, Any], path: Path, flag_table: dict[str, Any], environ: Mapping[str, str]) -> _Layers:
    user_table, ignored = keep_valid(raw, path)
    merged = _merge(user_table, flag_table, {}, strict=False)
    providers, unusable = _read_providers(merged, environ, path)
    return _Layers(
        user_table=user_table,
        flag_table=flag_table,
        keys=read_keys(merged),
        providers=providers,
        warnings=[*ignored, *unusable, *_missing_profile(user_table, flag_table, path)],
    )


def _read_providers(
    table: Mapping[str, Any], environ: Mapping[str, str], path: Path
) -> tuple[dict[str, ProviderConfig], list[ConfigWarning]]:
    providers = builtin_providers(environ, table.get("openai_base_url"))
    reserved = set(providers)
    warnings: list[ConfigWarning] = []
    for provider_id, row in table.get("model_providers", {}).items():
        try:
            if provider_id in reserved:
                raise ConfigError(f"model provider `{provider_id}` is built in and cannot be redefined")
            providers[provider_id] = read_provider(provider_id, row)
        except ConfigError as error:
            warnings.append(ConfigWarning(summary="A model provider was ignored.", details=str(error), path=str(path)))
    return providers, warnings


def _merge(
    user: Mapping[str, Any], flags: Mapping[str, Any], request: Mapping[str, Any], *, strict: bool
) -> dict[str, Any]:
    above = overlay(flags, request)
    check_tables(above)
    name = above.get("profile", user.get("profile"))
    profile = user.get("profiles", {}).get(name)
    if strict and name is not None and profile is None:
        raise ConfigError(f"configuration profile `{name}` not found")
    return overlay(overlay(user, profile or {}), above)


def _missing_profile(user: Mapping[str, Any], flags: Mapping[str, Any], path: Path) -> list[ConfigWarning]:
    name = flags.get("profile", user.get("profile"))
    if name is None or name in user.get("profiles", {}):
        return []
    return [ConfigWarning(summary=f"The configuration profile `{name}` does not exist.", path=str(path))]


def _provider_id(keys: CodexKeys, environ: Mapping[str, str]) -> str:
    if keys.model_provider is not None:
        return keys.model_provider
    return OPENAI if environ.get("OPENAI_API_KEY", "").strip() else OFFLINE


def _apply(keys: CodexKeys, typed: Overrides) -> CodexKeys:
    given = msgspec.structs.asdict(typed)
    del given["base_instructions"]
    tier = given.pop("service_tier")
    changes = {key: value for key, value in given.items() if value is not None}
    if tier is not UNSET:
        changes["service_tier"] = tier
    return msgspec.structs.replace(keys, **changes)


def _instructions(keys: CodexKeys, codex_home: Path) -> str | None:
    if not keys.model_instructions_file:
        return None
    path = codex_home / Path(keys.model_instructions_file).expanduser()
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the model instructions file {path} cannot be read: {error}") from error
