"""What ``command/exec`` and ``process/*`` do in the same way: limits, sizes, input, configuration."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from protocol.command import TerminalSize
from protocol.errors import INVALID_PARAMS, RpcError, internal_error, invalid_request
from server.commands.child import Size
from server.commands.environment import changed, environment, keys_of
from server.commands.session import Session
from server.config import SessionSettings
from server.dispatch import Call
from server.errors import ConfigError

OUTPUT_CAP = 1 << 20
"""Bytes of each stream that are told or kept if a request says nothing else."""

TIMEOUT = 10.0
"""Seconds that a command may take if a request says nothing else."""


async def configured_at(call: Call, cwd: str) -> SessionSettings:
    """The configuration that holds in this folder, now. Raises :class:`~protocol.errors.RpcError`."""
    config = call.app.config.reread()
    try:
        return await asyncio.to_thread(config.effective, cwd=Path(cwd))
    except ConfigError as error:
        raise internal_error(f"failed to load configuration: {error}") from error


def environment_of(call: Call, configured: SessionSettings, changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """What a command of a client sees: the server's environment by the policy of the configuration, and its changes."""
    config = call.app.config
    policy = configured.keys.shell_environment_policy
    return changed(environment(policy, config.environ or os.environ, keys_of(config.providers.values())), changes)


def register(call: Call, key: tuple[str, object], session: Session, taken: str) -> None:
    """Keep a session under this key. Raises :class:`~protocol.errors.RpcError`: ``taken``, or there are too many."""
    try:
        call.app.commands.enter(call.connection, key, session)
    except KeyError:
        raise invalid_request(taken) from None
    except OverflowError as error:
        raise invalid_request(str(error)) from None


def seconds_of(method: str, timeout_ms: int | None) -> float | None:
    """A time in seconds. Raises :class:`~protocol.errors.RpcError` if it is negative."""
    if timeout_ms is not None and timeout_ms < 0:
        raise RpcError(INVALID_PARAMS, f"{method} timeoutMs must be non-negative, got {timeout_ms}")
    return None if timeout_ms is None else timeout_ms / 1000


def size_of(method: str, size: TerminalSize | None) -> Size | None:
    """A size that a terminal can have. Raises :class:`~protocol.errors.RpcError`."""
    if size is None:
        return None
    if not size.rows or not size.cols:
        raise RpcError(INVALID_PARAMS, f"{method} size rows and cols must be greater than 0")
    return Size(size.rows, size.cols)


def input_of(method: str, delta: str | None, close: bool) -> bytes:
    """The bytes of some input. Raises :class:`~protocol.errors.RpcError`."""
    if delta is None and not close:
        raise RpcError(INVALID_PARAMS, f"{method} requires deltaBase64 or closeStdin")
    try:
        return base64.b64decode(delta or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise RpcError(INVALID_PARAMS, f"invalid deltaBase64: {error}") from error


def encoded(text: bytes) -> str:
    """Bytes as they are told."""
    return base64.b64encode(text).decode()


async def give(session: Session, text: bytes, end: bool, what: str) -> None:
    """Write to a session. Raises :class:`~protocol.errors.RpcError` if it takes nothing."""
    try:
        await session.write(text, end=end)
    except ValueError as error:
        suffix = f" for this {what}" if "enabled" in str(error) else ""
        raise invalid_request(f"{error}{suffix}") from error


async def set_size(session: Session, size: Size | None) -> None:
    """Resize a session's terminal. Raises :class:`~protocol.errors.RpcError` if it has none."""
    assert size is not None
    try:
        await session.resize(size)
    except ValueError as error:
        raise invalid_request("failed to resize PTY: process is not attached to a PTY") from error
