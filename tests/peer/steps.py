"""What conversations are made of: steps as data. Knows no server and plays nothing.

In the text of a step ``$name`` stands for what an earlier reply was saved as, for a prepared thread (``$name`` is its
id, ``$name_path`` its file), for the CODEX_HOME (``$home``), or for the version of the peer (``$version``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support import codex
from tests.support.rollouts import Written

VERSIONS = (codex.REFERENCE, codex.NEWEST)
"""The versions of the peer that ours is held against, oldest first."""

OLD = (codex.REFERENCE,)
NEW = (codex.NEWEST,)


@dataclass(frozen=True)
class Ask:
    """A connection asks. ``save``: name -> member of the result. Without ``wait`` the reply may come when it likes.

    ``called``: what the table of differences calls this request; otherwise it goes by its method.
    """

    who: str
    method: str
    params: Mapping[str, Any]
    save: Mapping[str, str] = field(default_factory=dict)
    wait: bool = True
    called: str | None = None


@dataclass(frozen=True)
class Send:
    """A connection sends a frame as it is, and waits for the reply to this id if there must be one."""

    who: str
    frame: str
    answer_to: str | int | None = None


@dataclass(frozen=True)
class Hear:
    """Wait for a connection's next notification of this method whose params hold these. ``save``: as for requests."""

    who: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A connection answers a question of this method with ``said``, a ``result`` or an ``error``: the next one, or
    ``at`` this place among all that it has heard."""

    who: str
    method: str
    said: Mapping[str, Any]
    at: int | None = None


@dataclass(frozen=True)
class Settle:
    """Wait until a connection has received everything that was sent to it before."""

    who: str


@dataclass(frozen=True)
class Open:
    """Let the model go on past this gate."""

    gate: str


@dataclass(frozen=True)
class Leave:
    """A connection hangs up."""

    who: str


Step = Ask | Send | Hear | Answer | Settle | Open | Leave


class Seed(Protocol):
    """Writes a rollout into a CODEX_HOME."""

    def __call__(self, home: Path, *, number: int, provider: str, cwd: str) -> Written: ...


@dataclass(frozen=True)
class Joining:
    """How a connection introduces itself, always in the version of the peer. Without a ``name`` it does not."""

    name: str | None = "codex-tui"
    experimental: bool = True
    opt_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """A script, the connections that take part, and the threads that are there before it begins.

    ``versions``: of the peer; others know no such request.
    """

    name: str
    steps: Sequence[Step]
    clients: Mapping[str, Joining]
    seeds: Mapping[str, Seed]
    versions: Sequence[str] = VERSIONS


@dataclass(frozen=True)
class Group:
    """Conversations that follow each other on one server. ``prepare`` writes what all of them find there."""

    name: str
    conversations: Sequence[Conversation]
    prepare: Callable[[Path], Mapping[str, str]] = lambda _home: {}


Part = Step | Sequence[Step]


def conversation(
    name: str,
    *parts: Part,
    clients: Mapping[str, Joining] | None = None,
    seeds: Mapping[str, Seed] | None = None,
    versions: Sequence[str] = VERSIONS,
) -> Conversation:
    """A conversation of these steps. Whoever speaks takes part from the beginning."""
    steps: list[Step] = []
    for part in parts:
        steps.extend(part if isinstance(part, Sequence) else [part])
    present = {step.who: Joining() for step in steps if not isinstance(step, Open)}
    return Conversation(name, steps, dict(sorted((present | dict(clients or {})).items())), dict(seeds or {}), versions)


def ask(
    who: str,
    method: str,
    *,
    save: Mapping[str, str] | None = None,
    wait: bool = True,
    called: str | None = None,
    **params: Any,
) -> Ask:
    """Ask, and wait for the reply unless told otherwise."""
    return Ask(who, method, params, save or {}, wait, called)


def start(who: str = "A", thread: str = "thread", **params: Any) -> list[Step]:
    """A new thread, saved under this name, of which its maker has heard."""
    began = Hear(who, "thread/started", {"thread": {"id": f"${thread}"}})
    return [ask(who, "thread/start", save={thread: "thread.id"}, **params), began]


def words(text: str) -> list[dict[str, Any]]:
    """Input that is only text."""
    return [{"type": "text", "text": text}]


def begin(who: str, text: str, thread: str = "$thread", turn: str = "turn", **params: Any) -> Ask:
    """Begin a turn and save its id."""
    return ask(who, "turn/start", save={turn: "turn.id"}, threadId=thread, input=words(text), **params)


def say(who: str, text: str, thread: str = "$thread", *, end: str = "completed", **params: Any) -> list[Step]:
    """A whole turn, which ends like this."""
    return [begin(who, text, thread, **params), ended(who, thread, end)]


def ended(who: str, thread: str = "$thread", how: str = "completed") -> Hear:
    """Wait for the end of a turn."""
    return Hear(who, "turn/completed", {"threadId": thread, "turn": {"status": how}})


def held(who: str, gate: str, thread: str = "$thread") -> list[Step]:
    """A turn that has said its first word and waits at a gate."""
    return [begin(who, f"gate:{gate}", thread), Hear(who, "item/agentMessage/delta", {"threadId": thread})]
