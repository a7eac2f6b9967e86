"""What must follow what in a rollout: metas first, outputs after calls, ordinals without a gap. Keeps what is open."""

from __future__ import annotations

from msgspec.structs import replace

from protocol.wire import UNSET
from rollout.findings import Notebook
from rollout.lines import SessionMeta
from rollout.mapping import optional
from rollout.model_items import OUTPUT_OF, OUTPUTS


class Calls:
    """The model's calls and their outputs, which carry the same call id and come later."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._open: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def feed(self, line: int, kind: str, call_id: str) -> None:
        """Take the next line that has a call id."""
        if kind in OUTPUT_OF:
            self._open.setdefault((OUTPUT_OF[kind], call_id), []).append((line, kind))
        elif kind in OUTPUTS:
            waiting = self._open.get((kind, call_id))
            if not waiting:
                self._notebook.note("stray-output", line, f"{kind} {call_id} answers no call")
                return
            waiting.pop(0)
            if not waiting:
                del self._open[kind, call_id]

    def close(self, *, since: int | None) -> None:
        """Note the calls without an output; not those from line ``since`` on, which may still get one."""
        for (_, call_id), calls in self._open.items():
            for line, kind in calls:
                if since is None or line < since:
                    self._notebook.note("unanswered-call", line, f"{kind} {call_id} has no output")


class Metas:
    """The lines that say what thread this is. A fork holds those of its source too; a memory mode makes a copy."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._first: SessionMeta | None = None
        self._line = 0
        self._first_other: int | None = None

    @property
    def thread_id(self) -> str | None:
        """The thread, once it is known."""
        return None if self._first is None else self._first.id

    @property
    def paginated(self) -> bool:
        """Whether every line must have an ordinal."""
        return self._first is not None and self._first.is_paginated

    def other(self, line: int) -> None:
        """A line that is no meta."""
        if self._first_other is None:
            self._first_other = line

    def feed(self, line: int, meta: SessionMeta) -> None:
        """The next meta."""
        if self._first is None:
            self._first, self._line = meta, line
        elif meta.id != self._first.id:
            if optional(self._first.forked_from_id) is None:
                text = f"session_meta of another thread, {meta.id}, though this one is no fork"
                self._notebook.note("foreign-meta", line, text)
        elif not _is_memory_mode(meta, self._first):
            self._notebook.note("second-meta", line, f"a second session_meta; the one in line {self._line} counts")

    def close(self, named: str | None) -> None:
        """Note what the whole file lacks. ``named``: the thread by the file's name."""
        if self._first is None:
            self._notebook.note("no-meta", None, "has no readable session_meta line: it cannot be loaded")
            return
        if self._first_other is not None and self._first_other < self._line:
            self._notebook.note("late-meta", self._line, "session_meta is not the first line")
        if named is not None and named != self._first.id.lower():
            self._notebook.note("other-name", self._line, f"is thread {self._first.id}; its name says {named}")


def _is_memory_mode(meta: SessionMeta, first: SessionMeta) -> bool:
    if optional(meta.memory_mode) is None:
        return False
    return replace(meta, memory_mode=UNSET) == replace(first, memory_mode=UNSET)


class Ordinals:
    """The numbers of the lines of a paginated rollout, from 0 on."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._next: int | None = None
        self._first = True

    def feed(self, line: int, ordinal: int | None, *, paginated: bool) -> None:
        """Take the next line. ``paginated``: the rollout is known to be; a first line with an ordinal says it too."""
        if self._first:
            self._first = False
            self._next = 0 if ordinal is not None or paginated else None
        if self._next is None:
            return
        if ordinal is None:
            self._notebook.note("ordinal", line, "has no ordinal, as a paginated rollout needs it")
            return
        if ordinal != self._next:
            self._notebook.note("ordinal", line, f"has ordinal {ordinal} where {self._next} is due")
        self._next = ordinal + 1
