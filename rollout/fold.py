"""A rollout taken in line by line: its turns, its usage and what else it is resumed with. Keeps no entry and no line.

What is kept of a rollout of hundreds of megabytes is its turns, which are a small part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rollout.boundaries import is_user_turn
from rollout.events import TaskComplete, TaskStarted, ThreadNameUpdated, ThreadSettingsApplied, TokenCount, TurnAborted
from rollout.history import History
from rollout.lines import OTHER_ITEM, Entry, ResponseItem, SessionMeta, TurnContext, decode_line
from rollout.reader import UNREAD_COUNT, RolloutEmpty, RolloutWithoutMeta, read, skim
from rollout.usage import Usage

_NOTED = frozenset(
    {TokenCount, TaskStarted, TaskComplete, TurnAborted, TurnContext, SessionMeta, ThreadNameUpdated, ResponseItem}
    | {ThreadSettingsApplied}
)


class Chosen(NamedTuple):
    """The model and effort that a thread ran with last, or that were chosen for it since."""

    model: str
    effort: str | None


class Fold:
    """What the lines fed so far say. ``chosen``: the newest."""

    def __init__(self) -> None:
        self.history = History()
        self.usage = Usage()
        self.chosen: Chosen | None = None
        self._meta: SessionMeta | None = None
        self._names: dict[str, str] = {}
        self._started = False
        self._unanswered = False
        self._count: bytes | None = None
        self._count_lost = False  # a count that was put off turned out to be damaged; one before it may hold numbers

    def feed(self, entry: Entry, raw: bytes = b"") -> None:
        """Take the next entry. ``raw``: its line, if the entry is a count that was not read."""
        self.history.feed(entry)
        if entry is UNREAD_COUNT:
            self._count = raw
        elif type(entry) in _NOTED:
            self._note(entry)

    def _note(self, entry: Entry) -> None:
        match entry:
            case TokenCount():
                self._read_count()
                self.usage.feed(entry, self.history)
            case TaskStarted():
                self._started = True
            case TaskComplete() | TurnAborted():
                self._unanswered = False
            case TurnContext():
                self.chosen = Chosen(entry.model, entry.effort or None)
            case ThreadSettingsApplied(thread_settings={"model": str(model)} as settings):
                effort = settings.get("reasoning_effort")
                self.chosen = Chosen(model, effort if isinstance(effort, str) else None)
            case SessionMeta():
                self._meta = self._meta or entry
            case ThreadNameUpdated() if entry.thread_name:
                self._names[entry.thread_id] = entry.thread_name
            case ResponseItem(payload=item) if is_user_turn(item):
                self._unanswered = True
            case _:
                pass

    def close(self, path: Path, *, blank: bool) -> None:
        """All of ``path`` was fed. Raises :class:`~rollout.reader.RolloutError` if that was ``blank`` or no rollout."""
        if blank:
            raise RolloutEmpty(path)
        if self._meta is None:
            raise RolloutWithoutMeta(path)
        self._read_count()
        if self._count_lost:
            self.usage.info = Usage.of(read(path, items=False).entries).info
        self.usage.owner = self.history.usage_owner

    def _read_count(self) -> None:
        """Read the count that was put off."""
        if self._count is None:
            return
        count, self._count = decode_line(self._count), None
        if isinstance(count, TokenCount):
            self._count_lost = self._count_lost and count.info is None
            self.usage.feed(count, self.history)
        else:
            self._count_lost = True

    @property
    def meta(self) -> SessionMeta:
        """What the thread is: the first one fed."""
        assert self._meta is not None, "a rollout without a meta is refused"
        return self._meta

    @property
    def has_meta(self) -> bool:
        """Whether a line said by now what thread this is."""
        return self._meta is not None

    @property
    def name(self) -> str | None:
        """The title that the rollout records for its thread; a fork also holds its source's, which do not count."""
        return self._names.get(self.meta.id)

    @property
    def is_mid_turn(self) -> bool:
        """Whether the thread stops in the middle of a turn, so that a fork of it must say so.

        A started turn that has not ended; in old files, which say neither, a user message with nothing ending its turn.
        """
        return self.history.open_turn_id is not None or (self._unanswered and not self._started)


def fold(path: Path) -> Fold:
    """What a whole rollout says. Raises :class:`~rollout.reader.RolloutError`."""
    folded, passed, blank = Fold(), 0, True
    pass_over, feed = folded.history.pass_over, folded.feed
    for raw, entry in skim(path):
        if entry is OTHER_ITEM:
            passed += 1
        elif entry is not None:
            pass_over(passed)
            passed = 0
            feed(entry, raw)
        elif blank and raw.isspace():
            continue
        blank = False
    pass_over(passed)
    folded.close(path, blank=blank)
    return folded
