"""Commands that the model waits for, within a time: what ``shell`` and ``shell_command`` share."""

from __future__ import annotations

import asyncio

from server.commands.child import Launch, SpawnError
from server.commands.once import Finished, run_once
from server.commands.sandbox import Sandbox
from server.engine.settings import Settings
from server.engine.tools.command_item import CommandItem
from server.engine.tools.launching import ready_launch
from server.engine.tools.permit import Wish, may_try_again, permit, without_walls
from server.engine.tools.tool import CallFailed, Work
from server.engine.tools.truncation import Budget, truncated
from server.engine.tools.wishes import Permissions, patched

TIMEOUT_MS = 10_000
"""Milliseconds that a command may take if the model says nothing else."""


class Timed(Permissions):
    """The members of a call that waits."""

    timeout_ms: int | None = None
    timeout: int | None = None
    """The same under an older name."""

    @property
    def seconds(self) -> float:
        """The time in seconds."""
        given = self.timeout_ms if self.timeout_ms is not None else self.timeout
        return max(0, TIMEOUT_MS if given is None else given) / 1000


async def waited_for(work: Work, call_id: str, wish: Wish, seconds: float) -> str:
    """Run a command to its end, and tell the model how it went.

    Raises :class:`~server.engine.tools.tool.CallFailed` and :class:`~server.engine.tools.tool.TurnCancelled`.
    """
    if (said := await patched(call_id, wish.argv, wish.cwd, work)) is not None:
        return said
    item = CommandItem(work, call_id, wish.argv, wish.cwd)
    given = await permit(work, item, wish)
    launch = await ready_launch(work, wish.argv, wish.cwd, bypass=given.bypass)
    item.start()
    done = await finished(work.workspace.machine.sandbox, launch, seconds, item)
    again = may_try_again(work, launch) and not done.timed_out
    if again and await without_walls(work, item, wish, given, done.aggregated, done.exit_code):
        launch = await ready_launch(work, wish.argv, wish.cwd, bypass=True)
        done = await finished(work.workspace.machine.sandbox, launch, seconds, item)
    item.finish(done.exit_code, done.aggregated, done.seconds, out=done.stdout, err=done.stderr)
    return report(done, work.settings)


async def finished(sandbox: Sandbox, launch: Launch, seconds: float, item: CommandItem) -> Finished:
    """How a command ended whose item has begun. Raises :class:`~server.engine.tools.tool.CallFailed` if it did not
    begin; its item has ended then."""
    try:
        return await run_once(launch, seconds, item.said)
    except SpawnError as error:
        item.fail(f"The command could not be started: {error}")
        raise CallFailed(f"execution error: {error}") from error
    finally:
        await asyncio.shield(asyncio.to_thread(sandbox.release, launch))


def report(done: Finished, settings: Settings) -> str:
    """What the model is told: exit code, time, output."""
    text = done.aggregated
    if done.timed_out:
        text = f"command timed out after {done.seconds * 1000:.0f} milliseconds\n{text}"
    shown = truncated(text, Budget.of(settings))
    lines = [f"Exit code: {done.exit_code}", f"Wall time: {round(done.seconds, 1):g} seconds"]
    if shown is not text:
        lines.append(f"Total output lines: {len(text.splitlines())}")
    return "\n".join([*lines, "Output:", shown])
