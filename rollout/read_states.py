"""Which threads have results that nobody has seen: ``threadcast/read_states.jsonl``. Plain blocking calls.

Append-only; the newest line of a thread counts. A thread without a line is read, under a revision that is made of its
id. Knows no connection and no turn but its id.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import structlog

from protocol.read_state import ThreadReadState, UnreadPosition, UnreadThread, UnreadTurn
from protocol.wire import Record
from rollout.journal import Journal

_log = structlog.get_logger(__name__)


class _Line(Record):
    id: str
    state: ThreadReadState | None
    """None: the thread was deleted."""


class StateChanged(Exception):
    """The thread is in another state than the one that was to be changed."""

    def __init__(self, state: ThreadReadState) -> None:
        super().__init__(f"revision {state.revision}")
        self.state = state


class ReadStates:
    """The read states of all threads."""

    def __init__(self, path: Path) -> None:
        self._states: dict[str, ThreadReadState] = {}
        self._journal = Journal(path, _Line, self._feed, self._states.clear)

    def of(self, thread_id: str) -> ThreadReadState:
        """The state of a thread."""
        self._journal.look()
        return self._known(thread_id)

    def of_all(self, thread_ids: Iterable[str]) -> dict[str, ThreadReadState]:
        """The states of these threads, by id."""
        self._journal.look()
        return {thread_id: self._known(thread_id) for thread_id in thread_ids}

    def completed(self, thread_id: str, turn_id: str) -> ThreadReadState:
        """A turn has a result that nobody has seen yet; what was unread before stays the first.

        Where that cannot be written it is known until the end of this process: no turn fails because of it.
        """
        try:
            with self._journal.alone():
                return self._set(thread_id, self._known(thread_id).first_unread or UnreadTurn(turn_id=turn_id))
        except OSError as error:
            _log.warning("read_state_not_written", thread=thread_id, reason=error.strerror)
            before = self._known(thread_id).first_unread
            state = ThreadReadState(first_unread=before or UnreadTurn(turn_id=turn_id), revision=str(uuid4()))
            self._states[thread_id] = state
            return state

    def mark(self, thread_id: str, expected: str, *, unread: bool) -> ThreadReadState:
        """Change the state that has this revision. Raises :class:`StateChanged`, ``OSError``."""
        with self._journal.alone():
            state = self._known(thread_id)
            if state.revision != expected:
                raise StateChanged(state)
            return self._set(thread_id, UnreadThread() if unread else None)

    def forget(self, thread_id: str) -> None:
        """The thread is no more. Raises ``OSError``."""
        self._journal.look()
        if thread_id in self._states:
            self._journal.append(_Line(id=thread_id, state=None))

    def _known(self, thread_id: str) -> ThreadReadState:
        return self._states.get(thread_id) or ThreadReadState(revision=f"initial:{thread_id}")

    def _set(self, thread_id: str, position: UnreadPosition | None) -> ThreadReadState:
        state = ThreadReadState(first_unread=position, revision=str(uuid4()))
        self._journal.append(_Line(id=thread_id, state=state))
        return state

    def _feed(self, line: _Line) -> None:
        if line.state is None:
            self._states.pop(line.id, None)
        else:
            self._states[line.id] = line.state
