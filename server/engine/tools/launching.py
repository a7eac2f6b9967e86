"""A model's command made ready to start: its folder, its shell, its variables and its walls. Starts nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from server.commands.child import Launch
from server.commands.environment import environment, for_model, keys_of
from server.commands.sandbox import SandboxError
from server.commands.shells import script_argv, shell_named, user_shell
from server.engine.settings import Settings
from server.engine.tools.tool import CallFailed, Work
from server.engine.workspace import Machine


def folder(settings: Settings, named: str | None) -> str:
    """Where a command runs, if a model names a folder like this."""
    return os.path.normpath(os.path.join(settings.cwd, named or ""))


def shell_script(settings: Settings, script: str, login: bool | None = None, shell: str | None = None) -> list[str]:
    """What is to be run for a script. Raises :class:`~server.engine.tools.tool.CallFailed`."""
    allowed = settings.keys.allow_login_shell
    if login and not allowed:
        raise CallFailed("login shells are switched off by the user's configuration: call again with login=false")
    program = shell_named(shell) if shell else user_shell()
    return script_argv(program, script, login=allowed if login is None else login)


def open_launch(thread_id: str, settings: Settings, machine: Machine, argv: Sequence[str], cwd: str) -> Launch:
    """A launch without walls."""
    config = machine.config
    inherited = config.environ or os.environ
    seen = environment(settings.keys.shell_environment_policy, inherited, keys_of(config.providers.values()))
    return Launch(argv=list(argv), cwd=cwd, env=for_model(seen, thread_id))


async def ready_launch(work: Work, argv: Sequence[str], cwd: str, *, bypass: bool) -> Launch:
    """A launch within the walls that the turn's policy asks for; with ``bypass`` without any.

    What it made must be released once the command is gone. Raises :class:`~server.engine.tools.tool.CallFailed`.
    """
    machine = work.workspace.machine
    launch = open_launch(work.host.id, work.settings, machine, argv, cwd)
    if bypass:
        return launch
    try:
        return await asyncio.to_thread(machine.sandbox.confine, launch, work.settings.sandbox)
    except SandboxError as error:
        raise CallFailed(f"the command was not run: {error}") from error


def is_walled(launch: Launch) -> bool:
    """Whether anything confines it."""
    return bool(launch.prefix) or launch.landlock is not None
