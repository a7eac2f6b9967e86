"""What clients ask at start-up: models, modes, features, configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from protocol import methods
from protocol.config import (
    ConfigBatchWriteParams,
    ConfigEdit,
    ConfigReadParams,
    ConfigReadResponse,
    ConfigRequirementsReadResponse,
    ConfigTarget,
    ConfigValueWriteParams,
    ConfigWriteRefusal,
    ConfigWriteResponse,
)
from protocol.errors import internal_error, invalid_request
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
from server.config_write import ChangeRefused, write
from server.dispatch import Call, handles
from server.errors import ConfigError
from server.handlers.checks import offset, parse_thread_id


@handles(methods.MODEL_LIST)
async def list_models(call: Call, params: ModelListParams) -> ModelListResponse:
    """The models of the configured provider; never empty."""
    offset(params.cursor)  # all of them are one page, from wherever
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


def _check_page(params: PageParams) -> None:
    if params.thread_id is not None:
        parse_thread_id(params.thread_id)
    offset(params.cursor)  # nothing is there, from wherever


@handles(methods.CONFIG_READ)
async def read(call: Call, params: ConfigReadParams) -> ConfigReadResponse:
    """The configuration in force, read anew; with the project's where its folder is given."""
    cwd = None if params.cwd is None else Path.cwd() / params.cwd
    return await asyncio.to_thread(lambda: call.app.config.reread().describe(cwd, layers=params.include_layers))


@handles(methods.CONFIG_VALUE_WRITE)
async def write_value(call: Call, params: ConfigValueWriteParams) -> ConfigWriteResponse:
    """Change one key of the user's file."""
    edit = ConfigEdit(key_path=params.key_path, value=params.value, merge_strategy=params.merge_strategy)
    return await _write(call, params, [edit])


@handles(methods.CONFIG_BATCH_WRITE)
async def write_values(call: Call, params: ConfigBatchWriteParams) -> ConfigWriteResponse:
    """Change several keys at once. Threads read the file when they begin; those that are loaded keep what they have."""
    return await _write(call, params, params.edits)


async def _write(call: Call, target: ConfigTarget, edits: Sequence[ConfigEdit]) -> ConfigWriteResponse:
    try:
        return await asyncio.to_thread(write, call.app.config, target, edits)
    except ChangeRefused as refused:
        raise invalid_request(str(refused), ConfigWriteRefusal(config_write_error_code=refused.code)) from refused
    except ConfigError as error:
        raise internal_error(f"failed to load configuration: {error}") from error
    except OSError as error:
        raise internal_error(f"the configuration cannot be written: {error.strerror}") from error


@handles(methods.CONFIG_REQUIREMENTS_READ)
async def read_requirements(_call: Call, _params: Empty) -> ConfigRequirementsReadResponse:
    """No administrator demands anything."""
    return ConfigRequirementsReadResponse(requirements=None, supports_independent_speed_modes=True)
