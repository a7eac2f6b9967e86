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


@handles(methods.MODEL_LIST)
async def list_models(call: Call, _params: ModelListParams) -> ModelListResponse:
    """The models of the configured provider; never empty."""
    config = call.app.config.reread()
    return ModelListResponse(data=models.list_models(config.provider_id, config.model), next_cursor=None)


@handles(methods.COLLABORATION_MODE_LIST)
async def list_collaboration_modes(_call: Call, _params: Empty) -> CollaborationModeListResponse:
    """The modes a client may switch between."""
    return CollaborationModeListResponse(data=list(_MODES))


_MODES = (
    CollaborationModeMask(name="Plan", mode="plan", model=None, reasoning_effort="medium"),
    CollaborationModeMask(name="Default", mode="default", model=None, reasoning_effort=None),
)


@handles(methods.EXPERIMENTAL_FEATURE_LIST)
async def list_experimental_features(_call: Call, _params: PageParams) -> EmptyPage:
    """There are none to switch."""
    return EmptyPage()


@handles(methods.MCP_SERVER_STATUS_LIST)
async def list_mcp_servers(_call: Call, _params: PageParams) -> EmptyPage:
    """No MCP server is run."""
    return EmptyPage()


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
    return ConfigRequirementsReadResponse(requirements=None)
