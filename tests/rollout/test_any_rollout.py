"""Properties of every rollout: what was recorded is what is read, whatever happens to the end of the file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.turn import Turn
from rollout import events
from rollout.history import History, rebuild
from rollout.lines import Compacted, Entry, SessionMeta
from rollout.prompt import build
from rollout.reader import RolloutEmpty, RolloutWithoutMeta, read
from rollout.recorder import Recorder
from rollout.usage import Usage
from tests.support.rollouts import assistant_item, call_items, command_end, turn_context, usage_info, user_item

META = SessionMeta(id="i", timestamp="T", cwd="/", originator="o", cli_version="1")
TURNS = st.sampled_from(["a", "b", "c"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def _user(text: str) -> list[Entry]:
    return [user_item(text), events.UserMessage(message=text, images=[])]


def _agent(text: str) -> list[Entry]:
    return [events.AgentMessage(message=text), assistant_item(text)]


def _one(make: Callable[[str], Entry]) -> Callable[[str], list[Entry]]:
    return lambda value: [make(value)]


STEPS = st.one_of(
    TURNS.map(_one(lambda turn: events.TaskStarted(turn_id=turn, started_at=1))),
    TURNS.map(_one(lambda turn: events.TaskComplete(turn_id=turn, completed_at=2))),
    TURNS.map(_one(lambda turn: events.TurnAborted(turn_id=turn, reason="interrupted"))),
    TURNS.map(_one(turn_context)),
    TURNS.map(_one(lambda turn: command_end(f"call-{turn}", turn, "x" * 11_000))),
    TURNS.map(lambda turn: call_items(f"call-{turn}", "out")),
    TEXTS.map(_user),
    TEXTS.map(_agent),
    TEXTS.map(_one(lambda text: events.AgentReasoning(text=text))),
    TEXTS.map(_one(lambda text: events.Error(message=text))),
    TEXTS.map(lambda text: [Compacted(message=text, replacement_history=[user_item(text).payload])]),
    st.integers(0, 50).map(lambda step: [events.TokenCount(info=usage_info(step) if step else None)]),
    st.integers(0, 3).map(lambda count: [events.ThreadRolledBack(num_turns=count)]),
)
ENTRIES = st.lists(STEPS, max_size=12).map(lambda steps: [META, *(entry for step in steps for entry in step)])


def recorded(folder: str, entries: list[Entry]) -> Path:
    recorder = Recorder.new(Path(folder) / "r.jsonl", lambda: datetime(2026, 1, 5, tzinfo=UTC))
    recorder.materialise()
    recorder.append(*entries)
    recorder.close()
    return recorder.path


def turns_of(entries: list[Entry]) -> list[Turn]:
    return rebuild(entries).turns()


@given(ENTRIES)
def test_what_is_read_is_what_was_recorded(entries: list[Entry]) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(folder, entries)
        whole, lean = read(path), read(path, items=False)
    expected = rebuild(entries)
    for rollout in (whole, lean):
        assert (rollout.torn, rollout.skipped) == (False, 0)
        assert turns_of(rollout.entries) == expected.turns()
        usage = Usage.of(rollout.entries)
        assert usage.owner == expected.usage_owner
        assert usage.info == Usage.of(entries).info
    assert build(whole.entries).items == build(entries).items


@settings(deadline=None)
@given(ENTRIES, st.data())
def test_a_file_cut_at_any_byte_loses_only_its_last_line_and_goes_on(entries: list[Entry], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = recorded(folder, entries)
        content = path.read_bytes()
        kept = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:kept])
        whole_lines = content[:kept].count(b"\n") + (content[kept : kept + 1] == b"\n")
        _check_cut(path, entries[:whole_lines])
        _check_append(path, entries[:whole_lines])


def _check_cut(path: Path, survivors: list[Entry]) -> None:
    try:
        assert turns_of(read(path).entries) == turns_of(survivors)
    except (RolloutEmpty, RolloutWithoutMeta):
        assert survivors == []


def _check_append(path: Path, survivors: list[Entry]) -> None:
    more: list[Entry] = [META, events.TaskStarted(turn_id="new"), events.UserMessage(message="on", images=[])]
    recorder = Recorder.resume(path)
    recorder.append(*more)
    recorder.close()
    rollout = read(path)
    assert not rollout.torn
    assert turns_of(rollout.entries) == turns_of([*survivors, *more])


@given(ENTRIES)
def test_a_history_fed_step_by_step_is_at_every_step_the_rebuilt_one(entries: list[Entry]) -> None:
    history = History()
    for count, entry in enumerate(entries, start=1):
        history.feed(entry)
        assert history.turns() == turns_of(entries[:count])
        assert history.turn_count == len(history.turns())


@given(ENTRIES)
def test_item_ids_are_unique_within_a_turn_and_numbers_within_a_thread(entries: list[Entry]) -> None:
    turns = turns_of(entries)
    assert all(len({item.id for item in turn.items}) == len(turn.items) for turn in turns)
    numbered = [item.id for turn in turns for item in turn.items if item.id.startswith("item-")]
    assert len(set(numbered)) == len(numbered)
