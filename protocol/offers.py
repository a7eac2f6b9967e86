"""What a server may offer besides threads, as pickers of clients ask for it: hooks, plugins, apps, permission profiles,
providers, environments. Much of it is empty here; these are the forms in which that is said."""

from __future__ import annotations

from typing import Any, Literal

from protocol.permissions import require_absolute
from protocol.wire import UNSET, Count, UnsetType, Wire


class HooksListParams(Wire):
    """The hooks at these working directories, or those of one loaded thread."""

    cwds: list[str] = []
    thread_id: str | None = None


class HooksListEntry(Wire):
    """The hooks of one directory, and what could not be read."""

    cwd: str
    hooks: list[dict[str, Any]] = []
    warnings: list[str] = []
    errors: list[dict[str, Any]] = []


class HooksListResponse(Wire):
    """One entry per directory."""

    data: list[HooksListEntry]


class PluginsParams(Wire):
    """Which plugins to name: those for these working directories, absolute paths, too."""

    cwds: list[str] | None = None

    def __post_init__(self) -> None:
        require_absolute(self.cwds or ())


class PluginInstalledResponse(Wire):
    """Where plugins come from."""

    marketplaces: list[dict[str, Any]] = []
    marketplace_load_errors: list[dict[str, Any]] = []


class PluginListResponse(PluginInstalledResponse):
    """The same with what is recommended."""

    featured_plugin_ids: list[str] = []


class ThreadPageParams(Wire):
    """A page of a list, for one loaded thread if it is named."""

    thread_id: str | None = None
    cursor: str | None = None
    limit: Count | None = None


class AppsInstalledResponse(Wire):
    """Connectors that are installed."""

    apps: list[dict[str, Any]] = []


class PermissionProfile(Wire):
    """A named set of permissions; ``permissions`` of threads and turns takes its id."""

    id: str
    description: str | None = None
    allowed: bool = True


class PermissionProfilePage(Wire):
    """Some profiles. ``next_cursor``: null at the end."""

    data: list[PermissionProfile]
    next_cursor: str | None


class GatewayAuth(Wire):
    """How the server signs in at a provider; ``env_key`` names the variable that holds the key."""

    mode: Literal["none", "environmentVariable", "externallyConfigured"]
    env_key: str | UnsetType = UNSET


class OpenaiSettings(Wire, tag="openai"):
    """OpenAI itself."""


class GatewaySettings(Wire, tag="customGateway"):
    """Any other address that speaks the Responses API."""

    auth: GatewayAuth


class ModelProvider(Wire):
    """Where models answer. Clients cannot change it: ``config.toml`` is the server's."""

    id: str
    name: str
    can_edit: bool = False
    base_url: str | None = None
    settings: OpenaiSettings | GatewaySettings


class ModelProviderListResponse(Wire):
    """All providers, and the one of threads that name none."""

    data: list[ModelProvider]
    default_provider_id: str
    can_change_default: bool = False


class ModelProviderCapabilities(Wire):
    """Which of a provider's own tools the model may use here."""

    image_generation: bool = False
    web_search: bool = False
    namespace_tools: bool = False


class GovCloudCheck(Wire):
    """Whether a cloud of a government is in use, and whether its rules are missed."""

    is_gov_cloud: bool = False
    should_warn: bool = False


class EnvironmentParams(Wire):
    """One place to work in."""

    environment_id: str


class EnvironmentStatus(Wire):
    """Whether it can be worked in."""

    status: Literal["ready", "unknown"]
    error: str | UnsetType = UNSET


class EnvironmentShell(Wire):
    """The shell of a place."""

    name: str
    path: str


class Environment(Wire):
    """What a place is like. ``cwd``: a ``file:`` URI."""

    shell: EnvironmentShell
    cwd: str


class RemoteControlStatus(Wire):
    """Whether this server can be reached through somebody else's service, and who it is."""

    status: Literal["disabled"] = "disabled"
    server_name: str
    installation_id: str
    environment_id: str | None = None


class ThreadGoalResponse(Wire):
    """What a thread pursues by itself; null if nothing."""

    goal: dict[str, Any] | None = None
