"""What clients ask at start-up: models, modes, features, MCP servers, configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol import methods
from protocol.config import (
    ConfigReadParams,
    ConfigReadResponse,
    ConfigRequirementsReadResponse,
)
from protocol.errors import invalid_request
from protocol.model import (
    CollaborationModeListResponse,
    CollaborationModeMask,
    EmptyPage,
    ModelListParams,
    ModelListResponse,
    PageParams,
)
from protocol.wire import Empty
from server import models
from server.dispatch import Call, handles
from server.handlers.checks import parse_thread_id


@handles(methods.MODEL_LIST)
async def list_models(call: Call, params: ModelListParams) -> ModelListResponse:
    """The models of the configured provider; never empty."""
    _check_cursor(params.cursor)
    config = call.app.config.reread()
    provider = config.provider_id if params.model_provider is None else params.model_provider
    if params.model_provider is not None and provider not in config.providers:
        raise invalid_request(f"Model provider `{provider}` not found")
    configured = config.model if provider == config.provider_id else None
    return ModelListResponse(data=models.list_models(provider, configured), next_cursor=None)


@handles(methods.COLLABORATION_MODE_LIST)
async def list_collaboration_modes(_call: Call, _params: Empty) -> CollaborationModeListResponse:
    """The modes a client may switch between."""
    return CollaborationModeListResponse(data=list(_MODES))


_MODES = (
    CollaborationModeMask(name="Plan", mode="plan", model=None, reasoning_effort="medium"),
    CollaborationModeMask(name="Default", mode="default", model=None, reasoning_effort=None),
)


@handles(methods.EXPERIMENTAL_FEATURE_LIST)
async def list_experimental_features(_call: Call, params: PageParams) -> EmptyPage:
    """There are none to switch."""
    _check_page(params)
    return EmptyPage()


@handles(methods.MCP_SERVER_STATUS_LIST)
async def list_mcp_servers(_call: Call, params: PageParams) -> EmptyPage:
    """No MCP server is run."""
    _check_page(params)
    return EmptyPage()


def _check_page(params: PageParams) -> None:
    if params.thread_id is not None:
        parse_thread_id(params.thread_id)
    _check_cursor(params.cursor)


def _check_cursor(cursor: str | None) -> None:
    """Cursors of these lists are positions; as each is one page, we hand out none."""
    if cursor is not None and not cursor.isdecimal():
        raise invalid_request(f"invalid cursor: {cursor}")


@handles(methods.CONFIG_READ)
async def read(call: Call, params: ConfigReadParams) -> ConfigReadResponse:
    """The configuration in force, read anew; with the project's where its folder is given."""
    if params.cwd is not None and "\0" in params.cwd:
        raise invalid_request("invalid cwd: it holds a NUL character")
    cwd = None if params.cwd is None else Path.cwd() / params.cwd
    return await asyncio.to_thread(lambda: call.app.config.reread().describe(cwd, layers=params.include_layers))


@handles(methods.CONFIG_REQUIREMENTS_READ)
async def read_requirements(_call: Call, _params: Empty) -> ConfigRequirementsReadResponse:
    """No administrator demands anything."""
    return ConfigRequirementsReadResponse(requirements=None, supports_independent_speed_modes=True)
