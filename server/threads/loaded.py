"""The threads in memory, and when they leave it. Knows no handler and no rollout format."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import structlog

from protocol import frames, notices
from protocol.errors import invalid_request
from protocol.thread import NotLoaded, ThreadIdNotification, ThreadStatus, ThreadStatusChangedNotification
from server.connection import Connection
from server.outgoing import Outgoing
from server.subscriptions import Subscriptions
from server.threads.live import LiveThread

_log = structlog.get_logger(__name__)


class Loaded:
    """Loaded threads by id. One without subscribers and without a turn leaves after ``idle_seconds``."""

    def __init__(self, outgoing: Outgoing, subscriptions: Subscriptions[Connection], idle_seconds: float) -> None:
        self._outgoing = outgoing
        self._subscriptions = subscriptions
        self._idle_seconds = idle_seconds
        self._threads: dict[str, LiveThread] = {}
        self._held = Counter[str]()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unloading: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[LiveThread]:
        return iter(list(self._threads.values()))

    def get(self, thread_id: str) -> LiveThread | None:
        """The thread if it is loaded."""
        return self._threads.get(thread_id)

    def require(self, thread_id: str) -> LiveThread:
        """The thread, which must be loaded. Raises :class:`~protocol.errors.RpcError`."""
        thread = self._threads.get(thread_id)
        if thread is None:
            raise invalid_request(f"thread not found: {thread_id}")
        return thread

    def ids(self) -> list[str]:
        """Ids of all loaded threads, ascending."""
        return sorted(self._threads)

    def status(self, thread_id: str) -> ThreadStatus:
        """The status of any thread, loaded or not."""
        thread = self._threads.get(thread_id)
        return thread.status if thread else NotLoaded()

    def add(self, thread: LiveThread, *, told: bool) -> None:
        """Take a thread in. ``told``: everybody hears that it is no longer notLoaded."""
        self._threads[thread.id] = thread
        self.changed(thread)
        if told:
            self._tell_status(thread.id)

    def changed(self, thread: LiveThread) -> None:
        """The thread may have become idle, or stopped being so: set its clock anew, or stop it."""
        timer = self._timers.pop(thread.id, None)
        if timer is not None:
            timer.cancel()
        if self._threads.get(thread.id) is thread and self._is_idle(thread):
            later = asyncio.get_running_loop().call_later
            self._timers[thread.id] = later(self._idle_seconds, self._unload, thread)

    @contextmanager
    def held(self, thread: LiveThread) -> Generator[None, None, None]:
        """Until the end of the block the thread does not leave for being idle: somebody is about to follow it."""
        self._held[thread.id] += 1
        try:
            yield
        finally:
            self._held[thread.id] -= 1
            if not self._held[thread.id]:
                del self._held[thread.id]
            self.changed(thread)

    def left(self, thread_ids: list[str]) -> None:
        """These threads lost their last subscriber."""
        for thread_id in thread_ids:
            if thread := self._threads.get(thread_id):
                self.changed(thread)

    async def remove(self, thread: LiveThread) -> None:
        """Stop the thread and forget it and its subscribers; everybody hears that it is not loaded any more."""
        await thread.close()
        if self._threads.pop(thread.id, None) is None:
            return
        self.changed(thread)
        self._subscriptions.drop(thread.id)
        self._tell_status(thread.id)

    async def close(self) -> None:
        """Stop every thread. Clients are told nothing; their connections end as well."""
        async with asyncio.TaskGroup() as group:
            for thread in self:
                group.create_task(thread.close())
        for timer in self._timers.values():
            timer.cancel()

    def _is_idle(self, thread: LiveThread) -> bool:
        # A thread whose lines the disk refuses stays: it is all that holds them.
        if self._held[thread.id]:
            return False
        return not thread.is_busy and not self._subscriptions.of(thread.id) and thread.unwritten is None

    def _unload(self, thread: LiveThread) -> None:
        del self._timers[thread.id]
        if not self._is_idle(thread):
            return
        task = asyncio.get_running_loop().create_task(self._close_idle(thread))
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    async def _close_idle(self, thread: LiveThread) -> None:
        if self._threads.get(thread.id) is not thread or not self._is_idle(thread):
            return  # archived, attached to or put to work since the timer rang
        await thread.workspace.end_commands()
        if not self._is_idle(thread):
            return
        # An idle thread closes without awaiting anything: nobody can attach in between and be left behind.
        await self.remove(thread)
        closed = ThreadIdNotification(thread_id=thread.id)
        self._outgoing.announce(frames.notification(notices.THREAD_CLOSED, closed))
        _log.info("thread_unloaded", thread=thread.id)

    def _tell_status(self, thread_id: str) -> None:
        changed = ThreadStatusChangedNotification(thread_id=thread_id, status=self.status(thread_id))
        self._outgoing.announce(frames.notification(notices.THREAD_STATUS_CHANGED, changed))
