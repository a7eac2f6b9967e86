"""process/*: a process for one client, never confined, of whose end a notification tells."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from protocol import frames, methods, notices
from protocol.command import (
    ProcessExitedNotification,
    ProcessKillParams,
    ProcessOutputDeltaNotification,
    ProcessResizePtyParams,
    ProcessSpawnParams,
    ProcessWriteStdinParams,
)
from protocol.errors import INVALID_PARAMS, RpcError, internal_error, invalid_request
from protocol.wire import UNSET, Empty
from server.commands.child import DEFAULT_SIZE, Child, Launch, SpawnError
from server.commands.session import Bounds, Session, StreamName, Tell
from server.connection import Connection
from server.dispatch import Call, handles
from server.handlers.standalone import (
    OUTPUT_CAP,
    TIMEOUT,
    configured_at,
    encoded,
    environment_of,
    give,
    input_of,
    register,
    seconds_of,
    set_size,
    size_of,
)

_running: set[asyncio.Task[Any]] = set()


@handles(methods.PROCESS_SPAWN)
async def spawn(call: Call, params: ProcessSpawnParams) -> Empty:
    """Start a process. The reply comes when it runs; its end is told by ``process/exited``."""
    bounds = _check(params)
    name = params.process_handle
    tell = _teller(call.connection, name) if params.tty or params.stream_stdout_stderr else None
    tty = size_of("process/spawn", params.size) or DEFAULT_SIZE if params.tty else None
    session = Session(stdin=params.stream_stdin, tty=tty, tell=tell)
    register(call, ("process", name), session, f'duplicate active process handle: "{name}"')
    begun = False
    try:
        child = await session.start(await _launch(call, params))
        begun = True
    except SpawnError as error:
        raise internal_error(f"failed to spawn process: {error}") from error
    finally:
        if not begun:
            call.app.commands.leave(call.connection, ("process", name))
    watching = _watch(call, session, child, bounds, name)
    call.then(lambda: _keep(watching))
    return Empty()


def _keep(watching: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(watching)
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _watch(call: Call, session: Session, child: Child, bounds: Bounds, name: str) -> None:
    try:
        exited = await _exited(session, child, bounds, name)
    finally:
        call.app.commands.leave(call.connection, ("process", name))
    call.connection.send(frames.notification(notices.PROCESS_EXITED, exited))


@handles(methods.PROCESS_WRITE_STDIN)
async def write_stdin(call: Call, params: ProcessWriteStdinParams) -> Empty:
    """Give a process input, or tell it that there is no more."""
    text = input_of("process/writeStdin", params.delta_base64, params.close_stdin)
    await give(_find(call, params.process_handle), text, params.close_stdin, "process")
    return Empty()


@handles(methods.PROCESS_RESIZE_PTY)
async def resize_pty(call: Call, params: ProcessResizePtyParams) -> Empty:
    """Give a process's terminal another size."""
    size = size_of("process/resizePty", params.size)
    await set_size(_find(call, params.process_handle), size)
    return Empty()


@handles(methods.PROCESS_KILL)
async def kill(call: Call, params: ProcessKillParams) -> Empty:
    """End a process and all that it began."""
    await _find(call, params.process_handle).kill()
    return Empty()


def _check(params: ProcessSpawnParams) -> Bounds:
    if not params.command:
        raise invalid_request("command must not be empty")
    if not params.process_handle:
        raise invalid_request("processHandle must not be empty")
    if params.size is not None and not params.tty:
        raise RpcError(INVALID_PARAMS, "process/spawn size requires tty: true")
    cap = OUTPUT_CAP if params.output_bytes_cap is UNSET else params.output_bytes_cap
    if params.timeout_ms is UNSET:
        return Bounds(cap=cap, timeout=TIMEOUT)
    return Bounds(cap=cap, timeout=seconds_of("process/spawn", params.timeout_ms))


async def _launch(call: Call, params: ProcessSpawnParams) -> Launch:
    configured = await configured_at(call, params.cwd)
    return Launch(argv=params.command, cwd=params.cwd, env=environment_of(call, configured, params.env))


async def _exited(session: Session, child: Child, bounds: Bounds, name: str) -> ProcessExitedNotification:
    outcome = await session.run(child, bounds)
    return ProcessExitedNotification(
        process_handle=name,
        exit_code=outcome.exit_code,
        output_drain_timed_out=not outcome.drained,
        stdout=outcome.stdout,
        stdout_cap_reached=outcome.stdout_capped,
        stderr=outcome.stderr,
        stderr_cap_reached=outcome.stderr_capped,
    )


def _find(call: Call, name: str) -> Session:
    session = call.app.commands.find(call.connection, ("process", name))
    if session is None:
        raise invalid_request(f'no active process for process handle "{name}"')
    return session


def _teller(connection: Connection, name: str) -> Tell:
    async def tell(stream: StreamName, text: bytes, capped: bool) -> None:
        delta = ProcessOutputDeltaNotification(
            process_handle=name, stream=stream, delta_base64=encoded(text), cap_reached=capped
        )
        connection.send(frames.notification(notices.PROCESS_OUTPUT_DELTA, delta))
        await connection.caught_up()

    return tell
