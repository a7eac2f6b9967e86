import msgspec
import pytest

from protocol import asks, methods, notices
from protocol.asks import ASKS
from protocol.method import Ask, Method, Notice
from protocol.methods import METHODS
from protocol.notices import NOTICES


def test_every_method_and_notification_has_one_row() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert len({notice.name for notice in NOTICES}) == len(NOTICES)
    rows = {value for value in vars(methods).values() if isinstance(value, Method)}
    assert rows == set(METHODS)
    told = {value for value in vars(notices).values() if isinstance(value, Notice)}
    assert told == set(NOTICES)
    asked = {value for value in vars(asks).values() if isinstance(value, Ask)}
    assert asked == set(ASKS)


@pytest.mark.parametrize(
    ("method", "params", "gate"),
    [
        (methods.THREAD_START, {}, None),
        (methods.THREAD_START, {"persistExtendedHistory": True}, "thread/start.persistFullHistory"),
        (methods.THREAD_START, {"persistExtendedHistory": False}, None),
        (methods.THREAD_START, {"dynamicTools": []}, "thread/start.dynamicTools"),
        (methods.THREAD_START, {"environments": None}, None),
        (methods.THREAD_RESUME, {"threadId": "t", "path": ""}, "thread/resume.path"),
        (methods.THREAD_RESUME, {"threadId": "t", "history": []}, "thread/resume.history"),
        (methods.THREAD_FORK, {"threadId": "t", "path": "p"}, "thread/fork.path"),
        (
            methods.TURN_START,
            {"threadId": "t", "input": [], "collaborationMode": {"mode": "plan", "settings": {"model": "m"}}},
            "turn/start.collaborationMode",
        ),
        (
            methods.TURN_START,
            {
                "threadId": "t",
                "input": [],
                "approvalPolicy": {"granular": {"sandbox_approval": True, "rules": True, "mcp_elicitations": True}},
            },
            "askForApproval.granular",
        ),
        (methods.COLLABORATION_MODE_LIST, {}, "collaborationMode/list"),
    ],
)
def test_experimental_methods_and_fields_name_their_gate(
    method: Method[object, object], params: dict[str, object], gate: str | None
) -> None:
    assert method.gate(method.decoder.decode(msgspec.json.encode(params))) == gate


def test_requests_about_one_thread_share_a_lane_whatever_the_spelling_of_the_id() -> None:
    read = methods.THREAD_READ.decoder.decode(b'{"threadId":"urn:uuid:AB-C"}')
    start = methods.TURN_START.decoder.decode(b'{"threadId":"abc","input":[]}')
    assert methods.THREAD_READ.order(read) == methods.TURN_START.order(start) == "abc"
    assert methods.THREAD_LIST.order(methods.THREAD_LIST.decoder.decode(b"{}")) is None
