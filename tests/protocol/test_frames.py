import json

import pytest
from websockets.frames import Frame as LibraryFrame
from websockets.frames import Opcode
from websockets.streams import StreamReader

from protocol import frames, notices
from protocol.dialects.versions import V0_125, Version
from protocol.errors import ErrorBody
from protocol.item_notices import AgentMessageDeltaNotification
from protocol.thread import Active, ThreadNameUpdatedNotification, ThreadStatusChangedNotification
from protocol.wire import Encoded


def parsed_by_the_library(data: bytes) -> LibraryFrame:
    """What a client of the websockets library sees in these bytes."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = LibraryFrame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame: LibraryFrame = done.value.value
    return frame


@pytest.mark.parametrize("size", [0, 1, 80, 125, 126, 127, 65_000, 65_535, 65_536, 300_000])
def test_a_frame_of_any_size_is_one_final_text_frame(size: int) -> None:
    frame = frames.Frame(b"x" * size)
    seen = parsed_by_the_library(frame.data)
    assert (seen.opcode, seen.fin, bytes(seen.data)) == (Opcode.TEXT, True, b"x" * size)
    assert frame.payload == b"x" * size
    assert len(frame) == len(frame.data)


def told(message: frames.Message, version: Version = V0_125) -> frames.Frame:
    """What clients of a version get."""
    frame = message if isinstance(message, frames.Frame) else message.heard_by(version, numbered=False)
    assert frame is not None
    return frame


def test_a_notification_knows_its_method_and_has_camel_case_members() -> None:
    params = AgentMessageDeltaNotification(thread_id="t", turn_id="u", item_id="i", delta="é\u2028")
    frame = told(frames.notification(notices.AGENT_MESSAGE_DELTA, params))
    assert frame.method == "item/agentMessage/delta"
    assert json.loads(frame.payload) == {
        "method": "item/agentMessage/delta",
        "params": {"threadId": "t", "turnId": "u", "itemId": "i", "delta": "é\u2028"},
    }


def test_tagged_members_and_empty_lists_are_written() -> None:
    params = ThreadStatusChangedNotification(thread_id="t", status=Active())
    said = json.loads(told(frames.notification(notices.THREAD_STATUS_CHANGED, params)).payload)
    assert said["params"]["status"] == {"type": "active", "activeFlags": []}


def test_unset_members_are_left_out() -> None:
    params = ThreadNameUpdatedNotification(thread_id="t")
    assert json.loads(told(frames.notification(notices.THREAD_NAME_UPDATED, params)).payload)["params"] == {
        "threadId": "t"
    }


def test_replies_echo_the_id_and_are_never_opted_out_of() -> None:
    reply = frames.response("7", {"x": 1})
    refusal = frames.error(None, ErrorBody(code=-32600, message="no"))
    assert json.loads(reply.payload) == {"id": "7", "result": {"x": 1}}
    assert json.loads(refusal.payload) == {"id": None, "error": {"code": -32600, "message": "no"}}
    assert reply.method is None
    assert refusal.method is None


def test_a_value_that_was_encoded_before_goes_into_a_frame_in_its_parts() -> None:
    parts = [b"[1,", b'"\\u0000",', b"3]"]
    reply = frames.response(1, {"before": "\0", "turns": Encoded(parts), "more": Encoded([b"{}"]), "after": 4})
    assert json.loads(reply.payload) == {
        "id": 1,
        "result": {"before": "\0", "turns": [1, "\0", 3], "more": {}, "after": 4},
    }
    assert any(part is parts[0] for part in reply.rest)
    assert len(reply) == len(reply.data) + sum(map(len, reply.rest))
    seen = parsed_by_the_library(reply.data + b"".join(reply.rest))
    assert bytes(seen.data) == reply.payload
