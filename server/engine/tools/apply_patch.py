"""apply_patch: files changed by a patch of the model, shown and asked about first. Knows no client.

The patch format, what a patch does to the disk and how that is shown are the business of ``engine/patches``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from protocol.approval import FileChangeApprovalParams
from protocol.asks import FILE_CHANGE_APPROVAL
from protocol.item import FileChange
from protocol.permissions import ReadOnly, WorkspaceWrite
from protocol.wire import Record
from rollout.events import PatchApplyEnd, PatchOutput
from server.commands.places import Places
from server.engine.patches.apply import apply, unwritable
from server.engine.patches.grammar import PatchError, parse
from server.engine.patches.plan import Plan
from server.engine.patches.tool_forms import FREEFORM, FUNCTION
from server.engine.patches.verify import verify
from server.engine.permission.decision import Allow, Ask, Forbid, patch_permission
from server.engine.tools.tool import Call, CallFailed, Content, Tool, TurnCancelled, Work


class _Arguments(Record):
    input: str


class ApplyPatch(Tool):
    """``freeform``: the model can be held to the grammar, and writes the patch as it is."""

    name = "apply_patch"

    def __init__(self, *, freeform: bool) -> None:
        self._freeform = freeform

    def offer(self) -> dict[str, Any]:
        """Either form; both are answered."""
        return FREEFORM if self._freeform else FUNCTION

    async def run(self, call: Call, work: Work) -> Content:
        """Apply the patch, all of it or nothing."""
        text = call.text if call.custom else call.arguments(_Arguments).input
        return await patch_files(call.id, text, work.settings.cwd, work)


async def patch_files(call_id: str, text: str, cwd: str, work: Work) -> str:
    """Apply a patch whose relative paths begin at ``cwd``: the item, the question if it needs one, the report.

    Raises :class:`~server.engine.tools.tool.CallFailed`, :class:`~server.engine.tools.tool.TurnCancelled`.
    """
    try:
        plan = await asyncio.to_thread(lambda: verify(parse(text), cwd))
    except PatchError as error:
        raise CallFailed(f"apply_patch verification failed: {error}") from error
    return await _Patching(call_id, plan, work).run()


class _Patching:
    """One patch that fits, from the first look at it to its end."""

    def __init__(self, call_id: str, plan: Plan, work: Work) -> None:
        self._plan = plan
        self._work = work
        self._item = FileChange(id=call_id, changes=plan.wire(), status="inProgress")

    async def run(self) -> str:
        work, plan = self._work, self._plan
        places, outside = await asyncio.to_thread(_placed, work, plan)
        decision = patch_permission(
            work.settings.approval_policy,
            work.settings.sandbox,
            {*plan.writes, *outside},
            lambda path: path not in outside,
            granted=work.workspace.grants.allows_paths(plan.writes),
        )
        if isinstance(decision, Forbid):
            raise CallFailed(decision.text)
        work.begin(self._item)
        if isinstance(decision, Ask):
            await self._ask(decision)
        within = isinstance(decision, Allow) and not decision.bypass_sandbox
        return await self._apply(places if within else None)

    async def _ask(self, question: Ask) -> None:
        work = self._work
        asked = FileChangeApprovalParams(
            thread_id=work.host.id,
            turn_id=work.turn_id,
            item_id=self._item.id,
            started_at_ms=time.time_ns() // 1_000_000,
            reason=question.reason,
        )
        decision = (await work.host.ask(FILE_CHANGE_APPROVAL, asked)).decision
        if decision == "acceptForSession":
            work.workspace.grants.allow_paths(self._plan.writes)
        elif decision != "accept":
            self._end("declined", said="")
            if decision == "cancel":
                raise TurnCancelled
            raise CallFailed("patch rejected by user")

    async def _apply(self, places: Places | None) -> str:
        begun = time.monotonic()
        may_write = None if places is None else places.may_write
        applying = asyncio.create_task(asyncio.to_thread(apply, self._plan, may_write))
        try:
            await asyncio.wait({applying})
        finally:
            if not applying.done():  # the turn is stopped; what happens to the disk is told all the same
                await asyncio.wait({applying})
            said = self._applied(applying)
        failed = applying.exception() is not None
        seconds = time.monotonic() - begun
        return f"Exit code: {int(failed)}\nWall time: {seconds:.1f} seconds\nOutput:\n{said}"

    def _applied(self, applying: asyncio.Task[str]) -> str:
        error = applying.exception()
        if error is None:
            said = applying.result()
            self._work.patched.record(self._plan)
            self._work.emit(PatchOutput(turn_id=self._work.turn_id, item_id=self._item.id, delta=said))
            self._end("completed", said=said)
            self._work.tell_diff()
            return said
        if not isinstance(error, PatchError):
            self._end("failed", error="the server failed to apply it")
            raise error
        self._end("failed", error=str(error))
        return f"{error}\n"

    def _end(self, status: str, *, said: str = "", error: str = "") -> None:
        stored = PatchApplyEnd(
            call_id=self._item.id,
            turn_id=self._work.turn_id,
            stdout=said,
            stderr=error,
            success=status == "completed",
            changes=self._plan.stored(),
            status=status,
        )
        self._work.end(replace(self._item, status=status), stored)


def _placed(work: Work, plan: Plan) -> tuple[Places | None, Collection[str]]:
    """Where the turn's sandbox lets files be written, None is everywhere; and what of the plan is outside of that.

    Reads the file system.
    """
    policy, machine = work.settings.sandbox, work.workspace.machine
    if not isinstance(policy, ReadOnly | WorkspaceWrite):
        return None, ()
    places = Places.under(policy, work.settings.cwd, machine.environ, str(machine.home))
    return places, unwritable(plan, places.may_write)
