"""What tools that run commands have in common: what a model may say of its permissions, and patches in disguise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

from protocol.wire import Record
from rollout.lines import ResponseItem
from server.engine.patches.grammar import PatchError
from server.engine.patches.invocation import invocation
from server.engine.tools.apply_patch import patch_files
from server.engine.tools.tool import CallFailed, Work


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


async def patched(call_id: str, argv: Sequence[str], cwd: str, work: Work) -> str | None:
    """What applying the patch said that a command is; None if it is another command.

    Raises :class:`~server.engine.tools.tool.CallFailed` and :class:`~server.engine.tools.tool.TurnCancelled`.
    """
    try:
        found = invocation(argv)
    except PatchError as error:
        raise CallFailed(f"apply_patch verification failed: {error}") from error
    if found is None:
        return None
    work.notes.append(_advice())
    return await patch_files(call_id, found.patch, os.path.join(cwd, found.workdir or ""), work)


def _advice() -> ResponseItem:
    text = "Warning: a patch came as a command. Use the apply_patch tool for patches, not a shell."
    return ResponseItem(payload={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
