"""Usage over every mix of turns, rollbacks, restarts and forks: what was recorded last, and nothing counted twice."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rollout import fork
from rollout.doctor import examine
from rollout.events import TaskComplete, TaskStarted, ThreadRolledBack, TokenCount, TokenUsage, TokenUsageInfo
from rollout.history import History, rebuild
from rollout.lines import Entry, SessionMeta, stamp
from rollout.reader import raw_lines, read
from rollout.recorder import Recorder
from rollout.usage import Usage, append, recomputed, to_wire

META = SessionMeta(id="0", timestamp="T", cwd="/", originator="o", cli_version="1")
NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Thread:
    """A thread as a server has it: a recorder, a history and usage, all fed with the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self.expected = 0
        self.recorder = Recorder.new(folder / "0.jsonl", lambda: NOW)
        self.recorder.materialise()
        self.history, self.usage = rebuild([]), Usage()
        self.feed(META)

    def feed(self, *entries: Entry) -> None:
        self.recorder.append(*entries)
        for entry in entries:
            self.history.feed(entry)
            if isinstance(entry, TokenCount):
                self.usage.feed(entry, self.history)

    def turn(self, tokens: int) -> None:
        """A turn that uses so many tokens, told twice as always; none at all: the model does not tell."""
        turn_id = f"turn-{next(self._numbers)}"
        self.feed(TaskStarted(turn_id=turn_id), TokenCount(info=self.usage.info))
        if tokens:
            self.expected += tokens
            self.feed(TokenCount(info=append(self.usage.info, used(tokens), 100)))
        self.feed(TaskComplete(turn_id=turn_id))

    def roll_back(self, turns: int) -> None:
        self.feed(TokenCount(info=recomputed(self.usage.info, 7, None)), ThreadRolledBack(num_turns=turns))

    def restart(self) -> None:
        self._go_on(self.recorder.path)

    def fork(self) -> None:
        meta = replace(META, id=str(next(self._numbers)), forked_from_id="0")
        path = self._folder / f"{meta.id}.jsonl"
        fork.write(fork.survey(self.recorder.path), meta, path, stamp(NOW))
        self._go_on(path)

    def _go_on(self, path: Path) -> None:
        self.recorder.close()
        entries = read(path, items=False).entries
        self.history = rebuild(entries)
        self.usage = Usage.of(entries, self.history)
        self.recorder = Recorder.resume(path)

    def known(self) -> TokenUsageInfo | None:
        """What the newest line with numbers says."""
        counts = [entry.info for entry in read(self.recorder.path).entries if isinstance(entry, TokenCount)]
        return next((info for info in reversed(counts) if info is not None), None)


def used(tokens: int) -> TokenUsage:
    return TokenUsage(
        input_tokens=tokens,
        cached_input_tokens=tokens // 2,
        output_tokens=tokens + 1,
        reasoning_output_tokens=tokens // 3,
        total_tokens=tokens,
    )


STEPS = st.one_of(
    st.tuples(st.just("turn"), st.integers(0, 9)),
    st.tuples(st.just("roll back"), st.integers(1, 4)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("fork"), st.just(0)),
)


def take(thread: Thread, step: tuple[str, int]) -> None:
    match step:
        case ("turn", tokens):
            thread.turn(tokens)
        case ("roll back", turns):
            thread.roll_back(turns)
        case ("restart", _):
            thread.restart()
        case _:
            thread.fork()


@settings(deadline=None)
@given(st.lists(STEPS, max_size=10))
def test_usage_is_always_the_last_recorded_one_and_nothing_counts_twice(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        thread = Thread(Path(folder))
        for step in steps:
            take(thread, step)
            entries = read(thread.recorder.path, items=False).entries
            stored = Usage.of(entries)
            assert thread.usage.info == stored.info == thread.known()
            assert thread.usage.owner == stored.owner
            assert (stored.info.total_token_usage.total_tokens if stored.info else 0) == thread.expected
        _check_by_turn(thread)
        thread.recorder.close()


def _check_by_turn(thread: Thread) -> None:
    """The turns' parts add up to the whole, whatever was rolled back or copied."""
    report = examine(raw_lines(thread.recorder.path), thread.recorder.path)
    assert report.is_healthy
    assert sum(turn.usage.total_tokens for turn in report.turns) == thread.expected
    if thread.usage.info is not None:
        assert report.total == to_wire(thread.usage.info).total
    assert sum(not turn.rolled_back for turn in report.turns) == _standing(thread.history)


def _standing(history: History) -> int:
    return len(history.turns())
