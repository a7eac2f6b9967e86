"""The schema check itself: it sees what is wrong, names it, and knows every row of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.asks import ASKS
from protocol.dialects.versions import EXTENSION
from protocol.methods import METHODS
from protocol.notices import NOTICES
from protocol.sequence import EXTENSION as NUMBERS
from server.providers.scripted import completed, message
from tests.schema import witness
from tests.schema.checked import RESULTS, schema
from tests.schema.generated import VERSIONS
from tests.schema.rows import RETIRED, UNLISTED
from tests.schema.witness import OURS, Witness
from tests.support import codex
from tests.support.harness import running

pytestmark = pytest.mark.codex(*VERSIONS)

CLOSED: dict[str, Any] = {"method": "thread/closed", "params": {"threadId": "t"}}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_notification_of_the_schema_is_right(version: str) -> None:
    assert schema(version).notification(CLOSED) == []


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        ({"params": {"threadId": 7}}, 'thread/closed: .threadId: 7 is not of type "string"'),
        ({"params": {}}, 'thread/closed: .: "threadId" is a required property'),
        ({"params": {"threadId": "t", "why": 1}}, "thread/closed: .why: a member that the schema does not name"),
        ({"jsonrpc": "2.0"}, "thread/closed: member `jsonrpc` beside its params"),
        ({"method": "thread/gone"}, "thread/gone: 0.125.0 knows no such notification"),
    ],
)
def test_what_is_wrong_is_named(spoilt: dict[str, Any], complaint: str) -> None:
    assert schema(codex.REFERENCE).notification(CLOSED | spoilt) == [complaint]


@pytest.mark.parametrize("version", VERSIONS)
def test_in_a_choice_the_branch_that_was_meant_is_held_against_it(version: str) -> None:
    status = {"type": "active", "activeFlags": ["waitingForTea"]}
    told = {"method": "thread/status/changed", "params": {"threadId": "t", "status": status}}
    (complaint,) = schema(version).notification(told)
    assert complaint.startswith('thread/status/changed: .status.activeFlags[]: "waitingForTea"')


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_closed_at_every_depth(version: str) -> None:
    status = {"type": "idle", "since": 1}
    told = {"method": "thread/status/changed", "params": {"threadId": "t", "status": status}}
    (complaint,) = schema(version).notification(told)
    assert complaint == "thread/status/changed: .status.since: a member that the schema does not name"


def test_only_the_newest_says_when_a_notification_was_sent() -> None:
    dated = CLOSED | {"emittedAtMs": 1}
    assert schema(codex.NEWEST).notification(dated) == []
    assert schema(codex.REFERENCE).notification(dated) == ["thread/closed: member `emittedAtMs` beside its params"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_of_the_schema_has_a_result(version: str) -> None:
    known = schema(version)
    assert [name for name in known.requests if known.result_of(name) is None] == []
    assert not RESULTS.keys() - {name for each in VERSIONS for name in schema(each).requests}


@pytest.mark.parametrize("version", VERSIONS)
def test_replies_are_held_against_the_result_of_what_was_asked(version: str) -> None:
    known = schema(version)
    assert known.reply("thread/loaded/list", {"data": ["t"], "nextCursor": None}) == []
    assert known.reply("thread/loaded/list", {"data": "t"}) != []
    assert known.reply("turn/interrupt", {}) == []
    assert known.reply("turn/interrupt", {"data": []}) != []
    assert known.reply("no/such", {}) == [f"no/such: {version} has no such method"]


def test_every_row_of_ours_is_in_the_schema_of_some_version() -> None:
    requests = {name for version in VERSIONS for name in schema(version).requests}
    notifications = {name for version in VERSIONS for name in schema(version).notifications}
    theirs = {method.name for method in METHODS if not method.name.startswith(OURS)} - UNLISTED
    assert theirs <= requests
    assert not UNLISTED & requests
    assert {notice.name for notice in NOTICES if not notice.name.startswith(OURS)} <= notifications
    assert {ask.name for ask in ASKS} <= {name for version in VERSIONS for name in schema(version).asked}
    assert theirs - schema(codex.NEWEST).requests.keys() == RETIRED.keys()


QUESTION: dict[str, Any] = {"id": "q", "header": "h", "question": "?", "isOther": True, "isSecret": False}
ASKED: dict[str, Any] = {"threadId": "t", "turnId": "u", "itemId": "i", "questions": [QUESTION]}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_question_is_held_against_the_schema_of_its_version(version: str) -> None:
    known, newer = schema(version), {"isBlocking": True, "autoResolutionMs": None}
    right = ASKED if version == codex.REFERENCE else ASKED | newer
    ask = {"id": 0, "method": "item/tool/requestUserInput"}
    assert known.request(ask | {"params": right}) == []
    assert known.request(ask | {"params": right | {"why": 1}}) != []
    assert (known.request(ask | {"params": ASKED | newer}) == []) == (version != codex.REFERENCE)
    assert known.request(ask | {"method": "item/tool/nonsense", "params": right}) != []


def test_the_answer_to_a_question_is_no_request_although_its_number_is_one() -> None:
    hears = Witness(codex.REFERENCE)
    hears.sent(json.dumps({"id": 1, "method": "thread/loaded/list"}))
    hears.sent(json.dumps({"id": 1, "result": {"answers": {}}}))
    hears.received({"id": 1, "result": {"data": [], "nextCursor": None}})
    assert witness.take_complaints() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_is_judged_by_the_version_that_it_declares(version: str) -> None:
    hears = Witness()
    hello = {"clientInfo": {"name": "codex-tui", "version": version}}
    hears.sent(json.dumps({"id": 1, "method": "initialize", "params": hello}))
    hears.received({"method": "warning", "params": {"message": 1}})
    assert f'{version}: warning: .message: 1 is not of type "string"' in witness.take_complaints()


@pytest.mark.parametrize("asks", [True, False])
def test_only_who_asked_for_numbers_may_hear_them_and_only_in_their_form(asks: bool) -> None:
    hears, number = Witness(), {"epoch": "e", "number": 1}
    extensions = {EXTENSION: "0.125.0", NUMBERS: asks}
    hello = {"clientInfo": {"name": "t", "version": "1"}, "capabilities": {"extensions": extensions}}
    hears.sent(json.dumps({"id": 1, "method": "initialize", "params": hello}))
    hears.received(CLOSED | {"sequence": number})
    beside = "0.125.0: thread/closed: member `sequence` beside its params"
    assert witness.take_complaints() == ([] if asks else [beside])
    hears.received(CLOSED | {"sequence": number | {"why": 1}})
    (complaint,) = witness.take_complaints()
    assert complaint == ("0.125.0: thread/closed: `sequence` is " + repr(number | {"why": 1}) if asks else beside)


async def test_what_the_clients_of_a_conversation_hear_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(schema(codex.REFERENCE).notifications, "turn/started")
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/start"))["thread"]["id"]
        await client.run_turn(thread, "Hello")
        await client.hear("turn/completed")
    assert any("turn/started" in complaint for complaint in witness.take_complaints())
