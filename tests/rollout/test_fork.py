"""A copy of a thread under a new id."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec.structs import replace

from protocol.item import AgentMessage
from protocol.wire import UNSET
from rollout import events
from rollout.boundaries import is_contextual_user
from rollout.fork import copy
from rollout.history import rebuild
from rollout.lines import ResponseItem, SessionMeta, encode_line
from rollout.reader import read
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, Written, thread_id


def child_meta(source: Written) -> SessionMeta:
    return replace(read(source.path).meta, id=thread_id(9), forked_from_id=source.thread_id)


def test_a_child_has_its_own_meta_first_and_then_all_of_its_source(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    meta = child_meta(source)
    assert copy(read(source.path), meta) == [meta, *read(source.path).entries]


def test_turns_and_their_ids_are_the_sources(tmp_path: Path) -> None:
    source = rollouts.with_usage(tmp_path)
    rollout = read(source.path)
    child = rebuild(copy(rollout, child_meta(source)))
    assert child.turns() == rebuild(rollout.entries).turns()
    assert child.usage_owner == rebuild(rollout.entries).usage_owner


def test_a_source_in_mid_turn_is_ended_in_the_copy(tmp_path: Path) -> None:
    source = rollouts.mid_turn(tmp_path)
    marker, aborted = copy(read(source.path), child_meta(source))[-2:]
    assert isinstance(marker, ResponseItem)
    assert is_contextual_user(marker.payload)
    assert aborted == events.TurnAborted(turn_id=source.turn_ids[1], reason="interrupted")
    assert isinstance(aborted, events.TurnAborted)
    assert aborted.completed_at is UNSET


def test_an_old_source_that_ends_with_the_user_is_ended_without_an_id(tmp_path: Path) -> None:
    source = RolloutBuilder(tmp_path).say("one").write()
    entries = copy(read(source.path), child_meta(source))
    assert entries[-1] == events.TurnAborted(turn_id=None, reason="interrupted")
    assert rebuild(entries).turns()[0].status == "interrupted"


def test_the_source_is_not_touched(tmp_path: Path) -> None:
    source = rollouts.mid_turn(tmp_path)
    before = (source.path.read_bytes(), source.path.stat().st_mtime_ns)
    copy(read(source.path), child_meta(source))
    assert (source.path.read_bytes(), source.path.stat().st_mtime_ns) == before


def test_every_entry_of_a_copy_can_be_written(tmp_path: Path) -> None:
    builder = RolloutBuilder(tmp_path).begin()
    item = {"type": "AgentMessage", "id": "msg-1", "content": [{"type": "Text", "text": "hi"}]}
    completed = {"type": "item_completed", "thread_id": "h", "turn_id": builder.turn_ids[0], "item": item}
    for kind, payload in (("event_msg", completed), ("response_item", {"type": "dream"})):
        builder.raw(json.dumps({"timestamp": "T", "type": kind, "payload": payload}).encode() + b"\n")
    source = builder.complete().write()
    entries = copy(read(source.path), child_meta(source))
    assert all(encode_line(entry, "T") for entry in entries)
    assert rebuild(entries).turns()[0].items == [AgentMessage(id="item-1", text="hi")]
