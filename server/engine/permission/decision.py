"""Whether a command runs, is asked about, or is refused: rules first, then what is known of it and the policies.

Pure. The texts of refusals are for the model, the reasons of questions for users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from protocol.permissions import ApprovalPolicy, DangerFullAccess, ExternalSandbox, Granular, ReadOnly, SandboxPolicy
from server.engine.permission.rules import PrefixRule, RuleDecision, Rules
from server.engine.permission.safe import is_dangerous, is_safe, word_set
from server.engine.permission.script import heredoc, join, parse, source


class Allow(NamedTuple):
    """It runs, inside the sandbox of the thread unless ``bypass_sandbox``."""

    bypass_sandbox: bool = False


class Ask(NamedTuple):
    """A user decides. ``proposed_amendment``: first words of commands that could be allowed for ever.

    ``bypass_sandbox``: whether it runs outside the sandbox once it is accepted.
    """

    reason: str | None = None
    proposed_amendment: list[str] | None = None
    bypass_sandbox: bool = False


class Forbid(NamedTuple):
    """It does not run; ``text`` tells the model why."""

    text: str


Decision = Allow | Ask | Forbid

RETRY = "The command failed, and the sandbox seems to be the reason. Run it again without the sandbox?"
UNCONFINED = "No sandbox works on this machine: the command would run with full access."
_OUTSIDE = "It changes files outside of the folders that may be written."


class _Segment(NamedTuple):
    """One of the commands that a decision is about. ``own``: it may be proposed as what to allow."""

    argv: Sequence[str]
    safe: bool
    dangerous: bool
    rule: PrefixRule | None
    own: bool = True


class _Case(NamedTuple):
    """What a decision depends on beside the commands."""

    policy: ApprovalPolicy
    restricted: bool
    can_confine: bool
    escalated: bool

    @property
    def unconfined(self) -> bool:
        """Whether there should be walls and cannot be."""
        return self.restricted and not self.can_confine


def decide(
    policy: ApprovalPolicy,
    sandbox: SandboxPolicy,
    argv: Sequence[str],
    *,
    rules: Rules,
    escalated: bool = False,
    justification: str | None = None,
    prefix_rule: Sequence[str] | None = None,
    granted: bool = False,
    can_confine: bool = True,
) -> Decision:
    """What becomes of a command, given as it would be started.

    ``escalated``, ``justification`` and ``prefix_rule`` are what the model said with it; ``granted``: a user allowed
    this very command for the session; ``can_confine``: whether this machine can enforce ``sandbox``.
    """
    case = _Case(policy, is_restricted(sandbox), can_confine, escalated)
    if escalated and policy != "on-request":
        return Forbid(
            f"The approval policy is {_named(policy)}, so a command cannot ask to run outside the sandbox. "
            "Run it with the default permissions."
        )
    segments = _segments(argv, rules)
    judged: list[tuple[_Segment, RuleDecision]] = [(segment, _judge(segment, case)) for segment in segments]
    if forbidden := [segment for segment, verdict in judged if verdict == "forbidden"]:
        return Forbid(_refusal(forbidden[0], argv, case))
    bypass = escalated or case.unconfined
    prompting = [segment for segment, verdict in judged if verdict == "prompt"]
    if not prompting:
        return Allow(bypass or all(segment.rule for segment in segments))
    ruled = next((segment.rule for segment in prompting if segment.rule), None)
    if text := _nobody_may_be_asked(policy, argv, by_rule=ruled is not None):
        return Forbid(text)
    if granted:
        return Allow(bypass)
    if ruled:
        return Ask(_reason(ruled, argv), None, bypass)
    amendment = _proposal(prefix_rule, judged) or _own_proposal(prompting)
    return Ask(justification or (UNCONFINED if case.unconfined else None), amendment, bypass)


def is_restricted(sandbox: SandboxPolicy) -> bool:
    """Whether the policy is for us to enforce."""
    return not isinstance(sandbox, DangerFullAccess | ExternalSandbox)


def may_retry(policy: ApprovalPolicy) -> bool:
    """Whether a command that the sandbox stopped may be asked about again."""
    if isinstance(policy, Granular):
        return policy.granular.sandbox_approval
    return policy in ("untrusted", "on-failure")


def retry_question(argv: Sequence[str], rules: Rules) -> Ask:
    """The question after a denial, for a command that ran without one."""
    segments = _segments(argv, rules)
    ruled = any(segment.rule for segment in segments)
    return Ask(RETRY, None if ruled else _own_proposal(segments), bypass_sandbox=True)


def denied_by_sandbox(output: str, exit_code: int | None) -> bool:
    """Whether a command that ran in a sandbox seems to have failed because of it."""
    if not exit_code:
        return False
    return bool(_DENIALS.search(output)) or exit_code in _SIGSYS


_DENIALS = re.compile(
    r"operation not permitted|permission denied|read-only file system|seccomp|sandbox|landlock|failed to write file",
    re.IGNORECASE,
)
_SIGSYS = (128 + 31, -31)
"""How a command ends that made a forbidden system call, as a shell and as a parent see it."""


def patch_permission(
    policy: ApprovalPolicy,
    sandbox: SandboxPolicy,
    paths: Iterable[str],
    may_write: Callable[[str], bool],
    *,
    granted: bool = False,
) -> Decision:
    """What becomes of a patch of these absolute paths. ``may_write``: whether the sandbox lets a path be written.

    A patch that is accepted is written wherever its files are; one that is allowed lies within the sandbox's limits.
    """
    outside = [path for path in paths if is_restricted(sandbox) and not may_write(path)]
    if granted:
        return Allow(bypass_sandbox=bool(outside))
    if policy == "untrusted":
        return Ask(bypass_sandbox=True)
    if not outside:
        return Allow()
    if policy == "never" or (isinstance(policy, Granular) and not policy.granular.sandbox_approval):
        where = "the sandbox is read-only" if isinstance(sandbox, ReadOnly) else f"{outside[0]} may not be written"
        return Forbid(
            f"The patch was rejected: {where}, and the approval policy is {_named(policy)}: no user is asked."
        )
    return Ask(_OUTSIDE, bypass_sandbox=True)


def _segments(argv: Sequence[str], rules: Rules) -> list[_Segment]:
    text = source(argv)
    if text is not None and (script := parse(text)):
        return [
            _Segment(each, is_safe(each, expands=script.expands), is_dangerous(each), rules.match(each))
            for each in script.commands
        ]
    if text is not None and (fed := heredoc(text)):
        return [_Segment(fed, safe=False, dangerous=is_dangerous(fed), rule=rules.match(fed), own=False)]
    return [_Segment(argv, is_safe(argv), is_dangerous(argv), rules.match(argv))]


def _judge(segment: _Segment, case: _Case) -> RuleDecision:
    if segment.rule:
        return segment.rule.decision
    if segment.safe:
        return "allow"
    never = case.policy == "never"
    if segment.dangerous:
        return "prompt" if not never else "forbidden" if case.restricted else "allow"
    if case.unconfined:
        return "forbidden" if never else "prompt"
    return "prompt" if case.policy == "untrusted" or (case.restricted and case.escalated) else "allow"


def _refusal(segment: _Segment, argv: Sequence[str], case: _Case) -> str:
    command = join(argv)
    if segment.rule:
        words = join(segment.argv[: len(segment.rule.pattern)])
        why = segment.rule.justification or f"commands that begin with `{words}` are not to be run."
        return f"`{command}` was rejected by a rule of the user: {why}"
    if segment.dangerous:
        return (
            f"`{command}` was rejected: it destroys without asking, and the approval policy is never: no user is asked."
        )
    return (
        f"`{command}` was rejected: no sandbox works on this machine, and the approval policy (never) has no user "
        "asked. Only commands that are known to change nothing can run."
    )


def _nobody_may_be_asked(policy: ApprovalPolicy, argv: Sequence[str], *, by_rule: bool) -> str | None:
    match policy:
        case "never":
            asked = False
        case Granular(granular=granular):
            asked = granular.rules if by_rule else granular.sandbox_approval
        case _:
            asked = True
    needs = "a rule asks for a user's approval" if by_rule else "it needs a user's approval"
    return (
        None
        if asked
        else f"`{join(argv)}` was rejected: {needs}, and the approval policy ({_named(policy)}) has none asked."
    )


def _reason(rule: PrefixRule, argv: Sequence[str]) -> str:
    return f"A rule asks for approval of `{join(argv)}`" + (f": {rule.justification}" if rule.justification else ".")


def _own_proposal(segments: Iterable[_Segment]) -> list[str] | None:
    """The first command as a whole."""
    first = next(iter(segments))
    return list(first.argv) if first.own and not _covers_too_much(first.argv) else None


def _proposal(prefix: Sequence[str] | None, judged: Iterable[tuple[_Segment, RuleDecision]]) -> list[str] | None:
    """What the model proposed, if it means something narrow and would answer this question."""
    if not prefix or _covers_too_much(prefix):
        return None
    rest = [segment for segment, verdict in judged if verdict != "allow"]
    return list(prefix) if all(list(each.argv[: len(prefix)]) == list(prefix) for each in rest) else None


_RUN_ANYTHING = word_set(
    "bash sh zsh dash ksh fish pwsh powershell python pypy node deno bun ruby perl php lua osascript git sudo doas su "
    "env xargs nohup timeout time nice exec eval command builtin source . ssh"
)


def _covers_too_much(prefix: Sequence[str]) -> bool:
    """Whether words allow nearly everything: a program that runs others or code, with nothing but options."""
    if not prefix or not prefix[0]:
        return True
    name = prefix[0].rpartition("/")[2].rstrip("0123456789.") or prefix[0]
    return name in _RUN_ANYTHING and all(word.startswith("-") for word in prefix[1:])


def _named(policy: ApprovalPolicy) -> str:
    return "granular" if isinstance(policy, Granular) else policy
