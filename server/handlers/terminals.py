"""thread/shellCommand and thread/backgroundTerminals/*: commands of threads that no model waits for."""

from __future__ import annotations

import asyncio

from protocol import methods
from protocol.errors import invalid_request
from protocol.offers import ThreadPageParams
from protocol.terminals import (
    BackgroundTerminal,
    ThreadBackgroundTerminalsListResponse,
    ThreadBackgroundTerminalsTerminateParams,
    ThreadBackgroundTerminalsTerminateResponse,
    ThreadShellCommandParams,
)
from protocol.thread import ThreadIdParams
from protocol.wire import Empty
from server.dispatch import Call, handles
from server.engine.tools.command_item import CommandItem
from server.engine.user_shell import ShellTurn, UserShell
from server.handlers.checks import parse_thread_id
from server.handlers.standalone import seconds_of
from server.threads.live import LiveThread

LONGEST = 3600.0
"""Seconds that a command may take if a request says nothing else."""


@handles(methods.THREAD_SHELL_COMMAND)
async def shell_command(call: Call, params: ThreadShellCommandParams) -> Empty:
    """Run a person's command: in a turn of its own, or beside what the running turn does. The reply comes at once."""
    command = params.command.strip()
    if not command:
        raise invalid_request("command must not be empty")
    seconds = seconds_of("thread/shellCommand", params.timeout_ms)
    live = _require(call, params.thread_id)
    await live.claim()
    provider = await call.app.provider(live.settings.provider)
    while live.turn is not None and not live.turn.is_open:
        await asyncio.wait({live.turn.ended})
    # In one breath from here on: nobody begins or ends a turn in between.
    shell = UserShell(command, LONGEST if seconds is None else seconds)
    if live.turn is None:
        call.app.refuse_when_draining()
        live.materialise()
        live.lineup.follow(ShellTurn(live, provider, live.settings, live.workspace, shell))
    elif not live.turn.run_beside(shell):
        raise invalid_request(f"a {live.turn.kind} turn of this thread is running; wait for its end")
    return Empty()


@handles(methods.THREAD_BACKGROUND_TERMINALS_LIST)
async def list_terminals(call: Call, params: ThreadPageParams) -> ThreadBackgroundTerminalsListResponse:
    """The commands that go on, all on one page: there are never many."""
    terminals = _require(call, params.thread_id or "").workspace.terminals
    items = [(each, each.hearer) for each in terminals.live]
    return ThreadBackgroundTerminalsListResponse(
        data=[
            BackgroundTerminal(
                item_id=item.id, process_id=str(each.number), command=item.shown.command, cwd=item.shown.cwd
            )
            for each, item in items
            if isinstance(item, CommandItem)
        ]
    )


@handles(methods.THREAD_BACKGROUND_TERMINALS_CLEAN)
async def clean_terminals(call: Call, params: ThreadIdParams) -> Empty:
    """End all commands that go on. Their ends are told later."""
    _require(call, params.thread_id).workspace.terminals.kill_all()
    return Empty()


@handles(methods.THREAD_BACKGROUND_TERMINALS_TERMINATE)
async def terminate_terminal(
    call: Call, params: ThreadBackgroundTerminalsTerminateParams
) -> ThreadBackgroundTerminalsTerminateResponse:
    """End one of them. Its end is told later."""
    number = int(params.process_id) if params.process_id.isascii() and params.process_id.isdecimal() else -1
    terminal = _require(call, params.thread_id).workspace.terminals.find(number)
    if terminal is None or terminal.end is not None:
        return ThreadBackgroundTerminalsTerminateResponse(terminated=False)
    terminal.kill()
    return ThreadBackgroundTerminalsTerminateResponse(terminated=True)


def _require(call: Call, thread_id: str) -> LiveThread:
    return call.app.loaded.require(parse_thread_id(thread_id))
