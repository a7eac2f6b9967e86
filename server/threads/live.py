"""LiveThread: one loaded thread. Attach (snapshot and subscribe in one breath) and publish (durable, then known).

In one event loop a plain ``def`` is a critical section: neither ``attach`` nor ``publish`` awaits anything, so no event
can come between a joiner's snapshot and its first live event. Knows no handler, no file format and no model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from protocol import frames, notices
from protocol.dialects.versions import Version
from protocol.errors import invalid_request
from protocol.frames import Message
from protocol.method import Ask
from protocol.read_state import ThreadReadState, ThreadReadStateChangedNotification
from protocol.sequence import Position, Resumed
from protocol.thread import Thread, ThreadStatus, ThreadStatusChangedNotification
from protocol.turn import Turn as WireTurn
from protocol.wire import UNSET, Encoded, Wire
from rollout import events
from rollout.catalog import ThreadSummary
from rollout.estimate import context_tokens
from rollout.events import Event, TokenUsageInfo
from rollout.forms import Form, Legacy
from rollout.history import present
from rollout.lines import Entry, ResponseItem, SessionMeta
from rollout.mapping import optional, turn_error
from rollout.model_items import Item
from rollout.prompt import Prompt
from rollout.read_states import ReadStates
from rollout.reader import RolloutError
from rollout.usage import attribute, recomputed
from server.connection import Connection
from server.engine.conversing import RegularTurn
from server.engine.inputs import Input
from server.engine.settings import Settings
from server.engine.turn import Turn
from server.engine.workspace import Workspace
from server.errors import TurnError
from server.outgoing import Outgoing
from server.providers.provider import Provider
from server.questions import Questions
from server.subscriptions import Subscriptions
from server.threads.describe import thread_object
from server.threads.inflight import InFlight
from server.threads.limits import Limits
from server.threads.lineup import Lineup
from server.threads.memory import Memory, Reread
from server.threads.recent import Recent
from server.threads.repeats import turn_with
from server.threads.replay import CAUGHT_UP, decide
from server.threads.snapshot import Snapshot
from server.threads.status import Status
from server.threads.translate import notifications, usage_frame, warning
from server.threads.writing import Writing

P = TypeVar("P", bound=Wire)
R = TypeVar("R")

_log = structlog.get_logger(__name__)


class LiveThread:
    """A thread in memory. ``on_change`` is called when it may have become idle or active."""

    def __init__(
        self,
        *,
        summary: ThreadSummary,
        settings: Settings,
        memory: Memory,
        meta: SessionMeta,
        writing: Writing | None,
        outgoing: Outgoing,
        subscriptions: Subscriptions[Connection],
        limits: Limits,
        read_states: ReadStates,
        questions: Questions,
        workspace: Workspace,
        on_change: Callable[[LiveThread], None],
        recent_limit: int,
        reread: Reread | None = None,
    ) -> None:
        self.summary, self.settings, self.meta = summary, settings, meta
        self.client: tuple[str, str] = ("threadcast", "0")
        self.lineup = Lineup()
        self.interrupted: str | None = None  # the turn that was stopped last
        self._memory = memory
        self._writing = writing
        self._form: Form = Legacy() if writing is None else writing.form
        self._outgoing, self._subscriptions = outgoing, subscriptions
        self._limits, self._read_states, self._recent_limit = limits, read_states, recent_limit
        self._questions, self.workspace = questions, workspace
        self._on_change = on_change
        self._reread = reread
        self._status = Status()
        self._running: InFlight | None = None
        self._recent: Recent | None = None
        if writing is not None:
            writing.warn, writing.on_change = self.warn, partial(on_change, self)

    @property
    def id(self) -> str:
        """The thread's id."""
        return self.summary.id

    @property
    def ephemeral(self) -> bool:
        """It is never written to disk."""
        return self._writing is None

    @property
    def materialised(self) -> bool:
        """It has a rollout on disk."""
        return self._writing is not None and self._writing.recorder.materialized

    @property
    def unwritten(self) -> OSError | None:
        """Why its rollout lacks lines that memory holds; None while all is written."""
        return None if self._writing is None or not self._writing.waits else self._writing.recorder.failure

    @property
    def status(self) -> ThreadStatus:
        """As clients see it."""
        return self._status.wire()

    @property
    def turn(self) -> Turn | None:
        """The running turn."""
        return self.lineup.running

    @property
    def is_busy(self) -> bool:
        """A turn is under way, or about to begin."""
        return self.turn is not None

    @property
    def read_state(self) -> ThreadReadState | None:
        """What of it nobody has seen yet; None while it is not on disk."""
        return self._read_states.of(self.id) if self.materialised else None

    @property
    def usage_info(self) -> TokenUsageInfo | None:
        """Token usage so far."""
        return self._memory.usage.info

    # -- attach ------------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection, *, turns: bool = True, seen: Position | None = None) -> Snapshot:
        """Subscribe the connection and take the snapshot it starts from. The caller sends both before it awaits.

        ``seen``: what the connection saw last of this thread, if it wants numbers and was here before.
        """
        was_here = connection in self._subscriptions.of(self.id)
        self._subscriptions.subscribe(connection, self.id)
        self._on_change(self)
        if self._writing is not None:
            self._writing.look()
        ended, running = self._memory.split(self._running)
        known = self._known(ended, running)
        recent, questions = self._recent_for(connection), self._questions.of(self.id)
        if recent is not None and seen is not None and recent.reaches(seen):
            place = Resumed(epoch=recent.epoch, number=recent.number, complete=True)
            missed = () if was_here else recent.missed(seen)
            return Snapshot(self.describe([]), known, CAUGHT_UP, questions, place, missed)
        replay = decide(self._memory.usage, known, self.id, connection.number)
        thread = self.describe(self._memory.encoded.of(ended, connection.version, running) if turns else [])
        now = UNSET if recent is None else Resumed(epoch=recent.epoch, number=recent.number, complete=False)
        return Snapshot(thread, known, replay, questions, now)

    def _recent_for(self, connection: Connection) -> Recent | None:
        if connection.numbered and self._recent is None:
            self._recent = Recent(self._recent_limit)
        return self._recent if connection.numbered else None

    def turns(self) -> list[WireTurn]:
        """All turns as of now; the running one with the text so far, under its live item ids."""
        return self._known(*self._memory.split(self._running))

    def encoded_turns(self, version: Version) -> Encoded:
        """The same as JSON, for a reply; what was encoded before is not encoded again."""
        ended, running = self._memory.split(self._running)
        return self._memory.encoded.of(ended, version, running)

    async def prepare(self, version: Version) -> None:
        """Encode what is there for the first client of a version, so that the breath of its attach need not."""
        if not self._memory.encoded.knows(version):
            await asyncio.to_thread(self._memory.encoded.of, self._memory.split(self._running)[0], version)

    def _known(self, ended: list[WireTurn], running: WireTurn | None) -> list[WireTurn]:
        turns = present(ended, active=self._status.running)
        return turns if running is None else [*turns, running]

    def describe(self, turns: list[WireTurn] | Encoded) -> Thread:
        """The Thread object with these turns."""
        return thread_object(self.summary, self.status, turns, self.settings, ephemeral=self.ephemeral)

    # -- publish -----------------------------------------------------------------------------------------------------

    def emit(self, *entries: Event | Entry) -> None:
        """Publish: append to the rollout, fold into memory, tell the subscribers. What they hear of is on disk."""
        durable = self._form.entries(entries)
        if durable and self._writing is not None:
            self._writing.append(*durable)
        for kept in durable:
            self._memory.feed(kept)
        for entry in entries:
            if isinstance(entry, events.UserMessage):
                self._first_words(entry)
            elif isinstance(entry, events.TokenCount) and entry.rate_limits is not None:
                self._limits.note(entry.rate_limits)
        for entry in entries:
            self._tell(entry)

    def _first_words(self, message: events.UserMessage) -> None:
        if not self.summary.preview:
            self.summary = self.summary.with_first_message(message)
        if self._writing is not None:
            self._writing.materialise()
            self._writing.look()

    def _tell(self, event: Event | Entry) -> None:
        self._before(event)
        if self._running is not None:
            self._running.feed(event)
        for message in notifications(self.id, self._running, event, time.time_ns() // 1_000_000):
            self.broadcast(message)
        if isinstance(event, events.TaskComplete | events.TurnAborted):
            self._running = None

    def _before(self, event: Event | Entry) -> None:
        """What an event changes ahead of its notifications: the status is told before the turn's begin and end."""
        match event:
            case events.TaskStarted():
                self._running = InFlight(event.turn_id, optional(event.started_at) or 0)
                self.summary = self.summary.with_turn(optional(event.started_at) or 0)
                self._set_status(replace(self._status, running=True, failed=False))
            case events.Error() if self._running is not None:
                self._running.error = turn_error(event)
                self._set_status(replace(self._status, running=False, failed=True))
            case events.TaskComplete() | events.TurnAborted():
                if isinstance(event, events.TurnAborted):
                    self.interrupted = optional(event.turn_id)
                elif self._status.failed or self.turn is None or self.turn.answers:
                    self._note_unread(event.turn_id)
                self.lineup.advance()
                self._set_status(replace(self._status, running=False))
                self._on_change(self)
            case _:
                pass

    def _note_unread(self, turn_id: str) -> None:
        """A turn has an answer, or failed: nobody has seen it until somebody says so."""
        if not self.materialised:
            return
        state = self._read_states.completed(self.id, turn_id)
        changed = ThreadReadStateChangedNotification(thread_id=self.id, read_state=state)
        self.broadcast(frames.notification(notices.THREAD_READ_STATE_CHANGED, changed))

    def _set_status(self, status: Status) -> None:
        before, self._status = self._status.wire(), status
        if status.wire() != before:
            changed = ThreadStatusChangedNotification(thread_id=self.id, status=status.wire())
            self._outgoing.announce(frames.notification(notices.THREAD_STATUS_CHANGED, changed))
            self._on_change(self)

    def warn(self, message: str) -> None:
        """Tell the subscribers something a person should know; not recorded."""
        self.broadcast(warning(self.id, message))

    def broadcast(self, message: Message) -> None:
        """Tell the subscribers, in one order for all of them."""
        self._outgoing.broadcast(self.id, message if self._recent is None else self._recent.add(message))

    def _begin_epoch(self) -> None:
        """The turns are others than what was told makes them: who comes back needs all of the thread."""
        if self._recent is not None:
            self._recent = Recent(self._recent_limit)

    # -- questions ---------------------------------------------------------------------------------------------------

    async def ask(self, ask: Ask[P, R], params: P, then: Callable[[], None] | None = None) -> R:
        """Ask the subscribers, and whoever attaches meanwhile, until one has answered. ``then``: see Questions.put."""
        return await self._questions.put(self, ask, params, then)

    def waits(self, ask: Ask[Any, Any], count: int) -> None:
        """So many questions of this kind more are open."""
        self._set_status(self._status.waiting(ask.waits_for, count))

    # -- turns -------------------------------------------------------------------------------------------------------

    def begin_turn(self, provider: Provider, given: Input, output_schema: object) -> Turn:
        """Start a turn with the settings of now; if one is running that takes no input, start it after that one."""
        return self.lineup.follow(RegularTurn(self, provider, self.settings, given, self.workspace, output_schema))

    def turn_with(self, client_id: str | None) -> WireTurn | None:
        """The turn that has the input which a client gave this id, without its items; None if there is none."""
        return turn_with(client_id, self.lineup.last, self._memory.history)

    async def prompt(self) -> Prompt:
        """The model history; read from disk the first time. Raises :class:`~server.errors.TurnError`."""
        try:
            return await self._memory.model_history(None if self._writing is None else self._writing.recorder)
        except (RolloutError, OSError) as error:
            raise TurnError(f"The thread's history cannot be read: {error}") from error

    async def sync(self) -> None:
        """Wait until the rollout is on the medium. If it cannot be written, the subscribers are warned."""
        if self._writing is not None:
            await self._writing.sync()

    async def claim(self) -> None:
        """Be the one process that writes the thread. Raises :class:`~protocol.errors.RpcError` if another one does."""
        if self._writing is not None:
            self._writing.claim()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Know what another process wrote since the thread was read. Its subscribers are not told; they can ask."""
        if self._writing is None or self._reread is None:
            return
        if not self._writing.is_outdated:
            self._writing.seen = None if self._writing.owns else self._writing.seen
            return
        try:
            self.summary, self._memory, size = await self._reread()
        except (RolloutError, OSError) as error:
            raise invalid_request(f"thread {self.id} cannot be read any more: {error}") from error
        self._begin_epoch()
        self._writing.seen = None if self._writing.owns else size

    def rename(self, name: str) -> None:
        """Give it a title; its rollout exists from then on."""
        self.emit(events.ThreadNameUpdated(thread_id=self.id, thread_name=name))
        self.materialise()
        self.summary = self.summary.named(name)

    def roll_back(self, num_turns: int, kept: Prompt) -> None:
        """Take back the last turns; ``kept`` is the model history without them. Subscribers hear the usage after it."""
        estimate = context_tokens(self.settings.base_instructions, kept.items)
        usage = recomputed(self.usage_info, estimate, self.settings.known.effective_window)
        self._memory.prompt = None  # it cannot take a rollback in
        self.emit(events.TokenCount(info=usage), events.ThreadRolledBack(num_turns=num_turns))
        self._memory.prompt = kept
        turn_id, _ = attribute(self._memory.usage.owner, self.turns())
        self._begin_epoch()
        self.broadcast(usage_frame(self.id, turn_id, usage))

    async def inject(self, items: list[Item]) -> None:
        """Add to the model history what no turn said."""
        if self.turn is not None:
            with suppress(TurnError):  # the turn is about to say so itself
                await self.prompt()  # reading it now could miss what is added meanwhile
        self.emit(*(ResponseItem(payload=item) for item in items))
        self.materialise()

    def materialise(self) -> None:
        """Write the rollout now, even if nothing was said yet."""
        if self._writing is not None:
            self._writing.materialise()

    async def settle(self) -> None:
        """Stop the running turn and write what waits. Raises :class:`~protocol.errors.RpcError` if that cannot be."""
        await self.lineup.stop()
        self.require_written()

    def require_written(self) -> None:
        """Raise :class:`~protocol.errors.RpcError` if memory holds what its rollout does not."""
        if self._writing is not None:
            self._writing.require_written()

    async def close(self) -> None:
        """Stop the running turn, write what waits, close the rollout. The thread is of no use afterwards."""
        await self.lineup.stop()
        await self.workspace.close()
        if self._writing is not None:
            self._writing.close()
