"""Whether a command is really a patch: ``apply_patch`` called as if it were a program. Pure.

There is no such program; a model that was taught one calls it in a shell all the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from protocol.wire import Record
from server.engine.patches.grammar import BEGIN, END, PatchError

NAMES = ("apply_patch", "applypatch")

_SHELLS = ("bash", "sh", "zsh")
_MEANS_MORE = r"""\s'"\\$`;&|<>(){}*?\[\]"""
_WORD = (
    r"""'(?P<single>[^'\n]*)'|"(?P<double>[^"\\$`\n]*)"|"""
    rf"(?P<bare>[^~#!{_MEANS_MORE}][^{_MEANS_MORE}]*)"
)
_ONLY_A_PATCH = re.compile(
    rf"""\s*(?:cd[ \t]+(?:{_WORD})[ \t]*&&\s*)?(?:{"|".join(NAMES)})[ \t]*"""
    r"""<<[ \t]*(?P<quote>['"]?)(?P<end>\w+)(?P=quote)[ \t]*\n(?P<patch>.*)""",
    re.DOTALL,
)


class Invocation(Record):
    """A patch that a command carries; ``workdir``: where the command goes first, relative to its own folder or not."""

    patch: str
    workdir: str | None = None


def invocation(argv: Sequence[str]) -> Invocation | None:
    """The patch that this command is, or None if it is another command.

    Raises PatchError if it is a patch with no call of anything.
    """
    if len(argv) == 2 and argv[0] in NAMES:
        return Invocation(patch=argv[1])
    script = argv[0] if len(argv) == 1 else _script(argv)
    if script is None:
        return None
    stripped = script.strip()
    if stripped.startswith(BEGIN) and stripped.endswith(END):
        raise PatchError("this command is a patch, not a program: give the patch to the apply_patch tool as its input")
    return None if len(argv) == 1 else _in_script(script)


def _script(argv: Sequence[str]) -> str | None:
    """What a shell is told to run."""
    if len(argv) == 3 and os.path.basename(argv[0]) in _SHELLS and argv[1] in ("-lc", "-c"):
        return argv[2]
    return None


def _in_script(script: str) -> Invocation | None:
    """The patch of a script that does nothing else: nothing stands behind the line that ends the heredoc."""
    if (found := _ONLY_A_PATCH.fullmatch(script)) is None:
        return None
    lines = found["patch"].rstrip().split("\n")
    if found["end"] not in lines or lines.index(found["end"]) != len(lines) - 1:
        return None
    words = (found["single"], found["double"], found["bare"])
    workdir = next((word for word in words if word is not None), None)
    if workdir is not None and (not workdir or workdir.startswith("-")):
        return None
    return Invocation(patch="\n".join(lines[:-1]) + "\n", workdir=workdir)
