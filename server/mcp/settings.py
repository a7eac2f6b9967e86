"""What the configuration says of one MCP server. Pure; knows no process and no connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from protocol.wire import Record
from server.errors import ConfigError

ApprovalMode = Literal["auto", "prompt", "approve"]

INHERITED = frozenset({"HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"})
CERTIFICATES = frozenset(
    {"CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
)
"""Variables of ours that a server sees without being named: none of them is a secret."""

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_STDIO = ("command", "args", "env", "env_vars", "cwd")
_HTTP = ("url", "bearer_token_env_var", "http_headers", "env_http_headers")


class Variable(Record):
    """A variable of ours that a server may see."""

    name: str


class ToolSettings(Record):
    """What is said of one tool."""

    approval_mode: ApprovalMode | None = None


class ServerSettings(Record):
    """One MCP server: a ``command`` that speaks on its standard input and output, or a ``url`` of streamable HTTP.

    Times in seconds. ``enabled_tools`` null is all. Relative ``cwd`` is meant from the thread's.
    """

    name: str
    command: str | None = None
    args: list[str] = []
    env: dict[str, str] = {}
    env_vars: list[str | Variable] = []
    cwd: str | None = None
    url: str | None = None
    bearer_token_env_var: str | None = None
    http_headers: dict[str, str] = {}
    env_http_headers: dict[str, str] = {}
    enabled: bool = True
    required: bool = False
    startup_timeout_sec: float = 30.0
    tool_timeout_sec: float = 120.0
    enabled_tools: list[str] | None = None
    disabled_tools: list[str] = []
    supports_parallel_tool_calls: bool = False
    default_tools_approval_mode: ApprovalMode = "auto"
    tools: dict[str, ToolSettings] = {}

    def __repr__(self) -> str:
        # Short, so that no key or token gets into a log by accident.
        return f"ServerSettings(name={self.name!r})"

    def offers(self, tool: str) -> bool:
        """Whether models and clients may use this tool."""
        return tool not in self.disabled_tools and (self.enabled_tools is None or tool in self.enabled_tools)

    def approval_mode(self, tool: str) -> ApprovalMode:
        """How calls of this tool are approved."""
        said = self.tools.get(tool)
        return (said and said.approval_mode) or self.default_tools_approval_mode

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the address; null for a command."""
        if self.url is None:
            return None
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The variables that a command sees, of those that we see."""
        named = {each if isinstance(each, str) else each.name for each in self.env_vars}
        seen = INHERITED | CERTIFICATES | named
        return {name: value for name, value in inherited.items() if name in seen} | self.env

    def headers(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The headers of each request. Raises :class:`~server.errors.ConfigError` if the token is not there."""
        from_environment = {
            header: inherited[name] for header, name in self.env_http_headers.items() if inherited.get(name)
        }
        headers = self.http_headers | from_environment
        if self.bearer_token_env_var is not None:
            token = inherited.get(self.bearer_token_env_var)
            if not token:
                raise ConfigError(f"the environment variable `{self.bearer_token_env_var}` holds no bearer token")
            headers["Authorization"] = f"Bearer {token}"
        return headers


Configured = dict[str, ServerSettings | ConfigError]
"""MCP servers by name, in the order of their names; an error in place of one that cannot be run."""


def read_servers(table: Mapping[str, Mapping[str, Any]]) -> Configured:
    """What ``mcp_servers`` says, each server for itself: a mistake in one costs only that one."""
    return {name: _tried(name, table[name]) for name in sorted(table)}


def _tried(name: str, row: Mapping[str, Any]) -> ServerSettings | ConfigError:
    try:
        return read_server(name, row)
    except ConfigError as error:
        return error


def read_server(name: str, row: Mapping[str, Any]) -> ServerSettings:
    """One entry of ``mcp_servers``. Raises :class:`~server.errors.ConfigError` that says what is wrong with it."""
    key = f"mcp_servers.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"`{key}`: a name of a server consists of letters, digits, `_` and `-`")
    if "startup_timeout_ms" in row and "startup_timeout_sec" not in row:
        row = {**row, "startup_timeout_sec": _seconds(key, row["startup_timeout_ms"])}
    try:
        parsed = msgspec.convert({**row, "name": name}, ServerSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"`{key}`: {error}") from error
    _check(key, parsed, row)
    return parsed


def _seconds(key: str, milliseconds: object) -> float:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        raise ConfigError(f"`{key}.startup_timeout_ms`: Expected a number")
    return milliseconds / 1000


def _check(key: str, parsed: ServerSettings, row: Mapping[str, Any]) -> None:
    if (parsed.command is None) == (parsed.url is None):
        raise ConfigError(f"`{key}` needs either a `command` or a `url`")
    strange = [member for member in (_HTTP if parsed.command is not None else _STDIO) if member in row]
    if strange:
        kind = "a `command`" if parsed.command is not None else "a `url`"
        raise ConfigError(f"`{key}.{strange[0]}` cannot be combined with {kind}")
    if parsed.url is not None and urlsplit(parsed.url).scheme not in ("http", "https"):
        raise ConfigError(f"`{key}.url` is no address of HTTP")
    if "bearer_token" in row:
        raise ConfigError(f"`{key}.bearer_token`: name a variable that holds it in `bearer_token_env_var` instead")
    for member in ("startup_timeout_sec", "tool_timeout_sec"):
        if not 0 < getattr(parsed, member) < float("inf"):
            raise ConfigError(f"`{key}.{member}` must be more than 0 seconds")
