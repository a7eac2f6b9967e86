"""Tool events to the items they show as."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from protocol.dialects.shape import shaped
from protocol.dialects.versions import V0_125
from rollout import events, mapping
from rollout.agents import agent_call
from tests.support.rollouts import command_end

NO_TIME = events.Duration(secs=0, nanos=0)


def wire(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(shaped(item, V0_125))
    return found


def test_a_command_shows_as_it_ran() -> None:
    assert wire(mapping.command(command_end("c", "t"))) == {
        "type": "commandExecution",
        "id": "c",
        "command": "/bin/bash -lc 'ls -l'",
        "cwd": "/project",
        "processId": None,
        "source": "agent",
        "status": "completed",
        "commandActions": [{"type": "listFiles", "command": "ls -l", "path": None}],
        "aggregatedOutput": "out\n",
        "exitCode": 0,
        "durationMs": 1500,
    }


def test_a_command_without_output_shows_null_and_its_source_in_camel_case() -> None:
    event = msgspec.structs.replace(command_end("c", "t", ""), source="unified_exec_startup", status="declined")
    item = mapping.command(event)
    assert (item.aggregated_output, item.source, item.status) == (None, "unifiedExecStartup", "declined")


@pytest.mark.parametrize(
    ("parsed", "shown"),
    [
        (
            {"type": "read", "cmd": "cat a", "name": "a", "path": "../a"},
            {"type": "read", "command": "cat a", "name": "a", "path": "/a"},
        ),
        (
            {"type": "search", "cmd": "rg x", "query": "x", "path": None},
            {"type": "search", "command": "rg x", "query": "x", "path": None},
        ),
        ({"type": "unknown", "cmd": "x"}, {"type": "unknown", "command": "x"}),
    ],
)
def test_a_command_shows_what_it_seems_to_do(parsed: dict[str, Any], shown: dict[str, Any]) -> None:
    assert mapping.command_action(parsed, "/project") == shown


def test_a_patch_shows_its_files_by_path_with_kind_and_diff() -> None:
    changes: dict[str, Any] = {
        "/b": {"type": "update", "unified_diff": "@@", "move_path": "/c"},
        "/a": {"type": "add", "content": "new\n"},
        "/d": {"type": "delete", "content": "old\n"},
        "/e": {"type": "update", "unified_diff": "@@", "move_path": None},
    }
    item = wire(mapping.file_change(events.PatchApplyEnd(call_id="p", success=True, changes=changes)))
    assert item["changes"] == [
        {"path": "/a", "kind": {"type": "add"}, "diff": "new\n"},
        {"path": "/b", "kind": {"type": "update", "move_path": "/c"}, "diff": "@@\n\nMoved to: /c"},
        {"path": "/d", "kind": {"type": "delete"}, "diff": "old\n"},
        {"path": "/e", "kind": {"type": "update", "move_path": None}, "diff": "@@"},
    ]


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"success": True}, "completed"),
        ({"success": False}, "failed"),
        ({"success": False, "status": "declined"}, "declined"),
    ],
)
def test_a_patch_has_the_status_it_says_or_else_its_success(members: dict[str, Any], status: str) -> None:
    assert mapping.file_change(events.PatchApplyEnd(call_id="p", **members)).status == status


@pytest.mark.parametrize(
    ("result", "status", "shown", "error"),
    [
        ({"Ok": {"content": [1]}}, "completed", {"content": [1], "structuredContent": None, "_meta": None}, None),
        (
            {"Ok": {"content": [], "isError": True}},
            "failed",
            {"content": [], "structuredContent": None, "_meta": None},
            None,
        ),
        ({"Err": "no"}, "failed", None, {"message": "no"}),
    ],
)
def test_an_mcp_call_shows_its_result_or_its_error(result: Any, status: str, shown: Any, error: Any) -> None:
    invocation = events.McpInvocation(server="s", tool="t", arguments={"a": 1})
    event = events.McpToolCallEnd(call_id="m", invocation=invocation, duration=NO_TIME, result=result)
    item = mapping.mcp_call(event)
    assert (item.status, item.result, item.error, item.arguments) == (status, shown, error, {"a": 1})
    assert "mcpAppResourceUri" not in wire(item)


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ({"type": "search", "query": "x"}, {"type": "search", "query": "x", "queries": None}),
        ({"type": "open_page", "url": "u"}, {"type": "openPage", "url": "u"}),
        ({"type": "find_in_page", "url": "u"}, {"type": "findInPage", "url": "u", "pattern": None}),
        ({"type": "other"}, {"type": "other"}),
        (None, None),
    ],
)
def test_a_web_search_shows_every_member_of_its_action(action: Any, shown: Any) -> None:
    assert mapping.web_search(events.WebSearchEnd(call_id="w", query="x", action=action)).action == shown


def test_images_show_their_path_or_their_content() -> None:
    assert wire(mapping.image_view(events.ViewImageToolCall(call_id="v", path="/a.png")))["path"] == "/a.png"
    drawn = events.ImageGenerationEnd(call_id="g", status="completed", result="b64")
    assert wire(mapping.image_generation(drawn)) == {
        "type": "imageGeneration",
        "id": "g",
        "status": "completed",
        "revisedPrompt": None,
        "result": "b64",
    }


@pytest.mark.parametrize(
    ("status", "shown"),
    [("in_progress", "inProgress"), ("denied", "declined"), ("aborted", "declined"), ("timed_out", "failed")],
)
def test_a_judged_command_shows_the_verdict(status: str, shown: str) -> None:
    action = {"type": "execve", "program": "/bin/ls", "argv": ["ls", "a b"], "cwd": "/w"}
    item = mapping.judged_command(events.GuardianAssessment(id="g", target_item_id="c", status=status, action=action))
    assert item is not None
    assert (item.id, item.command, item.cwd, item.status) == ("c", "ls 'a b'", "/w", shown)


@pytest.mark.parametrize(
    "members",
    [
        {"status": "approved", "target_item_id": "c", "action": {"type": "command", "command": "ls", "cwd": "/"}},
        {"status": "denied", "action": {"type": "command", "command": "ls", "cwd": "/"}},
        {"status": "denied", "target_item_id": "c", "action": {"type": "apply_patch", "files": []}},
    ],
)
def test_other_verdicts_show_nothing(members: dict[str, Any]) -> None:
    assert mapping.judged_command(events.GuardianAssessment(id="g", **members)) is None


def test_a_spawned_agent_shows_its_thread_and_state() -> None:
    event = events.CollabAgentSpawnEnd(
        call_id="a", sender_thread_id="h", new_thread_id="n", prompt="go", model="m", status={"completed": "done"}
    )
    item = agent_call(event)
    assert (item.tool, item.status, item.receiver_thread_ids, item.prompt) == ("spawnAgent", "completed", ["n"], "go")
    assert item.agents_states == {"n": {"status": "completed", "message": "done"}}


def test_an_agent_that_did_not_start_failed() -> None:
    item = agent_call(events.CollabAgentSpawnEnd(call_id="a", sender_thread_id="h", prompt="go", status="running"))
    assert (item.status, item.receiver_thread_ids) == ("failed", [])


def test_waiting_fails_if_any_agent_is_lost() -> None:
    statuses: dict[str, Any] = {"z": "running", "b": {"errored": "oh"}}
    item = agent_call(events.CollabWaitingEnd(call_id="a", sender_thread_id="h", statuses=statuses))
    assert (item.tool, item.status, item.receiver_thread_ids) == ("wait", "failed", ["b", "z"])


@pytest.mark.parametrize(
    ("kind", "tool"), [(events.CollabCloseEnd, "closeAgent"), (events.CollabResumeEnd, "resumeAgent")]
)
def test_closing_and_resuming_name_the_agent(kind: Any, tool: str) -> None:
    item = agent_call(kind(call_id="a", sender_thread_id="h", receiver_thread_id="r", status="not_found"))
    assert (item.tool, item.status, item.receiver_thread_ids, item.prompt) == (tool, "failed", ["r"], None)


def test_sending_input_shows_it() -> None:
    event = events.CollabAgentInteractionEnd(
        call_id="a", sender_thread_id="h", receiver_thread_id="r", prompt="more", status="pending_init"
    )
    item = agent_call(event)
    assert (item.tool, item.prompt, item.model) == ("sendInput", "more", None)
    assert item.agents_states == {"r": {"status": "pendingInit", "message": None}}
