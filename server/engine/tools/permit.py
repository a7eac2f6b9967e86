"""Whether a command of the model may run: what the rules and policies say, and what a person says when asked."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from protocol.approval import AcceptWithAmendment, CommandApprovalParams, CommandDecision, ExecpolicyAmendment
from protocol.asks import COMMAND_APPROVAL
from protocol.wire import UNSET, Record
from rollout.events import ThreadWarning
from rollout.lines import ResponseItem
from server.commands.child import Launch
from server.engine.permission.decision import Ask, Forbid, decide, denied_by_sandbox, may_retry, retry_question
from server.engine.permission.grants import CommandKey, command_key
from server.engine.permission.script import join
from server.engine.settings import LOCAL
from server.engine.tools.command_item import CommandItem
from server.engine.tools.launching import is_walled
from server.engine.tools.tool import CallFailed, TurnCancelled, Work
from server.engine.tools.wishes import Permissions


class Wish(Record):
    """What the model wants to run, and what it says for it."""

    argv: list[str]
    cwd: str
    tty: bool = False
    escalated: bool = False
    justification: str | None = None
    prefix_rule: list[str] | None = None

    @classmethod
    def of(cls, said: Permissions, argv: list[str], cwd: str, *, tty: bool = False) -> Wish:
        """A wish with these words for it."""
        return cls(
            argv=argv,
            cwd=cwd,
            tty=tty,
            escalated=said.sandbox_permissions == "require_escalated",
            justification=said.justification,
            prefix_rule=said.prefix_rule,
        )

    @property
    def key(self) -> CommandKey:
        """What makes it the same as another one."""
        return command_key(self.argv, self.cwd, tty=self.tty, escalated=self.escalated)


class Permit(Record):
    """It may run: ``bypass``: outside the sandbox. ``asked``: a person said so."""

    bypass: bool
    asked: bool = False


async def permit(work: Work, item: CommandItem, wish: Wish) -> Permit:
    """Decide, and ask if nobody has decided yet.

    Raises :class:`~server.engine.tools.tool.CallFailed` and :class:`~server.engine.tools.tool.TurnCancelled`.
    """
    workspace, settings = work.workspace, work.settings
    rules = await workspace.rules(settings.cwd)
    await workspace.machine.sandbox.ready()
    decision = decide(
        settings.approval_policy,
        settings.sandbox,
        wish.argv,
        rules=rules,
        escalated=wish.escalated,
        justification=wish.justification,
        prefix_rule=wish.prefix_rule,
        granted=workspace.grants.allows_command(wish.key),
        can_confine=workspace.machine.sandbox.means is not None,
    )
    if isinstance(decision, Forbid):
        raise CallFailed(decision.text)
    if isinstance(decision, Ask):
        if not await _accepted(work, item, wish, decision):
            item.decline()
            raise CallFailed("exec command rejected by user")
        return Permit(bypass=decision.bypass_sandbox, asked=True)
    return Permit(bypass=decision.bypass_sandbox)


def may_try_again(work: Work, launch: Launch) -> bool:
    """Whether a command in this launch may run again without walls, if it looks as if they stopped it."""
    return is_walled(launch) and may_retry(work.settings.approval_policy)


async def without_walls(
    work: Work, item: CommandItem, wish: Wish, given: Permit, output: str, exit_code: int | None
) -> bool:
    """Whether a command that ended like this is to run again without walls; whoever was not asked before is asked.

    Raises :class:`~server.engine.tools.tool.TurnCancelled`.
    """
    if not denied_by_sandbox(output, exit_code):
        return False
    if given.asked:
        return True
    rules = await work.workspace.rules(work.settings.cwd)
    return await _accepted(work, item, wish, retry_question(wish.argv, rules))


async def _accepted(work: Work, item: CommandItem, wish: Wish, question: Ask) -> bool:
    amendment = question.proposed_amendment
    choices: list[CommandDecision] = ["accept", "cancel"]
    if amendment:
        choices.insert(1, _allowing(amendment))
    shown = item.shown
    params = CommandApprovalParams(
        thread_id=work.host.id,
        turn_id=work.turn_id,
        item_id=item.id,
        started_at_ms=time.time_ns() // 1_000_000,
        environment_id=LOCAL,
        reason=UNSET if question.reason is None else question.reason,
        command=shown.command,
        cwd=wish.cwd,
        command_actions=shown.command_actions,
        proposed_execpolicy_amendment=UNSET if amendment is None else amendment,
        available_decisions=choices,
    )
    decision = (await work.host.ask(COMMAND_APPROVAL, params, then=item.asked)).decision
    if decision == "cancel":
        item.decline()
        raise TurnCancelled
    if decision == "acceptForSession":
        work.workspace.grants.allow_command(wish.key)
    elif isinstance(decision, AcceptWithAmendment):
        await _allow(work, decision.accept_with_execpolicy_amendment.execpolicy_amendment)
    return decision != "decline"


def _allowing(prefix: Sequence[str]) -> AcceptWithAmendment:
    return AcceptWithAmendment(accept_with_execpolicy_amendment=ExecpolicyAmendment(execpolicy_amendment=list(prefix)))


async def _allow(work: Work, prefix: list[str]) -> None:
    """Allow commands that begin so from now on, in all threads that start later too. The model is told."""
    try:
        await work.workspace.allow(prefix)
    except (OSError, ValueError) as error:
        work.emit(ThreadWarning(message=f"The rule for `{join(prefix)}` was not saved: {error}"))
        return
    text = f"Approved command prefix saved:\n- {json.dumps(prefix, ensure_ascii=False)}"
    told = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}
    work.notes.append(ResponseItem(payload=told))
