"""Which calls of MCP tools need approval, how that is asked and what answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.elicitation import FormElicitation, McpServerElicitationRequestResponse, UrlElicitation
from protocol.permissions import ApprovalPolicy, DangerFullAccess, Granular, GranularRules, ReadOnly
from protocol.wire import encode
from server.config_edit import edited
from server.mcp.approval import (
    CANCELLED,
    DECLINED,
    always,
    answered_by_policy,
    decide,
    is_consequential,
    meaning,
    question,
)
from server.mcp.settings import ApprovalMode

QUIET = Granular(granular=GranularRules(sandbox_approval=True, rules=True, mcp_elicitations=False))


@pytest.mark.parametrize(
    ("annotations", "asks"),
    [
        ({}, True),
        ({"readOnlyHint": True}, False),
        ({"readOnlyHint": True, "openWorldHint": True}, False),
        ({"readOnlyHint": True, "destructiveHint": True}, True),
        ({"destructiveHint": False}, True),
        ({"openWorldHint": False}, True),
        ({"destructiveHint": False, "openWorldHint": False}, False),
        ({"readOnlyHint": "yes"}, True),
    ],
)
def test_a_tool_is_asked_for_unless_it_says_that_it_is_harmless(annotations: dict[str, Any], asks: bool) -> None:
    assert is_consequential(annotations) is asks


@pytest.mark.parametrize(
    ("mode", "policy", "is_open", "decision"),
    [
        ("auto", "on-request", False, "ask"),
        ("auto", "untrusted", True, "ask"),
        ("auto", "never", False, "refuse"),
        ("auto", "never", True, "run"),
        ("auto", QUIET, False, "refuse"),
        ("approve", "never", False, "run"),
        ("prompt", "on-request", False, "ask"),
        ("prompt", "never", True, "run"),
    ],
)
def test_mode_and_policy_decide(mode: ApprovalMode, policy: ApprovalPolicy, is_open: bool, decision: str) -> None:
    sandbox = DangerFullAccess() if is_open else ReadOnly()
    assert decide({"destructiveHint": True}, mode, policy, sandbox) == decision


def test_a_harmless_tool_is_only_asked_for_if_the_configuration_wants_it() -> None:
    assert decide({"readOnlyHint": True}, "auto", "never", ReadOnly()) == "run"
    assert decide({"readOnlyHint": True}, "prompt", "on-request", ReadOnly()) == "ask"


def test_the_question_is_the_one_that_clients_know() -> None:
    tool = {"name": "danger", "title": "Danger!", "description": "Break.", "annotations": {"destructiveHint": True}}
    asked = question("t", "u", "demo", tool, {"path": "z"})
    assert encode(asked) == (
        b'{"mode":"form","threadId":"t","turnId":"u","serverName":"demo",'
        b'"message":"Allow the demo MCP server to run tool \\"danger\\"?",'
        b'"requestedSchema":{"type":"object","properties":{}},'
        b'"_meta":{"codex_approval_kind":"mcp_tool_call","persist":["session","always"],"tool_name":"danger",'
        b'"tool_annotations":{"destructiveHint":true},"tool_title":"Danger!","tool_description":"Break.",'
        b'"tool_params":{"path":"z"},"tool_params_display":[{"name":"path","value":"z","display_name":"path"}]}}'
    )


@pytest.mark.parametrize(
    ("action", "meta", "meant"),
    [
        ("accept", None, (None, None)),
        ("accept", {"persist": "session"}, (None, "session")),
        ("accept", {"persist": "always"}, (None, "always")),
        ("accept", {"persist": "sometimes"}, (None, None)),
        ("decline", {"persist": "always"}, (DECLINED, None)),
        ("cancel", None, (CANCELLED, None)),
    ],
)
def test_answers_mean_what_they_say(action: Any, meta: Any, meant: tuple[str | None, str | None]) -> None:
    assert meaning(McpServerElicitationRequestResponse(action=action, meta=meta)) == meant


def test_always_is_a_change_of_the_configuration_whatever_the_names_are() -> None:
    before = '[mcp_servers.demo]\ncommand = "c" # mine\n'
    after = edited(before, [always("demo", 'a."b"')])
    assert before in after
    assert after.endswith('approval_mode = "approve"\n')


def test_a_policy_that_asks_nobody_answers_for_them() -> None:
    form = FormElicitation(thread_id="t", server_name="s", message="?", requested_schema={"properties": {"a": {}}})
    plain = FormElicitation(thread_id="t", server_name="s", message="?", requested_schema={"properties": {}})
    url = UrlElicitation(thread_id="t", server_name="s", message="?", url="https://x", elicitation_id="e")
    assert answered_by_policy(form, "on-request", ReadOnly()) is None
    for asked in (form, plain, url):
        for policy in ("never", QUIET):
            answer = answered_by_policy(asked, policy, ReadOnly())
            assert answer is not None
            assert answer.action == "decline"
    accepted = answered_by_policy(plain, "never", DangerFullAccess())
    assert accepted is not None
    assert accepted.action == "accept"
