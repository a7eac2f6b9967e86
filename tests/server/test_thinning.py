"""Fewer frames that say the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocol import frames, item_notices, notices
from protocol.dialects.versions import NEWEST
from protocol.frames import Frame
from protocol.item import AgentMessage
from protocol.sequence import Number
from protocol.thread import Active, Idle, ThreadStatusChangedNotification
from server.thinning import least, thinned


def framed(message: frames.Message, number: int = 0) -> Frame:
    """What a client gets that wants numbers, if there is one."""
    if number:
        message = frames.numbered(message, Number(epoch="e", number=number))
    frame = message if isinstance(message, Frame) else message.heard_by(NEWEST, numbered=bool(number))
    assert frame is not None
    return frame


def delta(text: str, item_id: str = "i", thread_id: str = "t", number: int = 0) -> Frame:
    """A piece of an agent message."""
    params = item_notices.AgentMessageDeltaNotification(thread_id=thread_id, turn_id="u", item_id=item_id, delta=text)
    return framed(frames.notification(notices.AGENT_MESSAGE_DELTA, params), number)


def boundary(item_id: str = "i", *, ends: bool = False) -> Frame:
    """The begin or end of an agent message."""
    shown = AgentMessage(id=item_id, text="")
    if ends:
        ended = item_notices.ItemCompletedNotification(item=shown, thread_id="t", turn_id="u", completed_at_ms=1)
        return framed(frames.notification(notices.ITEM_COMPLETED, ended))
    begun = item_notices.ItemStartedNotification(item=shown, thread_id="t", turn_id="u", started_at_ms=1)
    return framed(frames.notification(notices.ITEM_STARTED, begun))


def status(*, active: bool, thread_id: str = "t") -> Frame:
    """A thread's status."""
    params = ThreadStatusChangedNotification(thread_id=thread_id, status=Active() if active else Idle())
    return framed(frames.notification(notices.THREAD_STATUS_CHANGED, params))


def said(waiting: list[Frame]) -> list[Any]:
    """What a client makes of them."""
    return [json.loads(frame.payload) for frame in waiting]


def test_pieces_of_one_text_become_one_at_the_place_of_the_first() -> None:
    reply = frames.response(1, {})
    fewer = thinned([delta("a"), reply, delta("b"), delta("x", "other"), delta("c")])
    assert [m.get("params", {}).get("delta") for m in said(fewer)] == ["abc", None, "x"]
    assert fewer[1] is reply


def test_nothing_passes_the_begin_or_the_end_of_its_item() -> None:
    end, begin = boundary(ends=True), boundary()
    fewer = thinned([delta("a"), delta("b"), end, begin, delta("c"), delta("d"), boundary("other"), delta("e")])
    assert [m["params"].get("delta", m["method"]) for m in said(fewer)] == [
        "ab", "item/completed", "item/started", "cde", "item/started",
    ]  # fmt: skip


def test_of_a_status_only_the_newest_stays_where_it_is() -> None:
    fewer = thinned([status(active=True), delta("a"), status(active=True, thread_id="v"), status(active=False)])
    assert [(m["method"], m["params"].get("status", {}).get("type")) for m in said(fewer)] == [
        ("item/agentMessage/delta", None),
        ("thread/status/changed", "active"),
        ("thread/status/changed", "idle"),
    ]


def test_pieces_put_together_have_the_number_of_the_last() -> None:
    (whole,) = said(thinned([delta("a", number=7), delta("b", number=8), delta("c", number=9)]))
    assert (whole["params"]["delta"], whole["sequence"]["number"]) == ("abc", 9)


events = st.one_of(
    st.tuples(st.just("delta"), st.sampled_from("ijk"), st.text(max_size=3)),
    st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from("ijk"), st.just("")),
    st.tuples(st.sampled_from(["active", "idle"]), st.sampled_from("tv"), st.just("")),
    st.tuples(st.just("reply"), st.just(""), st.just("")),
)


def made(kind: str, name: str, text: str, number: int) -> Frame:
    match kind:
        case "delta":
            return delta(text, name)
        case "begin" | "end":
            return boundary(name, ends=kind == "end")
        case "active" | "idle":
            return status(active=kind == "active", thread_id=name)
        case _:
            return frames.response(number, {})


def texts(waiting: list[Frame]) -> dict[str, list[str]]:
    """For every item the texts between its boundaries, put together as a client would."""
    found: dict[str, list[str]] = {}
    for message in said(waiting):
        params = message.get("params", {})
        if "delta" in params:
            found.setdefault(params["itemId"], [""])[-1] += params["delta"]
        elif "item" in params:
            found.setdefault(params["item"]["id"], [""]).append("")
    return found


def kept(waiting: list[Frame]) -> list[Frame]:
    """What must all arrive, in this order."""
    return [frame for frame in waiting if frame.notice is None or frame.notice.thinned is None]


def statuses(waiting: list[Frame]) -> dict[str, str]:
    """What a client knows of the threads in the end."""
    told = [message["params"] for message in said(waiting) if message.get("method") == "thread/status/changed"]
    return {params["threadId"]: params["status"]["type"] for params in told}


@given(st.lists(events, max_size=40))
def test_a_client_knows_the_same_in_the_end_and_nothing_else_is_lost_or_moved(
    script: list[tuple[str, str, str]],
) -> None:
    waiting = [made(*event, number) for number, event in enumerate(script)]
    fewer = thinned(waiting)
    assert kept(fewer) == kept(waiting)
    assert texts(fewer) == texts(waiting)
    assert statuses(fewer) == statuses(waiting)
    assert len(fewer) <= len(waiting)
    assert least(waiting) <= sum(frame.size for frame in fewer)
    assert thinned(fewer) == fewer
