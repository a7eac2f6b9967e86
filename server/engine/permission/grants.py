"""What users allowed for as long as the thread is loaded: the same command or file is not asked about again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class CommandKey(NamedTuple):
    """What makes a command the same: anything else in it is another question."""

    argv: tuple[str, ...]
    cwd: str
    tty: bool
    escalated: bool


def command_key(argv: Sequence[str], cwd: str, *, tty: bool = False, escalated: bool = False) -> CommandKey:
    """The key of a command, with the argv as it would be started."""
    return CommandKey(tuple(argv), cwd, tty, escalated)


class Grants:
    """The answers ``acceptForSession`` of one thread."""

    def __init__(self) -> None:
        self._commands: set[CommandKey] = set()
        self._paths: set[str] = set()

    def allow_command(self, key: CommandKey) -> None:
        """Not to be asked about again."""
        self._commands.add(key)

    def allows_command(self, key: CommandKey) -> bool:
        """Whether a user allowed just this."""
        return key in self._commands

    def allow_paths(self, paths: Iterable[str]) -> None:
        """These absolute paths may be patched."""
        self._paths.update(paths)

    def allows_paths(self, paths: Iterable[str]) -> bool:
        """Whether a user allowed all of these, of which there is at least one."""
        asked = set(paths)
        return bool(asked) and asked <= self._paths
