"""One running turn: input, sampling until the model is done, and one of three ends. Knows no client and no file."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import structlog
from uuid_utils import uuid7

from protocol.wire import UNSET
from rollout import events
from rollout.lines import ResponseItem
from rollout.usage import exceeded
from server.engine import context
from server.engine.attachments import gather
from server.engine.host import Host
from server.engine.inputs import Input, said
from server.engine.sampling import Sampler
from server.engine.settings import Settings
from server.errors import TurnError
from server.providers.provider import Provider
from server.skills.store import Skills, SkillSet

_log = structlog.get_logger(__name__)

INTERRUPTED = (
    "<turn_aborted>\nThe user stopped the turn here. Commands that were running may have done part of their work, "
    "and some may still run.\n</turn_aborted>"
)


class Turn:
    """A turn of one thread. Made with its input, then begun once; :attr:`ended` is done when it is over."""

    def __init__(
        self,
        host: Host,
        provider: Provider,
        settings: Settings,
        given: Input,
        output_schema: Any = None,
        skills: Skills | None = None,
    ) -> None:
        self.id = str(uuid7())
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._host = host
        self._settings = settings
        self._output_schema = output_schema
        self._all_skills = skills
        self._skills = SkillSet()  # those of the turn's working directory, once they have been looked for
        self._sampler = Sampler(host, provider, settings, self.id, output_schema)
        self._pending = [given]
        self._has_begun = False  # the turn's own input is taken in
        self._open = True
        self._waiting: list[asyncio.Future[None]] = []
        self._work: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()

    def begin(self) -> None:
        """Start it. Its first event is emitted in a later turn of the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_open(self) -> bool:
        """It takes more input. If not it ends at once."""
        return self._open

    def waits(self, client_id: str) -> bool:
        """Whether input of this id waits here and is sure to be taken in, whatever ends the turn.

        Input that was steered into a turn which closes is not: what comes of it is known when the turn has ended.
        """
        sure = self._pending if self._open else self._pending[:1] if not self._has_begun else []
        return any(given.client_id == client_id for given in sure)

    def steer(self, given: Input) -> bool:
        """Add input to the running turn. False if it takes none any more: then it ends at once."""
        if self._open:
            self._pending.append(given)
        return self._open

    async def interrupt(self) -> None:
        """Stop it. Returns when it has stopped, just before its end is told. Steered input that waits is discarded."""
        if self.ended.done():
            return
        self._open = False
        if self._work is not None:
            self._work.cancel()
        # A future of its own for each who waits: its task is woken at once, before the turn itself goes on.
        stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(stopped)
        await stopped

    def _release(self) -> None:
        for stopped in self._waiting:
            if not stopped.done():
                stopped.set_result(None)
        self._waiting.clear()

    async def _run(self) -> None:
        self._host.emit(self._started())  # first of all: a turn that is stopped before it does anything has begun
        self._work = asyncio.get_running_loop().create_task(self._converse())
        if not self._open:  # interrupted before it ran
            self._work.cancel()
        await asyncio.wait({self._work})
        self._open = False
        if self._work.cancelled():
            await self._abort()
        elif (error := self._work.exception()) is not None:
            await self._fail(error)
        else:
            self._host.emit(self._complete(self._sampler.last_message))
        self.ended.set_result(None)
        self._release()
        await self._host.sync()

    async def _converse(self) -> None:
        prompt = await self._host.prompt()
        if self._all_skills is not None:
            self._skills = await self._all_skills.at(self._settings.cwd)
        current = context.turn_context(self.id, self._settings, datetime.now().astimezone(), self._output_schema)
        self._host.emit(*context.news(self._settings, current, prompt.reference, self._skills), current)
        while True:
            await self._take_in()
            called = await self._sampler.sample(prompt)
            if not called and not self._pending:
                self._open = False  # in the same breath as the look at what is pending: nothing can slip in between
                return

    async def _take_in(self) -> None:
        while self._pending:
            given = self._pending[0]
            attached = await gather(given.content, self._settings.cwd, self._skills)
            self._pending.pop(0)  # in the same breath as it is said: an interrupt finds it here or there
            self._host.emit(*said(self.id, given, attached))
            self._has_begun = True

    async def _abort(self) -> None:
        self._release()
        await asyncio.sleep(0)  # whoever asked for it gets the reply before the thread hears of the end
        if not self._has_begun and self._pending:  # what the turn was begun with is kept in any case
            given = self._pending[0]
            self._host.emit(*said(self.id, given, await gather(given.content, self._settings.cwd, self._skills)))
        marker = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": INTERRUPTED}]}
        completed_at, duration_ms = self._times()
        self._host.emit(
            ResponseItem(payload=marker),
            events.TurnAborted(
                turn_id=self.id, reason="interrupted", completed_at=completed_at, duration_ms=duration_ms
            ),
        )

    async def _fail(self, error: BaseException) -> None:
        if not isinstance(error, TurnError):
            _log.error("turn_failed", thread=self._host.id, turn=self.id, exc_info=error)
            error = TurnError("The turn failed inside the server; its log has the details.")
        await self._take_in()  # input that was accepted is kept, for the next turn's model to see
        if error.context_full:
            full = exceeded(self._host.usage_info, self._settings.known.effective_window)
            self._host.emit(events.TokenCount(info=full))
        limits = error.rate_limits
        if limits is not None and (limits.primary or limits.secondary or limits.credits):
            self._host.emit(events.TokenCount(info=self._host.usage_info, rate_limits=limits))
        failed = events.Error(message=error.message, codex_error_info=error.stored_info())
        self._host.emit(failed, self._complete(None))

    def _started(self) -> events.TaskStarted:
        return events.TaskStarted(
            turn_id=self.id,
            started_at=int(time.time()),
            model_context_window=self._settings.known.effective_window,
            collaboration_mode_kind=self._settings.collaboration.mode,
        )

    def _complete(self, last_message: str | None) -> events.TaskComplete:
        completed_at, duration_ms = self._times()
        first = self._sampler.first_token_at
        return events.TaskComplete(
            turn_id=self.id,
            last_agent_message=last_message,
            completed_at=completed_at,
            duration_ms=duration_ms,
            time_to_first_token_ms=UNSET if first is None else round((first - self._began) * 1000),
        )

    def _times(self) -> tuple[int, int]:
        return int(time.time()), round((time.monotonic() - self._began) * 1000)
