"""What a model is told of what it may do: files, network, questions to people, and what was allowed for ever.

The words follow from the settings and from what this machine can enforce. Looks at the file system, off the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from protocol.permissions import ApprovalPolicy, DangerFullAccess, ExternalSandbox, Granular, ReadOnly, WorkspaceWrite
from server.commands.places import Places
from server.engine.permission.decision import is_restricted
from server.engine.permission.script import join
from server.engine.settings import Settings
from server.engine.workspace import Workspace
from server.errors import ConfigError

MAX_PREFIXES = 100
"""Saved prefixes that are listed."""

_ASKING: dict[str, str] = {
    "never": (
        "Nobody is asked. What these limits stop stays stopped, so leave out `sandbox_permissions`: find a way within "
        "them, or say what is missing."
    ),
    "on-failure": (
        "Commands run within these limits; if one fails because of them, the user is asked whether it may run without. "
        "Leave out `sandbox_permissions`: calls that ask for more are refused."
    ),
    "untrusted": (
        "The user is asked before each command that is not known to change nothing, and before each patch. Leave out "
        "`sandbox_permissions`: calls that ask for more are refused."
    ),
    "on-request": (
        "A command may ask the user for leave to run without these limits: call exec_command with "
        "`sandbox_permissions` set to `require_escalated` and `justification` set to one question that says what it is "
        "for. Do so when the task needs it and it cannot work within them (a download, a file elsewhere), or when it "
        "has just failed because of them; not for anything else. With `prefix_rule` you may propose the first words of "
        "the command, which the user can then allow for all later ones: a narrow prefix, never a shell or an "
        "interpreter alone. A patch outside of the writable folders is asked about by itself. If the user says no, do "
        "not try the same in another way."
    ),
}


async def permission_words(settings: Settings, workspace: Workspace) -> str | None:
    """The instructions for a turn with these settings; None if the configuration leaves them out."""
    if not settings.keys.include_permissions_instructions:
        return None
    roots = await asyncio.to_thread(_roots, settings, workspace)
    allowed = await _allowed(settings, workspace)
    await workspace.machine.sandbox.ready()
    confined = workspace.machine.sandbox.means is not None
    parts = [*_limits(settings, roots, confined=confined), _asking(settings.approval_policy), *_saved(allowed)]
    return "<permissions instructions>\n" + "\n".join(parts) + "\n</permissions instructions>"


async def _allowed(settings: Settings, workspace: Workspace) -> Sequence[Sequence[str]]:
    try:
        return (await workspace.rules(settings.cwd)).allowed
    except ConfigError:  # whoever runs a command hears of it
        return []


def _roots(settings: Settings, workspace: Workspace) -> Sequence[str]:
    machine, sandbox = workspace.machine, settings.sandbox
    if not isinstance(sandbox, WorkspaceWrite):
        return []
    return Places.under(sandbox, settings.cwd, machine.environ, str(machine.home)).roots


def _limits(settings: Settings, roots: Sequence[str], *, confined: bool) -> Iterator[str]:
    match settings.sandbox:
        case DangerFullAccess():
            yield "Sandbox mode `danger-full-access`: commands and patches have no limits of files or network."
        case ExternalSandbox(network_access=network):
            yield "Commands run in a sandbox that others keep; this server adds no limits of files."
            yield _network(network == "enabled")
        case ReadOnly(network_access=network):
            yield "Sandbox mode `read-only`: commands can read all files and write none."
            yield _network(network)
        case WorkspaceWrite(network_access=network):
            yield (
                "Sandbox mode `workspace-write`: commands can read all files, and write in these folders: "
                + ", ".join(f"`{root}`" for root in roots)
                + ". In there `.git`, `.codex` and `.agents` stay as they are, so that a commit needs leave as well."
            )
            yield _network(network)
    if is_restricted(settings.sandbox) and not confined:
        runs = "does not run" if settings.approval_policy == "never" else "runs only if the user says so, unlimited"
        yield f"No sandbox works on this machine, though: a command that is not known to change nothing {runs}."


def _network(allowed: bool) -> str:
    return "They can use the network." if allowed else "They have no network."


def _asking(policy: ApprovalPolicy) -> str:
    if not isinstance(policy, Granular):
        return f"Approval policy `{policy}`. {_ASKING[policy]}"
    flags = policy.granular
    kinds = (
        ("commands and patches beyond these limits", flags.sandbox_approval),
        ("commands that a rule wants asked about", flags.rules),
        ("what MCP servers want to know", flags.mcp_elicitations),
    )
    asked = "; ".join(f"{kind}: {'asked' if may else 'refused at once'}" for kind, may in kinds)
    return f"Approval policy by kind. {asked}. Leave out `sandbox_permissions`: calls that ask for more are refused."


def _saved(prefixes: Sequence[Sequence[str]]) -> Iterator[str]:
    if not prefixes:
        return
    yield "Commands that begin with one of these run at once and without limits, for the user allowed it:"
    yield from (f"- `{join(prefix)}`" for prefix in prefixes[:MAX_PREFIXES])
    if len(prefixes) > MAX_PREFIXES:
        yield f"- and {len(prefixes) - MAX_PREFIXES} more"
