"""What tools that run commands have in common: what a model may say of its permissions, and patches in disguise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from protocol.wire import Record
from server.engine.patches.grammar import PatchError
from server.engine.patches.invocation import Invocation, invocation
from server.engine.tools.tool import CallFailed


class Permissions(Record):
    """The members of a call that ask for more than its thread has."""

    sandbox_permissions: Literal["use_default", "require_escalated"] = "use_default"
    justification: str | None = None
    prefix_rule: list[str] | None = None


def permission_members() -> dict[str, Any]:
    """Their JSON Schemas."""
    return {
        "sandbox_permissions": {
            "type": "string",
            "enum": ["use_default", "require_escalated"],
            "description": (
                "require_escalated asks the user to let this command run outside the sandbox; the default is to run "
                "inside it."
            ),
        },
        "justification": {
            "type": "string",
            "description": "With require_escalated: the question to the user: one sentence, what it is for.",
        },
        "prefix_rule": {
            "type": "array",
            "items": {"type": "string"},
            "description": (
                'With require_escalated: first words of the command, such as ["npm", "install"]; the user may then '
                "allow all commands that begin with them."
            ),
        },
    }


def patch_in(argv: Sequence[str]) -> Invocation | None:
    """The patch that a command is, if it is one. Raises :class:`~server.engine.tools.tool.CallFailed`."""
    try:
        return invocation(argv)
    except PatchError as error:
        raise CallFailed(f"apply_patch verification failed: {error}") from error
