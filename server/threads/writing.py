"""The recorder of one living thread, seen to: who may write, what a refusing disk means, and trying again.

While lines cannot be written they wait in memory, in order; the thread goes on, its subscribers are told at once, and
a timer tries again even if nothing new is said. Knows no turn and no connection.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog

from protocol.errors import RpcError, invalid_request
from rollout.forms import Form, Legacy
from rollout.lines import Entry
from rollout.lock import WriterLock
from rollout.recorder import Recorder

_log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
"""Seconds until what waits is tried again: doubled each time, up to the longest."""


class Writing:
    """Writes one thread. ``warn`` tells its subscribers; ``on_change`` is called when nothing waits any more.

    ``form``: how the rollout says things. ``seen``: while another process may write the file, how many bytes of it the
    thread knows; None when all that comes is its own.
    """

    def __init__(
        self, recorder: Recorder, thread_id: str, *, form: Form | None = None, seen: int | None = None
    ) -> None:
        self.recorder = recorder
        self.form = form or Legacy()
        self.seen = seen
        self._let_go()
        self._thread_id = thread_id
        self._failing = False
        self._pause = FIRST_PAUSE
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether lines could not be written, so that only memory holds them."""
        return self.recorder.failure is not None and self.recorder.waiting > 0

    @property
    def owns(self) -> bool:
        """Whether no other process can write the thread."""
        lock = self.recorder.lock
        return lock is None or lock.held or not self.recorder.materialized

    @property
    def is_outdated(self) -> bool:
        """Whether another process wrote to the file since it was read here."""
        return self.seen is not None and self.recorder.size != self.seen

    def append(self, *entries: Entry) -> None:
        """Record entries. A refusal is told, not raised."""
        self.recorder.append(*entries)
        self.look()

    def materialise(self) -> None:
        """Make the file now. Also where no loop runs: whoever does so looks later."""
        self.recorder.materialise()

    def look(self) -> None:
        """Tell of a failure that has just begun, or ended, and see to it that what waits is tried again."""
        if self.recorder.failure is not None and not self._failing:
            self._failing, self._pause = True, FIRST_PAUSE
            self.complain()
        elif self.recorder.failure is None and self._failing:
            self._failing = False
            _log.info("rollout_written_again", thread=self._thread_id)
            self.warn(f"The thread is written to {self.recorder.path} again; nothing was lost.")
            self.on_change()
        if self.waits and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._retry)

    def _retry(self) -> None:
        self._timer = None
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.recorder.flush()
        self.look()

    def complain(self) -> None:
        """Say what is wrong with the disk, if something is."""
        failure = self.recorder.failure
        if failure is None:
            return
        _log.error("rollout_not_written", thread=self._thread_id, waiting=self.recorder.waiting, error=str(failure))
        reason = failure.strerror or str(failure)
        if self.waits:
            rest = "It is kept in memory and written as soon as that is possible."
        else:
            rest = "It is in the file, but a loss of power may take it away."
        self.warn(f"The thread could not be written to {self.recorder.path}: {reason}. {rest}")

    async def sync(self) -> None:
        """Wait until what was recorded is on the medium. If it is not, the subscribers hear so, even if once more."""
        self.recorder.materialise()
        self.look()
        await self.recorder.sync()
        self.complain()

    def claim(self) -> None:
        """Be the one process that writes the thread. Raises :class:`~protocol.errors.RpcError` if another one is."""
        if self.owns:
            return
        try:
            taken = self.recorder.claim()
        except OSError as error:
            raise invalid_request(f"thread {self._thread_id} cannot be written: {error.strerror}") from error
        if not taken and self.recorder.lock is not None:
            raise occupied(self.recorder.lock)

    def require_written(self) -> None:
        """Write what waits. Raises :class:`~protocol.errors.RpcError` if that cannot be."""
        self.recorder.flush()
        self.look()
        if self.waits:
            raise invalid_request(
                f"thread {self._thread_id} has lines that could not be written yet: "
                f"{self.recorder.failure and self.recorder.failure.strerror}; it stays loaded until they are"
            )

    def close(self) -> None:
        """Write what waits, let go of file and lock, try no more. What is lost for good is told, and logged."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.recorder.close()
        if self.waits:
            lost, failure = self.recorder.waiting, self.recorder.failure
            path = os.fspath(self.recorder.path)
            _log.error("rollout_lines_lost", thread=self._thread_id, path=path, bytes=lost, error=str(failure))
            self.warn(f"The server closes the thread although {lost} bytes could not be written to {path}: {failure}.")
        self._let_go()

    def _let_go(self) -> None:
        """Tell nobody anything: a thread that is closed is gone at once, not when a collector comes upon it."""
        self.warn: Callable[[str], None] = lambda _: None
        self.on_change: Callable[[], None] = lambda: None


def occupied(lock: WriterLock) -> RpcError:
    """The refusal to write what another process is writing."""
    return invalid_request(
        f"thread {lock.thread_id} already has an active writer: {lock.owner()}; here it can only be read"
    )


@contextmanager
def alone(lock: WriterLock) -> Generator[None]:
    """Hold the lock of a thread that is not loaded. Raises :class:`~protocol.errors.RpcError` if that cannot be."""
    try:
        taken = lock.take()
    except OSError as error:
        raise invalid_request(f"thread {lock.thread_id} cannot be written: {error.strerror}") from error
    if not taken:
        raise occupied(lock)
    try:
        yield
    finally:
        lock.release()
