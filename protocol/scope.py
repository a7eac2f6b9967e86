"""What a client may do, in four words; how it is told, and how a request is refused that needs another one."""

from __future__ import annotations

from typing import Literal, get_args

from protocol.wire import Wire

Scope = Literal["view", "answer", "write", "admin"]
"""``view``: read, attach, hear. ``answer``: answer questions, approvals among them. ``write``: threads and turns.
``admin``: the machine and the configuration. None of them holds another, but everybody who came in may view."""

SCOPES: tuple[Scope, ...] = get_args(Scope)
"""All of them, in the order in which they are told."""

EXTENSION = "threadcast/scopes"
"""Member of ``capabilities.extensions``: true asks to be told one's scopes in the reply to ``initialize``."""


class MissingScope(Wire):
    """``data`` of a refusal: what the request needs, and what the client has."""

    required_scope: Scope
    scopes: list[Scope]
    type: str = "missingScope"


def ordered(scopes: frozenset[Scope]) -> list[Scope]:
    """As they are told."""
    return [scope for scope in SCOPES if scope in scopes]
