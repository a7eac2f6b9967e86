"""The handshake: who the client is and what it wants to hear."""

from __future__ import annotations

from protocol.wire import UNSET, Json, UnsetType, Wire


class ClientInfo(Wire):
    """The client's name (a legal HTTP header value) and version."""

    name: str
    title: str | None = None
    version: str


class Capabilities(Wire):
    """``experimental_api`` opens experimental methods and fields; opt-outs are exact notification methods.

    ``extensions``: name -> settings; of these we know those that ``protocol.dialects.versions`` names.
    """

    experimental_api: bool = False
    opt_out_notification_methods: list[str] | None = None
    extensions: dict[str, Json] | None = None


class InitializeParams(Wire):
    """The first request of a connection, sent once."""

    client_info: ClientInfo
    capabilities: Capabilities | None = None


class InitializeResponse(Wire):
    """Who answers, and where it keeps its files. ``extensions``: what those say that the client asked for."""

    user_agent: str
    codex_home: str
    platform_family: str
    platform_os: str
    extensions: dict[str, Json] | UnsetType = UNSET


class ConfigWarningNotification(Wire):
    """Something in the configuration that the operator should mend. To one connection, after its handshake."""

    summary: str
    details: str | None = None
    path: str | UnsetType = UNSET
