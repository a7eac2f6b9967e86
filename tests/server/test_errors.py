"""Both spellings of error kinds."""

from __future__ import annotations

import pytest

from protocol.turn import CodexErrorInfo
from rollout.events import Error
from rollout.mapping import turn_error
from server.errors import TurnError, stored_error_info


@pytest.mark.parametrize(
    ("wire", "stored"),
    [
        ("other", "other"),
        ("contextWindowExceeded", "context_window_exceeded"),
        (
            {"responseStreamDisconnected": {"httpStatusCode": 502}},
            {"response_stream_disconnected": {"http_status_code": 502}},
        ),
        ({"activeTurnNotSteerable": {"turnKind": "review"}}, {"active_turn_not_steerable": {"turn_kind": "review"}}),
    ],
)
def test_the_two_spellings_are_each_others_inverse(wire: CodexErrorInfo, stored: CodexErrorInfo) -> None:
    assert TurnError("x", wire).stored_info() == stored_error_info(wire) == stored
    assert turn_error(Error(message="x", codex_error_info=stored)).codex_error_info == wire


def test_no_kind_stays_none() -> None:
    assert turn_error(Error(message="x", codex_error_info=None)).codex_error_info is None
