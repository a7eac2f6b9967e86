"""Entries to turns: where turns begin and end, what is in them, how items are numbered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol import item as wire
from protocol.turn import Turn
from rollout import events
from rollout.fold import Fold
from rollout.history import History, UsageOwner, present, rebuild
from rollout.lines import Compacted, Entry, ResponseItem
from rollout.reader import read
from tests.support.rollouts import RolloutBuilder, command_end, turn_id, usage_info, user_item

ONE, TWO, THREE = turn_id(1, 1), turn_id(1, 2), turn_id(1, 3)


@pytest.fixture
def thread(tmp_path: Path) -> RolloutBuilder:
    return RolloutBuilder(tmp_path)


def turns(builder: RolloutBuilder) -> list[Turn]:
    return rebuild(builder.entries).turns()


def ids(turn: Turn) -> list[str]:
    return [item.id for item in turn.items]


def started(number: int, **members: Any) -> events.TaskStarted:
    return events.TaskStarted(turn_id=turn_id(1, number), **members)


def said(text: str) -> events.UserMessage:
    return events.UserMessage(message=text)


def answered(text: str) -> events.AgentMessage:
    return events.AgentMessage(message=text)


def of(*entries: Entry) -> list[Turn]:
    return rebuild(entries).turns()


# Turns


def test_a_turn_has_its_id_its_items_and_its_times(thread: RolloutBuilder) -> None:
    (turn,) = turns(thread.turn("one", "first"))
    assert (turn.id, turn.status, turn.error) == (ONE, "completed", None)
    assert ids(turn) == ["item-1", "item-2"]
    assert turn.completed_at is not None
    assert turn.started_at is not None
    assert turn.started_at < turn.completed_at
    assert turn.duration_ms == 2_000


def test_items_are_numbered_over_the_whole_thread(thread: RolloutBuilder) -> None:
    first, second = turns(thread.turn("one", "first").turn("two", "second"))
    assert ids(first) + ids(second) == ["item-1", "item-2", "item-3", "item-4"]


def test_steered_input_stays_in_its_turn(thread: RolloutBuilder) -> None:
    (turn,) = turns(thread.begin().say("one").say("and this").answer("ok").complete())
    assert len(turn.items) == 3


def test_a_new_turn_closes_the_one_before(thread: RolloutBuilder) -> None:
    stale, new = turns(thread.begin().say("one").begin().say("two"))
    assert [stale.status, new.status] == ["inProgress", "inProgress"]
    assert ids(new) == ["item-2"]


def test_a_started_turn_stays_though_empty() -> None:
    (turn,) = of(started(1, started_at=5), events.TaskComplete(turn_id=ONE))
    assert (turn.items, turn.started_at, turn.completed_at) == ([], 5, None)


def test_an_old_file_has_a_turn_for_each_user_message(thread: RolloutBuilder) -> None:
    first, second = turns(thread.say("one").answer("first").say("two"))
    # 0 meta, 1 item, 2 message, 3 answer, 4 item, 5 item, 6 message
    assert (first.id, second.id) == ("rollout-2", "rollout-6")
    assert (first.status, first.started_at) == ("completed", None)


def test_lines_without_an_entry_do_not_shift_implicit_turns(tmp_path: Path) -> None:
    path = RolloutBuilder(tmp_path).raw(b"garbage\n").say("one").write().path
    assert rebuild(read(path).entries).turns()[0].id == "rollout-2"


def test_anything_shown_outside_a_turn_opens_one() -> None:
    (turn,) = of(answered("hello"), events.AgentReasoning(text="hm"))
    assert (turn.id, ids(turn)) == ("rollout-0", ["item-1", "item-2"])


def test_a_turn_of_a_lone_compaction_stays_and_takes_the_next_message() -> None:
    (empty,) = of(Compacted(message="m"))
    assert (empty.id, empty.items) == ("rollout-0", [])
    (joined,) = of(Compacted(message="m"), said("one"))
    assert (joined.id, len(joined.items)) == ("rollout-0", 1)


def test_a_message_after_a_compaction_with_items_opens_its_own_turn() -> None:
    assert len(of(Compacted(message="m"), events.ContextCompacted(), said("one"))) == 2


# Ends


def test_an_end_with_an_unknown_id_ends_the_open_turn() -> None:
    (turn,) = of(started(1), said("x"), events.TaskComplete(turn_id="other", completed_at=9))
    assert (turn.status, turn.completed_at) == ("completed", 9)


def test_a_late_end_of_an_earlier_turn_leaves_the_open_one_open() -> None:
    history = rebuild([started(1), started(2), events.TaskComplete(turn_id=ONE, completed_at=9)])
    first, second = history.turns()
    assert (first.status, first.completed_at, second.status) == ("completed", 9, "inProgress")
    assert history.open_turn_id == TWO


def test_a_late_abort_of_an_earlier_turn_does_not_stop_the_open_one() -> None:
    first, second = of(started(1), started(2), events.TurnAborted(turn_id=ONE, reason="interrupted"))
    assert (first.status, second.status) == ("interrupted", "inProgress")


def test_an_abort_does_not_close_the_turn() -> None:
    aborted = events.TurnAborted(turn_id=ONE, reason="interrupted", completed_at=5, duration_ms=6)
    (turn,) = of(started(1), said("x"), aborted, answered("late"))
    assert (turn.status, turn.completed_at, turn.duration_ms, len(turn.items)) == ("interrupted", 5, 6, 2)


def test_the_end_of_an_aborted_turn_keeps_its_status_but_not_its_times() -> None:
    aborted = events.TurnAborted(turn_id=ONE, reason="interrupted", completed_at=5, duration_ms=6)
    (turn,) = of(started(1), aborted, events.TaskComplete(turn_id=ONE, completed_at=9))
    assert (turn.status, turn.completed_at, turn.duration_ms) == ("interrupted", 9, None)


def test_an_abort_without_an_id_means_the_open_turn() -> None:
    (turn,) = of(started(1), events.TurnAborted(reason="interrupted"))
    assert turn.status == "interrupted"


def test_a_failed_turn_stays_failed_when_it_ends() -> None:
    info = {"response_stream_disconnected": {"http_status_code": 502}}
    (turn,) = of(started(1), events.Error(message="bad", codex_error_info=info), events.TaskComplete(turn_id=ONE))
    assert turn.status == "failed"
    assert turn.error is not None
    assert turn.error.message == "bad"
    assert turn.error.codex_error_info == {"responseStreamDisconnected": {"httpStatusCode": 502}}


def test_an_error_outside_a_turn_makes_and_fails_none() -> None:
    assert of(events.Error(message="bad")) == []
    (turn,) = of(started(1), events.TaskComplete(turn_id=ONE), events.Error(message="bad"))
    assert turn.status == "completed"


@pytest.mark.parametrize("info", ["thread_rollback_failed", {"active_turn_not_steerable": {"turn_kind": "review"}}])
def test_a_refused_request_does_not_fail_the_turn(info: Any) -> None:
    (turn,) = of(started(1), events.Error(message="no", codex_error_info=info))
    assert turn.status == "inProgress"


# Rollback


def test_a_rollback_drops_turns_and_numbers_on_from_what_is_left(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").turn("two", "second").turn("three", "third")
    first, last = turns(thread.add(events.ThreadRolledBack(num_turns=2)).turn("four", "fourth"))
    assert (first.id, last.id) == (ONE, turn_id(1, 4))
    assert ids(last) == ["item-3", "item-4"]


def test_a_rollback_of_more_turns_than_there_are_leaves_none(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").add(events.ThreadRolledBack(num_turns=9))
    assert turns(thread) == []
    (turn,) = turns(thread.turn("two", "second"))
    assert ids(turn) == ["item-1", "item-2"]


def test_a_rollback_counts_turns_without_items(thread: RolloutBuilder) -> None:
    thread.turn("one", "first").begin().complete().add(events.ThreadRolledBack(num_turns=1))
    assert [turn.id for turn in turns(thread)] == [ONE]


# Items


def test_a_user_message_shows_text_then_urls_then_files() -> None:
    element = events.TextElement(byte_range=events.ByteRange(start=0, end=2), placeholder="do")
    message = events.UserMessage(
        message="do all", images=["https://x"], local_images=["/a.png"], text_elements=[element]
    )
    (turn,) = of(started(1), message)
    content: list[wire.UserInput] = [
        wire.TextInput(
            text="do all",
            text_elements=[wire.TextElement(byte_range=wire.ByteRange(start=0, end=2), placeholder="do")],
        ),
        wire.ImageInput(url="https://x"),
        wire.LocalImageInput(path="/a.png"),
    ]
    assert turn.items == [wire.UserMessage(id="item-1", content=content)]


def test_blank_text_is_not_shown() -> None:
    (turn,) = of(started(1), events.UserMessage(message=" \n", images=["https://x"]))
    (item,) = turn.items
    assert isinstance(item, wire.UserMessage)
    assert item.content == [wire.ImageInput(url="https://x")]


def test_empty_answers_and_reasoning_are_not_shown() -> None:
    (turn,) = of(started(1), answered(""), events.AgentReasoning(text=""), events.AgentReasoningRawContent(text=""))
    assert turn.items == []


def test_reasoning_gathers_until_something_else_comes() -> None:
    (turn,) = of(
        started(1),
        events.AgentReasoning(text="a"),
        events.AgentReasoningRawContent(text="raw"),
        events.AgentReasoning(text="b"),
        answered("so"),
        events.AgentReasoning(text="c"),
    )
    assert turn.items == [
        wire.Reasoning(id="item-1", summary=["a", "b"], content=["raw"]),
        wire.AgentMessage(id="item-2", text="so"),
        wire.Reasoning(id="item-3", summary=["c"]),
    ]


def test_a_late_command_goes_to_the_turn_it_names() -> None:
    first, second = of(started(1), events.TaskComplete(turn_id=ONE), started(2), command_end("c", ONE))
    assert ids(first) == ["c"]
    assert second.items == []


def test_a_late_command_of_a_turn_that_is_gone_is_dropped() -> None:
    (turn,) = of(started(1), command_end("c", "gone"))
    assert turn.items == []


def test_a_patch_without_a_turn_belongs_to_the_running_one() -> None:
    (turn,) = of(started(1), events.PatchApplyEnd(call_id="p", success=True))
    assert ids(turn) == ["p"]


def test_an_item_with_the_same_id_takes_its_place() -> None:
    request = events.DynamicToolCallRequest(call_id="d", turn_id=ONE, tool="x", arguments={})
    response = events.DynamicToolCallResponse(
        call_id="d",
        turn_id=ONE,
        tool="x",
        arguments={},
        content_items=[],
        success=False,
        duration=events.Duration(secs=0, nanos=5_900_000),
    )
    (turn,) = of(started(1), request, answered("meanwhile"), response)
    called, _ = turn.items
    assert isinstance(called, wire.DynamicToolCall)
    assert (called.status, called.success, called.duration_ms) == ("failed", False, 5)


def test_an_empty_plan_is_not_shown() -> None:
    def plan(text: str) -> events.PlanCompleted:
        return events.PlanCompleted(thread_id="h", turn_id=ONE, item=events.PlanItem(id=f"{ONE}-plan", text=text))

    (turn,) = of(started(1), plan(""))
    assert turn.items == []
    (turn,) = of(started(1), plan("# Plan"))
    assert turn.items == [wire.Plan(id=f"{ONE}-plan", text="# Plan")]


def test_hook_prompts_are_shown_and_other_model_items_are_not() -> None:
    hook = user_item('<hook_prompt hook_run_id="h&amp;1">Mind &lt;this&gt;</hook_prompt>')
    (turn,) = of(started(1), user_item("plain"), hook)
    fragment = wire.HookPromptFragment(text="Mind <this>", hook_run_id="h&1")
    assert turn.items == [wire.HookPrompt(id="hook-2", fragments=[fragment])]


def test_a_message_that_is_only_in_part_a_hook_prompt_is_not_shown() -> None:
    content = [
        {"type": "input_text", "text": '<hook_prompt hook_run_id="h">x</hook_prompt>'},
        {"type": "input_text", "text": "and more"},
    ]
    assert of(ResponseItem(payload={"type": "message", "role": "user", "content": content})) == []


def test_reviews_show_the_hint_and_the_explanation() -> None:
    (turn,) = of(
        started(1),
        events.EnteredReviewMode(target={"type": "uncommittedChanges"}),
        events.ExitedReviewMode(review_output={"overall_explanation": " Fine. \n"}),
        events.EnteredReviewMode(target={"type": "custom"}, user_facing_hint="Check it"),
        events.ExitedReviewMode(),
    )
    texts = [item.review for item in turn.items if isinstance(item, wire.EnteredReviewMode | wire.ExitedReviewMode)]
    assert texts[1:3] == ["Fine.", "Check it"]
    assert texts[0]
    assert texts[3]


# The living thread


def test_live_events_change_nothing_and_take_no_position() -> None:
    history = rebuild([said("one")])
    history.feed(events.ThreadWarning(message="x"))
    history.feed(events.AgentMessageDelta(turn_id="t", item_id="m", delta="x"))
    history.feed(said("two"))
    assert [turn.id for turn in history.turns()] == ["rollout-0", "rollout-1"]


def test_a_snapshot_does_not_change_afterwards() -> None:
    history = rebuild([started(1), said("one")])
    before = history.turns()
    history.feed(answered("first"))
    assert len(before[0].items) == 1
    assert len(history.turns()[0].items) == 2


def test_a_turn_that_did_not_change_is_not_made_anew() -> None:
    history = rebuild([started(1), events.TaskComplete(turn_id=ONE), started(2)])
    before = history.turns()
    history.feed(answered("first"))
    after = history.turns()
    assert before[0] is after[0]
    assert before[1] is not after[1]


def test_the_history_keeps_of_a_command_what_the_file_keeps() -> None:
    history = History()
    history.feed(started(1))
    history.feed(command_end("c", ONE, "x" * 50_000))
    (item,) = history.turns()[0].items
    assert isinstance(item, wire.CommandExecution)
    assert item.aggregated_output is not None
    assert len(item.aggregated_output) <= 10_000


# Usage owners


def test_usage_belongs_to_the_open_turn_else_to_the_last() -> None:
    history = rebuild([started(1), events.TaskComplete(turn_id=ONE), started(2), events.TokenCount()])
    assert history.usage_owner == UsageOwner(turn_id=TWO, position=1)
    history = rebuild([started(1), events.TaskComplete(turn_id=ONE), events.TokenCount(info=usage_info())])
    assert history.usage_owner == UsageOwner(turn_id=ONE, position=0)


def test_usage_before_any_turn_belongs_to_none() -> None:
    gone: list[Entry] = [started(1), events.TokenCount(), events.ThreadRolledBack(num_turns=1)]
    assert rebuild([*gone, events.TokenCount()]).usage_owner is None


# Presenting and forking


def test_a_stale_turn_is_shown_as_interrupted_unless_it_runs() -> None:
    stale = of(started(1), started(2))
    assert [turn.status for turn in present(stale, active=False)] == ["interrupted", "interrupted"]
    assert [turn.status for turn in present(stale, active=True)] == ["interrupted", "inProgress"]
    assert [turn.status for turn in stale] == ["inProgress", "inProgress"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], False),
        ([started(1)], True),
        ([started(1), events.TaskComplete(turn_id=ONE)], False),
        ([started(1), user_item("x"), events.TurnAborted(turn_id=ONE, reason="interrupted")], False),
        ([started(1), events.TaskComplete(turn_id=ONE), user_item("put in between")], False),
        ([user_item("x"), said("x")], True),
        ([user_item("x"), said("x"), events.TaskComplete(turn_id="t")], False),
        ([user_item("<environment_context>\n</environment_context>")], False),
    ],
)
def test_a_thread_is_mid_turn_when_nothing_ended_its_turn(entries: list[Entry], expected: bool) -> None:
    folded = Fold()
    for entry in entries:
        folded.feed(entry)
    assert folded.is_mid_turn is expected
