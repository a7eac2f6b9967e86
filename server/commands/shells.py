"""Which shell runs a person's script, and with which arguments. Knows no process."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
from pathlib import Path

_FALLBACK = "/bin/sh"


def user_shell() -> str:
    """The login shell of who runs this server; ``/bin/sh`` if the system names none."""
    named = _named(os.getuid())
    return named if named and Path(named).name in KNOWN and os.access(named, os.X_OK) else _FALLBACK


@functools.cache
def _named(uid: int) -> str | None:
    """What the system says; it may look that up in many places, and would for each command."""
    try:
        return pwd.getpwuid(uid).pw_shell
    except KeyError:
        return None


KNOWN = ("bash", "zsh", "sh", "dash", "ksh", "fish")
"""Shells that take ``-c`` and ``-l``; whoever has something else here, such as ``nologin``, has no shell."""


def shell_named(name: str) -> str:
    """The program of a shell that is named by path, or by kind; of its kind, if there is none at that path."""
    return shutil.which(name) or shutil.which(Path(name).name) or name


def script_argv(shell: str, script: str, *, login: bool) -> list[str]:
    """What to run for a script: with ``login``, the shell reads what it reads when somebody logs in."""
    return [shell, "-lc" if login else "-c", script]
