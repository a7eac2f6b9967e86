"""What is on offer besides threads: hooks, plugins, apps, permission profiles, providers, environments.

Nothing is claimed that is not there: who asks for what this server does not do gets an empty list, in its form.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from protocol import methods
from protocol.errors import invalid_request
from protocol.model import EmptyPage, PageParams
from protocol.offers import (
    AppsInstalledResponse,
    Environment,
    EnvironmentParams,
    EnvironmentShell,
    EnvironmentStatus,
    GatewayAuth,
    GatewaySettings,
    GovCloudCheck,
    HooksListEntry,
    HooksListParams,
    HooksListResponse,
    ModelProvider,
    ModelProviderCapabilities,
    ModelProviderListResponse,
    OpenaiSettings,
    PermissionProfile,
    PermissionProfilePage,
    PluginInstalledResponse,
    PluginListResponse,
    PluginsParams,
    RemoteControlStatus,
    ThreadGoalResponse,
    ThreadPageParams,
)
from protocol.thread import ThreadIdParams
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.engine.settings import LOCAL, PROFILES
from server.handlers.checks import offset, parse_thread_id
from server.providers.installation import installation_id
from server.providers.settings import OPENAI, ProviderConfig


@handles(methods.THREAD_GOAL_GET)
async def get_goal(call: Call, params: ThreadIdParams) -> ThreadGoalResponse:
    """No thread pursues anything by itself here."""
    thread_id = parse_thread_id(params.thread_id)
    if call.app.loaded.get(thread_id) is None and await call.app.opening.find(thread_id, archived=True) is None:
        raise invalid_request(f"thread not found: {thread_id}")
    return ThreadGoalResponse()


@handles(methods.HOOKS_LIST)
async def list_hooks(call: Call, params: HooksListParams) -> HooksListResponse:
    """One entry per asked directory; none has hooks."""
    if params.thread_id is not None:
        if params.cwds:
            raise invalid_request("give either threadId or cwds, not both")
        return HooksListResponse(data=[HooksListEntry(cwd=_require(call, params.thread_id))])
    return HooksListResponse(data=[HooksListEntry(cwd=cwd) for cwd in params.cwds or [os.getcwd()]])


@handles(methods.PLUGIN_INSTALLED)
async def list_installed_plugins(_call: Call, _params: PluginsParams) -> PluginInstalledResponse:
    """There are none."""
    return PluginInstalledResponse()


@handles(methods.PLUGIN_LIST)
async def list_plugins(_call: Call, _params: PluginsParams) -> PluginListResponse:
    """There are none."""
    return PluginListResponse()


@handles(methods.APP_LIST)
async def list_apps(call: Call, params: ThreadPageParams) -> EmptyPage:
    """There are none."""
    if params.thread_id is not None:
        _require(call, params.thread_id)
    return EmptyPage()


@handles(methods.APP_INSTALLED)
async def list_installed_apps(call: Call, params: ThreadPageParams) -> AppsInstalledResponse:
    """There are none."""
    if params.thread_id is not None:
        _require(call, params.thread_id)
    return AppsInstalledResponse()


@handles(methods.PERMISSION_PROFILE_LIST)
async def list_profiles(_call: Call, params: PageParams) -> PermissionProfilePage:
    """The built-in profiles. The cursor is how many came before."""
    every = [PermissionProfile(id=name) for name in PROFILES]
    begin = offset(params.cursor)
    if begin > len(every):
        raise invalid_request(f"invalid cursor: {params.cursor}")
    end = len(every) if params.limit is None else begin + max(params.limit, 1)
    return PermissionProfilePage(data=every[begin:end], next_cursor=str(end) if end < len(every) else None)


@handles(methods.MODEL_PROVIDER_LIST)
async def list_providers(call: Call, _params: Empty) -> ModelProviderListResponse:
    """The providers that threads may name."""
    config = call.app.config.reread()
    return ModelProviderListResponse(
        data=[_provider(provider) for provider in config.providers.values()], default_provider_id=config.provider_id
    )


def _provider(config: ProviderConfig) -> ModelProvider:
    address = config.base_url if config.base_url.startswith(("http://", "https://")) else None
    if address is not None and ("@" in address or "?" in address):
        address = None  # what stands there may be a secret
    if config.id == OPENAI:
        return ModelProvider(id=config.id, name=config.name, base_url=address, settings=OpenaiSettings())
    if config.env_key:
        auth = GatewayAuth(mode="environmentVariable", env_key=config.env_key)
    else:
        auth = GatewayAuth(mode="externallyConfigured" if config.experimental_bearer_token else "none")
    return ModelProvider(id=config.id, name=config.name, base_url=address, settings=GatewaySettings(auth=auth))


@handles(methods.MODEL_PROVIDER_CAPABILITIES_READ)
async def read_capabilities(_call: Call, _params: Empty) -> ModelProviderCapabilities:
    """No tool of a provider's own is given to the model."""
    return ModelProviderCapabilities()


@handles(methods.CHECK_GOV_CLOUD)
async def check_gov_cloud(_call: Call, _params: Empty) -> GovCloudCheck:
    """That cloud is not among the providers."""
    return GovCloudCheck()


@handles(methods.ACCOUNT_USAGE_READ)
async def read_account_usage(_call: Call, _params: Empty) -> Empty:
    """Nobody is signed in whose usage somebody would count."""
    raise invalid_request("nobody is signed in here, so there is no account whose usage could be read")


@handles(methods.ENVIRONMENT_STATUS)
async def read_environment_status(_call: Call, params: EnvironmentParams) -> EnvironmentStatus:
    """This machine is ready; there is no other place."""
    if params.environment_id == LOCAL:
        return EnvironmentStatus(status="ready")
    return EnvironmentStatus(status="unknown", error=f"there is no environment `{params.environment_id}`")


@handles(methods.ENVIRONMENT_INFO)
async def read_environment(call: Call, params: EnvironmentParams) -> Environment:
    """The shell of this machine, and where the server runs."""
    if params.environment_id != LOCAL:
        raise invalid_request(f"unknown environment id `{params.environment_id}`")
    shell = call.app.config.environ.get("SHELL") or "/bin/sh"
    return Environment(shell=EnvironmentShell(name=Path(shell).name, path=shell), cwd=Path(os.getcwd()).as_uri())


@handles(methods.REMOTE_CONTROL_STATUS_READ)
async def read_remote_control(call: Call, _params: Empty) -> RemoteControlStatus:
    """Clients come to this server themselves."""
    who = await asyncio.to_thread(installation_id, call.app.config.codex_home)
    return RemoteControlStatus(server_name=socket.gethostname(), installation_id=who)


def _require(call: Call, thread_id: str) -> str:
    """The working directory of a loaded thread. Raises :class:`~protocol.errors.RpcError`."""
    return call.app.loaded.require(parse_thread_id(thread_id)).settings.cwd
