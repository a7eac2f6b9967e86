"""What a model is told of a command that it looked at: the one form that ``exec_command`` and ``write_stdin`` share."""

from __future__ import annotations

import secrets

from server.commands.terminals import Seen, Terminal
from server.engine.settings import Settings
from server.engine.tools.truncation import Budget, token_count, with_line_count

MOST_TOKENS = 10_000
"""Tokens of output if the model names no other number."""


def told(terminal: Terminal, seen: Seen, settings: Settings, most_tokens: int | None) -> str:
    """A few lines about the command, and what it said. It is forgotten once the model knows of its end."""
    if seen.exit_code is None:
        state = f"Process running with session ID {terminal.number}"
    else:
        state = f"Process exited with code {seen.exit_code}"
    budget = Budget.of(settings).at_most(MOST_TOKENS if most_tokens is None else most_tokens)
    lines = [
        f"Chunk ID: {secrets.token_hex(3)}",
        f"Wall time: {seen.seconds:.4f} seconds",
        state,
        f"Original token count: {token_count(seen.size)}",
        "Output:",
        with_line_count(seen.output, budget),
    ]
    return "\n".join(lines)


def seconds_within(milliseconds: int, shortest: int, longest: int) -> float:
    """A time in seconds, within bounds in milliseconds."""
    return max(shortest, min(milliseconds, longest)) / 1000
