"""Commands that a client runs on the server's machine: command/exec, process/spawn, thread/shellCommand."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from protocol.permissions import PermissionProfile, SandboxPolicy, require_absolute
from protocol.wire import UNSET, UnsetType, Wire

Cells = Annotated[int, Meta(ge=0, le=0xFFFF)]
Bytes = Annotated[int, Meta(ge=0)]
OutputStream = Literal["stdout", "stderr"]


class TerminalSize(Wire):
    """Of a terminal, in characters."""

    rows: Cells
    cols: Cells


class CommandExecParams(Wire):
    """``command`` is program and arguments, not text for a shell; ``env`` null takes a variable away.

    ``permission_profile`` is the id of a profile, or the whole of it.
    """

    command: list[str]
    process_id: str | None = None
    tty: bool = False
    stream_stdin: bool = False
    stream_stdout_stderr: bool = False
    output_bytes_cap: Bytes | None = None
    disable_output_cap: bool = False
    disable_timeout: bool = False
    timeout_ms: int | None = None
    cwd: str | None = None
    env: dict[str, str | None] | None = None
    size: TerminalSize | None = None
    sandbox_policy: SandboxPolicy | None = None
    permission_profile: PermissionProfile | str | None = None


class CommandExecResponse(Wire):
    """The end of a command: ``exit_code`` is negative for the signal that ended it."""

    exit_code: int
    stdout: str
    stderr: str


class CommandExecWriteParams(Wire):
    """Input for a running command."""

    process_id: str
    delta_base64: str | None = None
    close_stdin: bool = False


class CommandExecResizeParams(Wire):
    """Another size of a running command's terminal."""

    process_id: str
    size: TerminalSize


class CommandExecTerminateParams(Wire):
    """End a running command."""

    process_id: str


class CommandExecOutputDeltaNotification(Wire):
    """Some output. ``cap_reached``: what follows on this stream is not told."""

    process_id: str
    stream: OutputStream
    delta_base64: str
    cap_reached: bool


class ProcessSpawnParams(Wire):
    """As for ``command/exec``, but never confined. Null takes a limit away, absence means the server's own."""

    command: list[str]
    cwd: str
    process_handle: str
    tty: bool = False
    stream_stdin: bool = False
    stream_stdout_stderr: bool = False
    output_bytes_cap: Bytes | UnsetType | None = UNSET
    timeout_ms: int | UnsetType | None = UNSET
    env: dict[str, str | None] | None = None
    size: TerminalSize | None = None

    def __post_init__(self) -> None:
        require_absolute([self.cwd])


class ProcessWriteStdinParams(Wire):
    """Input for a running process."""

    process_handle: str
    delta_base64: str | None = None
    close_stdin: bool = False


class ProcessResizePtyParams(Wire):
    """Another size of a running process's terminal."""

    process_handle: str
    size: TerminalSize


class ProcessKillParams(Wire):
    """End a running process."""

    process_handle: str


class ProcessOutputDeltaNotification(Wire):
    """Some output. ``cap_reached``: what follows on this stream is not told."""

    process_handle: str
    stream: OutputStream
    delta_base64: str
    cap_reached: bool


class ProcessExitedNotification(Wire):
    """The end of a process; ``exit_code`` as in :class:`CommandExecResponse`."""

    process_handle: str
    exit_code: int
    output_drain_timed_out: bool
    stdout: str
    stdout_cap_reached: bool
    stderr: str
    stderr_cap_reached: bool


class ThreadShellCommandParams(Wire):
    """``command`` is text for the shell. ``timeout_ms``: an hour where it is not given."""

    thread_id: str
    command: str
    timeout_ms: int | None = None
