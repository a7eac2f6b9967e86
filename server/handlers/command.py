"""command/exec and what belongs to it: a command for one client, which alone hears of it and whose end is its end."""

from __future__ import annotations

import asyncio
import os

from protocol import frames, methods, notices
from protocol.command import (
    CommandExecOutputDeltaNotification,
    CommandExecParams,
    CommandExecResizeParams,
    CommandExecResponse,
    CommandExecTerminateParams,
    CommandExecWriteParams,
)
from protocol.errors import INVALID_PARAMS, RpcError, internal_error, invalid_request
from protocol.permissions import SandboxPolicy
from protocol.wire import Empty
from server.commands.child import DEFAULT_SIZE, Launch, SpawnError
from server.commands.sandbox import SandboxError, policy_of_profile
from server.commands.session import Bounds, Outcome, Session, StreamName, Tell
from server.config import SessionSettings
from server.dispatch import Call, handles
from server.engine.settings import policy_of, sandbox_of
from server.handlers.checks import named_profile
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


@handles(methods.COMMAND_EXEC)
async def execute(call: Call, params: CommandExecParams) -> CommandExecResponse:
    """Run a command to its end. The reply comes after all of its output."""
    bounds = _check(params)
    name = params.process_id
    session = Session(
        stdin=params.stream_stdin,
        tty=size_of("command/exec", params.size) or DEFAULT_SIZE if params.tty else None,
        tell=_teller(call, name) if name is not None and (params.tty or params.stream_stdout_stderr) else None,
    )
    taken = f'duplicate active command/exec process id: "{name}"'
    key = ("command", name if name is not None else session)
    register(call, key, session, taken)
    try:
        outcome = await _run(call, session, await _confined(call, params), bounds)
    except SpawnError as error:
        raise internal_error(f"failed to spawn command: {error}") from error
    finally:
        call.app.commands.leave(call.connection, key)
    return CommandExecResponse(exit_code=outcome.exit_code, stdout=outcome.stdout, stderr=outcome.stderr)


@handles(methods.COMMAND_EXEC_WRITE)
async def write(call: Call, params: CommandExecWriteParams) -> Empty:
    """Give a command input, or tell it that there is no more."""
    text = input_of("command/exec/write", params.delta_base64, params.close_stdin)
    await give(_find(call, params.process_id), text, params.close_stdin, "command/exec")
    return Empty()


@handles(methods.COMMAND_EXEC_RESIZE)
async def resize(call: Call, params: CommandExecResizeParams) -> Empty:
    """Give a command's terminal another size."""
    size = size_of("command/exec", params.size)
    await set_size(_find(call, params.process_id), size)
    return Empty()


@handles(methods.COMMAND_EXEC_TERMINATE)
async def terminate(call: Call, params: CommandExecTerminateParams) -> Empty:
    """End a command and all that it began."""
    await _find(call, params.process_id).kill()
    return Empty()


def _check(params: CommandExecParams) -> Bounds:
    if not params.command:
        raise invalid_request("command must not be empty")
    if params.sandbox_policy is not None and params.permission_profile is not None:
        raise invalid_request("`permissionProfile` cannot be combined with `sandboxPolicy`")
    if params.size is not None and not params.tty:
        raise RpcError(INVALID_PARAMS, "command/exec size requires tty: true")
    if params.process_id is None and (params.tty or params.stream_stdin or params.stream_stdout_stderr):
        raise invalid_request("command/exec tty or streaming requires a client-supplied processId")
    if params.disable_output_cap and params.output_bytes_cap is not None:
        raise RpcError(INVALID_PARAMS, "command/exec cannot set both outputBytesCap and disableOutputCap")
    if params.disable_timeout and params.timeout_ms is not None:
        raise RpcError(INVALID_PARAMS, "command/exec cannot set both timeoutMs and disableTimeout")
    cap = OUTPUT_CAP if params.output_bytes_cap is None else params.output_bytes_cap
    seconds = seconds_of("command/exec", params.timeout_ms)
    return Bounds(
        cap=None if params.disable_output_cap else cap,
        timeout=None if params.disable_timeout else TIMEOUT if seconds is None else seconds,
    )


async def _run(call: Call, session: Session, confined: Launch, bounds: Bounds) -> Outcome:
    try:
        return await session.run(await session.start(confined), bounds)
    finally:
        await asyncio.to_thread(call.app.sandbox.release, confined)


async def _confined(call: Call, params: CommandExecParams) -> Launch:
    cwd = _folder(params.cwd)
    configured = await configured_at(call, cwd)
    launch = Launch(argv=params.command, cwd=cwd, env=environment_of(call, configured, params.env))
    await call.app.sandbox.ready()
    try:
        return await asyncio.to_thread(call.app.sandbox.confine, launch, _policy(params, configured))
    except SandboxError as error:
        raise invalid_request(f"the sandbox policy cannot be enforced: {error}") from error


def _folder(given: str | None) -> str:
    """Where a command runs; from the server's own folder if it does not say it whole."""
    return os.path.abspath(given or "")


def _policy(params: CommandExecParams, configured: SessionSettings) -> SandboxPolicy:
    profile = params.permission_profile
    if isinstance(profile, str):
        return named_profile(profile)
    if profile is not None:
        return policy_of_profile(profile, sandbox_of(profile))
    return params.sandbox_policy or policy_of(configured)


def _find(call: Call, name: str) -> Session:
    session = call.app.commands.find(call.connection, ("command", name))
    if session is None:
        raise invalid_request(f'no active command/exec for process id "{name}"')
    return session


def _teller(call: Call, name: str) -> Tell:
    async def tell(stream: StreamName, text: bytes, capped: bool) -> None:
        delta = CommandExecOutputDeltaNotification(
            process_id=name, stream=stream, delta_base64=encoded(text), cap_reached=capped
        )
        call.connection.send(frames.notification(notices.COMMAND_EXEC_OUTPUT_DELTA, delta))
        await call.connection.caught_up()

    return tell
