"""The questions that wait for an answer: asked of all subscribers of a thread, decided by the first of them.

Plain functions where it counts: in one event loop two answers to one question cannot both find it open. Knows no
tool and no method.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from protocol import frames, notices
from protocol.approval import ServerRequestResolvedNotification
from protocol.errors import forbidden
from protocol.frames import Message, Question
from protocol.jsonrpc import Error, Response
from protocol.method import Ask
from protocol.wire import Wire
from server.connection import Connection
from server.outgoing import Outgoing
from server.subscriptions import Subscriptions

P = TypeVar("P", bound=Wire)
R = TypeVar("R")

_log = structlog.get_logger(__name__)


class Asker(Protocol):
    """A thread that asks its subscribers."""

    @property
    def id(self) -> str:
        """The thread's id."""
        ...

    def broadcast(self, message: Message) -> None:
        """Tell the subscribers."""
        ...

    def waits(self, ask: Ask[Any, Any], count: int) -> None:
        """One question of this kind more, or (-1) one less, is open."""
        ...


@dataclass(frozen=True, eq=False)
class _Open(Generic[R]):
    ask: Ask[Any, R]
    asker: Asker
    question: Question
    answered: asyncio.Future[R]


class Questions:
    """Open questions of all threads, by their ids, which count up from 0 in this process."""

    def __init__(self, outgoing: Outgoing, subscriptions: Subscriptions[Connection]) -> None:
        self._outgoing = outgoing
        self._subscriptions = subscriptions
        self._ids = count()
        self._open: dict[int, _Open[Any]] = {}

    async def put(self, asker: Asker, ask: Ask[P, R], params: P, then: Callable[[], None] | None = None) -> R:
        """Ask the thread's subscribers, and whoever attaches later, until one has answered.

        ``then`` runs between the thread's new status and the question. Cancelled, the question is withdrawn.
        """
        question = Question(ask, next(self._ids), params)
        answered: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._open[question.id] = _Open(ask, asker, question, answered)
        asker.waits(ask, 1)
        if then is not None:
            then()
        self._outgoing.broadcast(asker.id, question)
        try:
            return await answered
        finally:
            self._close(question.id)
            # What the asker now says before it waits for anything comes first: what was declined is over, and only
            # then does the thread wait no more.
            asyncio.get_running_loop().call_soon(asker.waits, ask, -1)

    def of(self, thread_id: str) -> list[Question]:
        """The open questions of a thread, the oldest first."""
        return [each.question for each in self._open.values() if each.asker.id == thread_id]

    def answer(self, connection: Connection, message: Response | Error) -> None:
        """Take an answer. It counts if the question is open and the connection follows its thread.

        Raises RpcError for a connection that may not answer.
        """
        if "answer" not in connection.scopes:
            raise forbidden("an answer to a question", "answer", connection.scopes)
        number = message.id
        found = self._open.get(number) if isinstance(number, int) else None
        if found is not None and found.answered.done():  # withdrawn just now; its asker is about to say so
            found = None
        if found is None or not self._subscriptions.follows(connection, found.asker.id):
            _log.info("answer_ignored", connection=connection.number, id=number)
            return
        result = _understood(found.ask, message)
        _log.info("answered", connection=connection.number, id=number, thread=found.asker.id, ask=found.ask.name)
        self._close(found.question.id)
        found.answered.set_result(result)

    def _close(self, number: int) -> None:
        """Forget a question, and tell the others that it is gone; once."""
        closed = self._open.pop(number, None)
        if closed is None:
            return
        if closed.ask.resolved:
            resolved = ServerRequestResolvedNotification(thread_id=closed.asker.id, request_id=number)
            closed.asker.broadcast(frames.notification(notices.SERVER_REQUEST_RESOLVED, resolved))


def _understood(ask: Ask[Any, R], message: Response | Error) -> R:
    if isinstance(message, Error):
        return ask.unclear if ask.refused is None else ask.refused
    try:
        return ask.decoder.decode(message.result)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        _log.info("answer_unclear", ask=ask.name, reason=str(error))
        return ask.unclear
