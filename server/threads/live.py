"""LiveThread: one loaded thread. Attach (snapshot and subscribe in one breath) and publish (durable, then known).

In one event loop a plain ``def`` is a critical section: neither ``attach`` nor ``publish`` awaits anything, so no event
can come between a joiner's snapshot and its first live event. Knows no handler, no file format and no model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from protocol import frames, methods
from protocol.errors import RpcError, invalid_request
from protocol.frames import Frame
from protocol.item import UserInput
from protocol.thread import Thread, ThreadStatus, ThreadStatusChangedNotification
from protocol.turn import Turn as WireTurn
from protocol.turn import WarningNotification
from rollout import events
from rollout.catalog import ThreadSummary
from rollout.events import Event, TokenUsageInfo
from rollout.history import History, present
from rollout.lines import Entry
from rollout.mapping import optional, turn_error
from rollout.policy import is_recorded
from rollout.prompt import Prompt
from rollout.reader import RolloutError
from rollout.recorder import Recorder
from rollout.usage import Usage
from server.connection import Connection
from server.engine.settings import Settings
from server.engine.turn import Turn
from server.errors import TurnError
from server.outgoing import Outgoing
from server.providers.provider import Provider
from server.subscriptions import Subscriptions
from server.threads.describe import thread_object
from server.threads.inflight import InFlight
from server.threads.limits import Limits
from server.threads.replay import Replay, decide
from server.threads.status import Status
from server.threads.translate import notifications

_log = structlog.get_logger(__name__)


@dataclass
class Memory:
    """What a thread remembers, seeded from its rollout. ``prompt`` is built when a turn first needs it."""

    history: History
    usage: Usage
    prompt: Prompt | None
    load_prompt: Callable[[], Awaitable[Prompt]]

    def feed(self, entry: Entry) -> None:
        """Fold in what was just recorded."""
        self.history.feed(entry)
        if isinstance(entry, events.TokenCount):
            self.usage.feed(entry, self.history)
        if self.prompt is not None:
            self.prompt.feed(entry)


@dataclass(frozen=True)
class Snapshot:
    """What an attaching connection gets: the thread as of now, and the usage replay that follows the reply."""

    thread: Thread
    replay: Replay


class LiveThread:
    """A thread in memory. ``on_change`` is called when it may have become idle or active."""

    def __init__(
        self,
        *,
        summary: ThreadSummary,
        settings: Settings,
        memory: Memory,
        recorder: Recorder | None,
        outgoing: Outgoing,
        subscriptions: Subscriptions[Connection],
        limits: Limits,
        on_change: Callable[[LiveThread], None],
        appendable: bool = True,
    ) -> None:
        self.summary = summary
        self.settings = settings
        self.client: tuple[str, str] = ("threadcast", "0")
        self.turn: Turn | None = None
        self.interrupted: str | None = None
        """The turn that was stopped last."""
        self._memory = memory
        self._recorder = recorder
        self._outgoing = outgoing
        self._subscriptions = subscriptions
        self._limits = limits
        self._on_change = on_change
        self._appendable = appendable
        self._status = Status()
        self._running: InFlight | None = None

    @property
    def id(self) -> str:
        """The thread's id."""
        return self.summary.id

    @property
    def ephemeral(self) -> bool:
        """It is never written to disk."""
        return self._recorder is None

    @property
    def status(self) -> ThreadStatus:
        """As clients see it."""
        return self._status.wire()

    @property
    def is_busy(self) -> bool:
        """A turn is under way, or about to begin."""
        return self.turn is not None

    @property
    def usage_info(self) -> TokenUsageInfo | None:
        """Token usage so far."""
        return self._memory.usage.info

    # -- attach ------------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection, *, turns: bool = True) -> Snapshot:
        """Subscribe the connection and take the snapshot it starts from. The caller sends both before it awaits."""
        self._subscriptions.subscribe(connection, self.id)
        self._on_change(self)
        known = self.turns()
        replay = decide(self._memory.usage, known, self.id, connection.number)
        return Snapshot(self.describe(known if turns else []), replay)

    def turns(self) -> list[WireTurn]:
        """All turns as of now; the running one with the text so far, under its live item ids."""
        turns = present(self._memory.history.turns(), active=self._status.running)
        if self._running is None:
            return turns
        return [turn for turn in turns if turn.id != self._running.turn_id] + [self._running.turn()]

    def describe(self, turns: list[WireTurn]) -> Thread:
        """The Thread object with these turns."""
        return thread_object(self.summary, self.status, turns, ephemeral=self.ephemeral)

    # -- publish -----------------------------------------------------------------------------------------------------

    def emit(self, *entries: Event | Entry) -> None:
        """Publish: append to the rollout, fold into memory, tell the subscribers. What they hear of is on disk."""
        durable = [entry for entry in entries if is_recorded(entry)]
        if durable and self._recorder is not None:
            self._recorder.append(*durable)
        for kept in durable:
            self._memory.feed(kept)
            if isinstance(kept, events.UserMessage):
                self._first_words(kept)
            elif isinstance(kept, events.TokenCount) and kept.rate_limits is not None:
                self._limits.note(kept.rate_limits)
        for entry in entries:
            self._tell(entry)

    def _first_words(self, message: events.UserMessage) -> None:
        if not self.summary.preview:
            self.summary = self.summary.with_first_message(message)
        if self._recorder is not None:
            self._recorder.materialise()

    def _tell(self, event: Event | Entry) -> None:
        self._before(event)
        if self._running is None:
            return
        self._running.feed(event)
        for frame in notifications(self.id, self._running, event):
            self._outgoing.broadcast(self.id, frame)
        if isinstance(event, events.TaskComplete | events.TurnAborted):
            self._running = None

    def _before(self, event: Event | Entry) -> None:
        """What an event changes ahead of its notifications: the status is told before the turn's begin and end."""
        match event:
            case events.TaskStarted():
                self._running = InFlight(event.turn_id, optional(event.started_at) or 0)
                self._set_status(Status(running=True))
            case events.Error() if self._running is not None:
                self._running.error = turn_error(event)
                self._set_status(Status(failed=True))
            case events.TaskComplete() | events.TurnAborted():
                self.turn = None
                if isinstance(event, events.TurnAborted):
                    self.interrupted = optional(event.turn_id)
                self._set_status(replace(self._status, running=False))
                self._on_change(self)
            case _:
                pass

    def _set_status(self, status: Status) -> None:
        before, self._status = self._status.wire(), status
        if status.wire() != before:
            changed = ThreadStatusChangedNotification(thread_id=self.id, status=status.wire())
            self._outgoing.announce(frames.notification(methods.THREAD_STATUS_CHANGED, changed))
            self._on_change(self)

    def warn(self, message: str) -> None:
        """Tell the subscribers something a person should know; not recorded."""
        self._outgoing.broadcast(self.id, warning(self.id, message))

    # -- turns -------------------------------------------------------------------------------------------------------

    def begin_turn(self, provider: Provider, content: list[UserInput], output_schema: object) -> Turn:
        """Start a turn with the settings of now. The caller made sure that none is running."""
        self.turn = Turn(self, provider, self.settings, content, output_schema)
        self.turn.begin()
        return self.turn

    async def prompt(self) -> Prompt:
        """The model history; read from disk the first time. Raises :class:`~server.errors.TurnError`."""
        if self._memory.prompt is None:
            try:
                self._memory.prompt = await self._memory.load_prompt()
            except (RolloutError, OSError) as error:
                raise TurnError(f"The thread's history cannot be read: {error}") from error
        return self._memory.prompt

    async def sync(self) -> None:
        """Wait until the rollout is on the medium. If it cannot be written, the subscribers are warned."""
        if self._recorder is None:
            return
        self._recorder.materialise()
        await self._recorder.sync()
        if self._recorder.failure is not None:
            _log.error("rollout_not_written", thread=self.id, error=str(self._recorder.failure))
            self.warn(
                f"The thread could not be written to {self._recorder.path}: {self._recorder.failure.strerror}. "
                "It is kept in memory and written as soon as that is possible."
            )

    def check_appendable(self) -> None:
        """Raise :class:`~protocol.errors.RpcError` if the thread can be read but not go on."""
        if not self._appendable:
            raise not_appendable(self.id)

    def rename(self, name: str) -> None:
        """Give it a title; its rollout exists from then on."""
        self.emit(events.ThreadNameUpdated(thread_id=self.id, thread_name=name))
        self.materialise()
        self.summary = self.summary.named(name)

    def materialise(self) -> None:
        """Write the rollout now, even if nothing was said yet."""
        if self._recorder is not None:
            self._recorder.materialise()

    async def close(self) -> None:
        """Stop the running turn, write what waits, close the rollout. The thread is of no use afterwards."""
        if self.turn is not None:
            turn = self.turn
            await turn.interrupt()
            await asyncio.wait({turn.ended})
        if self._recorder is not None:
            self._recorder.close()


def not_appendable(thread_id: str) -> RpcError:
    """The refusal to write to a rollout whose form we only read; half a line too many would make it unreadable."""
    return invalid_request(
        f"thread {thread_id} was written by a newer Codex in a form that is read here but not appended to; "
        "fork it and go on in the fork"
    )


def warning(thread_id: str, message: str) -> Frame:
    """A ``warning`` about one thread."""
    from_thread = WarningNotification(thread_id=thread_id, message=message)
    return frames.notification(methods.WARNING, from_thread)
