"""One form inside, and what each version hears of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import fields

from protocol import frames, item, item_notices, notices, thread, turn
from protocol.dialects import shape
from protocol.dialects.shape import Unsayable, shaped, varies
from protocol.dialects.table import ROWS, Kinds, Members, Notices, Wording
from protocol.dialects.versions import NEWEST, V0_125, V0_147, V0_166, VERSIONS, Version
from protocol.wire import Encoded, encode


def said(value: Any, version: Version) -> Any:
    """The JSON that clients of a version get."""
    return json.loads(encode(shaped(value, version)))


def of_turn(*items: item.ThreadItem) -> turn.Turn:
    """A turn with these items."""
    return turn.Turn(id="t", root_turn_id="t", items=list(items), status="completed")


def test_members_are_said_only_to_versions_that_know_them_however_deep_they_lie() -> None:
    told = of_turn(item.UserMessage(id="u", client_id="mine", content=[]))
    assert "clientId" not in said(told, V0_125)["items"][0]
    assert said(told, V0_147)["items"][0]["clientId"] == "mine"
    assert ("itemsView" in said(told, V0_147), "rootTurnId" in said(told, V0_147)) == (True, False)
    assert said(told, V0_166)["rootTurnId"] == "t"


def test_items_that_a_version_has_no_words_for_are_left_out_of_its_lists() -> None:
    told = of_turn(item.Sleep(id="s", duration_ms=5), item.Plan(id="p", text="x"))
    assert [one["type"] for one in said(told, V0_125)["items"]] == ["plan"]
    assert [one["type"] for one in said(told, V0_147)["items"]] == ["sleep", "plan"]


def test_a_notification_about_such_an_item_is_not_sent_to_that_version() -> None:
    sleep = item.Sleep(id="s", duration_ms=5)
    told = item_notices.ItemStartedNotification(item=sleep, thread_id="t", turn_id="u", started_at_ms=1)
    message = frames.notification(notices.ITEM_STARTED, told)
    assert isinstance(message, frames.Variants)
    assert message.heard_by(V0_125, numbered=False) is None
    frame = message.heard_by(V0_147, numbered=False)
    assert frame is not None
    assert json.loads(frame.payload)["params"]["item"]["type"] == "sleep"


def test_what_a_version_knows_as_it_is_comes_back_as_the_same_object() -> None:
    for value in (thread.ThreadIdNotification(thread_id="t"), "text", 5, None, Encoded([b"[]"])):
        assert shaped(value, V0_125) is value
    told = of_turn(item.UserMessage(id="u", content=[]))
    assert shaped(told, NEWEST) is told


def test_the_end_of_a_turn_shows_its_last_message_only_to_those_who_expect_it() -> None:
    ended = turn.TurnCompletedNotification(thread_id="t", turn=of_turn(item.AgentMessage(id="a", text="done")))
    assert said(ended, V0_125)["turn"]["items"] == []
    assert [one["text"] for one in said(ended, V0_147)["turn"]["items"]] == ["done"]


def test_a_message_is_encoded_once_for_each_version_and_one_that_is_alike_for_all_once() -> None:
    delta = item_notices.AgentMessageDeltaNotification(thread_id="t", turn_id="u", item_id="i", delta="x")
    assert isinstance(frames.notification(notices.AGENT_MESSAGE_DELTA, delta), frames.Frame)
    begun = turn.TurnStartedNotification(thread_id="t", turn=of_turn())
    message = frames.notification(notices.TURN_STARTED, begun)
    assert isinstance(message, frames.Variants)
    assert message.heard_by(V0_125, numbered=False) is message.heard_by(V0_125, numbered=False)
    assert message.heard_by(V0_125, numbered=False) is not message.heard_by(NEWEST, numbered=False)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_speaks_of_what_there_is(row: Any) -> None:
    if isinstance(row, Members):
        assert set(row.names) <= {member.name for member in fields(row.of)}
        assert (row.since is None) != (row.until is None)
    elif isinstance(row, Wording):
        assert row.name in {member.name for member in fields(row.of)}
        assert row.since or row.until
    versions = {getattr(row, "since", None), getattr(row, "until", None)} - {None}
    assert versions <= set(VERSIONS)
    assert V0_125 not in versions


def test_a_row_of_a_notification_keeps_it_from_older_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*ROWS, Notices((notices.WARNING,), since=V0_166))
    monkeypatch.setattr(shape, "ROWS", rows)
    assert varies.__wrapped__(notices.WARNING)
    warning = turn.WarningNotification(thread_id="t", message="m")
    message = frames.Variants(notices.WARNING, warning)
    assert message.heard_by(V0_147, numbered=False) is None
    assert message.heard_by(V0_166, numbered=False) is not None


def test_what_is_nothing_without_an_unknown_kind_cannot_be_said() -> None:
    kinds = [kind for row in ROWS if isinstance(row, Kinds) for kind in row.of]
    assert item.Sleep in kinds
    with pytest.raises(Unsayable):
        shaped(item.Sleep(id="s", duration_ms=1), V0_125)
