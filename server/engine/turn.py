"""What all turns have in common: a beginning, some work, and one of three ends. Knows no client and no file."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import structlog
from uuid_utils import uuid7

from protocol.wire import UNSET
from rollout import events
from rollout.events import Event
from rollout.lines import Entry, ResponseItem
from rollout.usage import exceeded
from server.engine.asking import Asking
from server.engine.host import Host
from server.engine.inputs import Input
from server.engine.settings import Settings
from server.errors import TurnError
from server.providers.provider import Provider

if TYPE_CHECKING:
    from server.engine.user_shell import UserShell

_log = structlog.get_logger(__name__)

Kind = Literal["regular", "compact", "review"]

INTERRUPTED = (
    "<turn_aborted>\nThe user stopped the turn here. Commands that were running may have done part of their work, "
    "and some may still run.\n</turn_aborted>"
)


class Turn(ABC):
    """A turn of one thread, begun once; :attr:`ended` is done when it is over."""

    kind: Kind
    answers: ClassVar[bool] = True
    """Somebody may want to see what it says: it makes its thread unread."""
    last_message: str | None = None
    """The newest text of the agent."""
    first_token_at: float | None = None
    """When its first word came, in ``time.monotonic()``."""

    def __init__(self, host: Host, provider: Provider, settings: Settings) -> None:
        self.id = str(uuid7())
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._host = host
        self._settings = settings
        self._asking = Asking(host, provider, settings, self.id)
        self._open = True
        self._stopped = self._replaced = False
        self._waiting: list[asyncio.Future[None]] = []
        self._work: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()

    @abstractmethod
    def steer(self, given: Input) -> bool:
        """Add input to the turn. False if it takes none, or none any more."""

    def run_beside(self, shell: UserShell) -> bool:
        """Run a person's command beside what the turn does. False if that cannot be, or not any more."""
        return False

    def waits(self, client_id: str) -> bool:
        """Whether input of this id waits here and is sure to be taken in, whatever ends the turn."""
        return False

    @abstractmethod
    async def _do(self) -> None:
        """What the turn is there for. Raises :class:`~server.errors.TurnError`."""

    @abstractmethod
    async def _keep(self, *, failed: bool) -> None:
        """Record what must not be lost although the turn failed or was stopped."""

    def _last_words(self, *, failed: bool) -> Sequence[Event | Entry]:
        """What it says after the error that it failed with, or when it has been stopped."""
        return ()

    def begin(self) -> None:
        """Start it. Its first event is emitted in a later turn of the event loop."""
        self._began = time.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_open(self) -> bool:
        """It is not about to end. If it is, it takes no more input."""
        return self._open

    def stop(self, *, replaced: bool = False) -> None:
        """Have it stop soon. Steered input that waits is discarded. ``replaced``: to make room for another turn, of
        which the model hears nothing."""
        self._open = False
        if self._stopped:  # what it does to stop is not stopped
            return
        self._stopped, self._replaced = True, replaced
        if self._work is not None:
            self._work.cancel()

    async def interrupt(self) -> None:
        """Stop it. Returns when it has stopped, just before its end is told."""
        if self.ended.done():
            return
        self.stop()
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
        self._work = asyncio.get_running_loop().create_task(self._do())
        if self._stopped:  # before it ran
            self._work.cancel()
        await asyncio.wait({self._work})
        self._open = False
        if self._work.cancelled():
            await self._abort()
        elif (error := self._work.exception()) is not None:
            await self._fail(error)
        else:
            self._host.emit(self._complete(self.last_message))
        # An error knows the frames it came through, and these know this turn. Such a ring of references would keep
        # what they last looked at, which may be long, until the garbage collector comes by.
        self._work = error = None
        self.ended.set_result(None)
        self._release()
        await self._host.sync()

    async def _abort(self) -> None:
        self._host.emit(*self._last_words(failed=False))
        self._release()
        await asyncio.sleep(0)  # whoever asked for it gets the reply before the thread hears of the end
        await self._keep(failed=False)
        marker = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": INTERRUPTED}]}
        told = [] if self._replaced else [ResponseItem(payload=marker)]
        reason = "replaced" if self._replaced else "interrupted"
        completed_at, duration_ms = self._times()
        end = events.TurnAborted(turn_id=self.id, reason=reason, completed_at=completed_at, duration_ms=duration_ms)
        self._host.emit(*told, end)

    async def _fail(self, error: BaseException) -> None:
        if not isinstance(error, TurnError):
            _log.error("turn_failed", thread=self._host.id, turn=self.id, exc_info=error)
            error = TurnError("The turn failed inside the server; its log has the details.")
        await self._keep(failed=True)
        if error.context_full:
            full = exceeded(self._host.usage_info, self._settings.known.effective_window)
            self._host.emit(events.TokenCount(info=full))
        limits = error.rate_limits
        if limits is not None and (limits.primary or limits.secondary or limits.credits):
            self._host.emit(events.TokenCount(info=self._host.usage_info, rate_limits=limits))
        failed = events.Error(message=error.message, codex_error_info=error.stored_info())
        self._host.emit(failed, *self._last_words(failed=True), self._complete(None))

    def _started(self) -> events.TaskStarted:
        return events.TaskStarted(
            turn_id=self.id,
            started_at=int(time.time()),
            model_context_window=self._settings.known.effective_window,
            collaboration_mode_kind=self._settings.collaboration.mode,
        )

    def _complete(self, last_message: str | None) -> events.TaskComplete:
        completed_at, duration_ms = self._times()
        first = self.first_token_at
        return events.TaskComplete(
            turn_id=self.id,
            last_agent_message=last_message,
            completed_at=completed_at,
            duration_ms=duration_ms,
            time_to_first_token_ms=UNSET if first is None else round((first - self._began) * 1000),
        )

    def _times(self) -> tuple[int, int]:
        return int(time.time()), round((time.monotonic() - self._began) * 1000)
