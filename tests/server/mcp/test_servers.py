"""MCP servers as commands: started, asked, cancelled, dead and started again, and gone without a trace."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.mcp.connection import McpError
from server.mcp.server import RESTARTS
from server.mcp.servers import offered, offered_flat
from server.mcp.settings import Configured, read_servers
from tests.support.mcp_servers import THREAD, User, command, raw, running
from tests.support.processes import is_alive, pids_in, until

PAGES = """
import json, sys
def say(of, result):
    print(json.dumps({"jsonrpc": "2.0", "id": of["id"], "result": result}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    params = asked.get("params") or {}
    if asked["method"] == "initialize":
        hello = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}}
        say(asked, hello | {"serverInfo": {"name": "pages", "version": "1"}})
    elif asked["method"] == "tools/list":
        at = int(params.get("cursor", 0))
        page = {"tools": [{"name": f"tool-{at}", "inputSchema": {}}, {"odd": "no name"}], "extra": 1}
        say(asked, page | ({"nextCursor": str(at + 1)} if at < 2 or "--endless" in sys.argv else {}))
    elif asked["method"] == "tools/call":
        say(asked, {"content": [{"type": "new", "of": "tomorrow"}]})
"""


def text(result: dict[str, Any]) -> str:
    said: str = result["content"][0]["text"]
    return said


async def test_all_start_at_once_and_each_tells_how_far_it_is(tmp_path: Path) -> None:
    tables = {
        "demo": command(tmp_path),
        "bad": {"command": "/no/such"},
        "ends": raw("import sys; sys.exit('out of paint')"),
        "odd": {"args": ["x"]},
        "off": {"command": "/no/such", "enabled": False},
    }
    async with running(tables, tmp_path) as it:
        assert {name for name, state, _ in it.news} == {"demo", "bad", "ends", "odd"}
        assert {state for _, state, _ in it.news} == {"starting"}
        assert {tool.server for tool in await it.servers.tools()} == {"demo"}
        assert it.states("demo") == ["starting", "ready"]
        errors = {name: error or "" for name, state, error in it.news if state == "failed"}
        assert errors.keys() == {"bad", "ends", "odd"}
        assert errors["bad"].endswith("No such file or directory (os error 2)")
        assert errors["ends"].endswith("it ended before it was ready; it said: out of paint")
        assert "needs either a `command` or a `url`" in errors["odd"]
        assert it.servers.get("off").state == "disabled"


async def test_tools_are_sorted_filtered_and_named_for_models(tmp_path: Path) -> None:
    tables = {
        "my-odd": command(tmp_path, enabled_tools=["plain", "echo", "danger"], disabled_tools=["danger"]),
        "a": command(tmp_path, enabled_tools=["weather"], tools={"weather": {"approval_mode": "prompt"}}),
    }
    async with running(tables, tmp_path) as it:
        tools = await it.servers.tools()
        assert [(tool.server, tool.tool) for tool in tools] == [
            ("a", "weather"),
            ("my-odd", "echo"),
            ("my-odd", "plain"),
        ]
        assert [tool.approval_mode for tool in tools] == ["prompt", "auto", "auto"]
        spaces = offered(tools, it.servers.instructions)
        assert [space["name"] for space in spaces] == ["mcp__a__", "mcp__my_odd__"]
        assert spaces[1]["description"] == "Say what to echo."
        assert spaces[1]["tools"][0]["parameters"]["required"] == ["text"]
        assert [tool["name"] for tool in offered_flat(tools)] == [
            "mcp__a__weather",
            "mcp__my_odd__echo",
            "mcp__my_odd__plain",
        ]
        assert it.servers.find("echo", "mcp__my_odd__") is it.servers.find("echo", "mcp__my_odd") is tools[1]
        assert it.servers.find("mcp__my_odd__echo") is tools[1]
        assert it.servers.find("danger", "mcp__my_odd__") is None
        with pytest.raises(McpError, match="tool 'danger' is disabled for MCP server 'my-odd'"):
            await it.servers.call("my-odd", "danger", {"path": "x"})


async def test_results_reach_us_as_the_server_says_them(tmp_path: Path) -> None:
    async with running({"demo": command(tmp_path)}, tmp_path) as it:
        call = it.servers.call
        assert await call("demo", "echo", {"text": "x"}) == {
            "content": [{"type": "text", "text": "echo: x"}],
            "isError": False,
        }
        assert (await call("demo", "weather", {"city": "b"}))["structuredContent"] == {"city": "b", "degrees": 21}
        assert (await call("demo", "plain"))["_meta"] == {"of": "server"}
        assert (await call("demo", "picture"))["content"][0]["mimeType"] == "image/png"
        assert (await call("demo", "fails"))["isError"] is True
        with pytest.raises(McpError, match="must be a JSON object"):
            await call("demo", "echo", "text")
        with pytest.raises(McpError, match="unknown MCP server 'nope'"):
            await call("nope", "echo")


async def test_a_command_sees_its_folder_and_only_the_variables_it_is_given(tmp_path: Path) -> None:
    tables = {"demo": command(tmp_path, cwd="inner", env_vars=["TOLD"])}
    (tmp_path / "inner").mkdir()
    async with running(tables, tmp_path) as it:
        said = await it.servers.call("demo", "variables", {"names": ["TOLD"]})
        lines = [block["text"] for block in said["content"]]
        assert lines[:2] == ["TOLD=t", f"cwd={tmp_path / 'inner'}"]
        assert "SECRET_KEY" not in lines[2]


async def test_lists_are_read_page_by_page_and_what_nobody_can_use_is_left_out(tmp_path: Path) -> None:
    async with running({"p": raw(PAGES)}, tmp_path) as it:
        assert [tool.tool for tool in await it.servers.tools()] == ["tool-0", "tool-1", "tool-2"]
        assert (await it.servers.call("p", "tool-0"))["content"] == [{"type": "new", "of": "tomorrow"}]


async def test_a_list_without_an_end_is_not_read_for_ever(tmp_path: Path) -> None:
    endless = {"command": raw("")["command"], "args": ["-c", PAGES, "--endless"]}
    async with running({"p": endless}, tmp_path) as it:
        assert len(await it.servers.tools()) == 100


async def test_resources_are_listed_by_server_and_read(tmp_path: Path) -> None:
    async with running({"b": command(tmp_path), "a": command(tmp_path), "p": raw(PAGES)}, tmp_path) as it:
        everything = await it.servers.list_resources()
        assert [(each["server"], each["uri"]) for each in everything["resources"]] == [
            ("a", "memo://all"),
            ("b", "memo://all"),
        ]
        templates = await it.servers.list_resource_templates("a")
        assert templates["server"] == "a"
        assert [each["uriTemplate"] for each in templates["resourceTemplates"]] == ["memo://{name}"]
        assert (await it.servers.read_resource("a", "memo://x"))["contents"][0]["text"] == "memo of x"
        with pytest.raises(McpError, match="resources/read failed for `a`") as refused:
            await it.servers.read_resource("a", "zzz://x")
        assert refused.value.code == -32602


async def test_a_call_tells_how_far_it_is_and_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    heard: list[tuple[float, float | None, str | None]] = []
    async with running({"demo": command(tmp_path, tool_timeout_sec=0.5)}, tmp_path) as it:
        await it.servers.tools()
        with pytest.raises(McpError, match=r"tool call failed for `demo/slow`: it did not answer within 0\.5 seconds"):
            await it.servers.call("demo", "slow", {"seconds": 60}, on_progress=lambda *news: heard.append(news))
        assert heard == [(1, 2, "half way")]
        await until(lambda: (tmp_path / "news").exists())
        assert text(await it.servers.call("demo", "echo", {"text": "still here"})) == "echo: still here"


async def test_a_cancelled_call_is_cancelled_at_the_server(tmp_path: Path) -> None:
    begun = asyncio.Event()
    async with running({"demo": command(tmp_path)}, tmp_path) as it:
        call = asyncio.create_task(it.servers.call("demo", "slow", {"seconds": 60}, on_progress=lambda *_: begun.set()))
        await asyncio.wait_for(begun.wait(), 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: (tmp_path / "news").exists())
        assert (tmp_path / "news").read_text() == "cancelled\n"


async def test_a_server_asks_the_user_and_waiting_for_the_answer_is_not_its_fault(tmp_path: Path) -> None:
    user = User("accept", {"color": "red"})
    user.gate = asyncio.Event()
    async with running({"demo": command(tmp_path, tool_timeout_sec=0.5)}, tmp_path, user) as it:
        await it.servers.tools()
        call = asyncio.create_task(it.servers.call("demo", "asks"))
        await until(lambda: bool(user.asked))
        await asyncio.wait({call}, timeout=0.7)
        assert not call.done()
        user.gate.set()
        assert text(await call).startswith("accept: color='red'")
        assert (user.form.thread_id, user.form.server_name, user.form.message) == (THREAD, "demo", "Which color?")
        field = {"type": "string", "title": "Color", "description": "Which one"}
        assert user.form.requested_schema == {"type": "object", "properties": {"color": field}, "required": ["color"]}


async def test_a_server_that_died_fails_the_call_and_is_started_again_on_next_use(tmp_path: Path) -> None:
    async with running({"demo": command(tmp_path)}, tmp_path) as it:
        for _ in range(RESTARTS):
            with pytest.raises(McpError, match="tool call failed for `demo/dies`: it ended before it answered"):
                await it.servers.call("demo", "dies")
            assert text(await it.servers.call("demo", "echo", {"text": "again"})) == "echo: again"
        assert it.states("demo") == ["starting", "ready"] * (RESTARTS + 1)
        with pytest.raises(McpError, match="it ended before it answered"):
            await it.servers.call("demo", "dies")
        with pytest.raises(McpError, match="has ended 4 times within 60 seconds"):
            await it.servers.call("demo", "echo", {"text": "again"})
        assert len(await pids_in(tmp_path / "pids", RESTARTS + 1)) == RESTARTS + 1


async def test_noise_is_drained_and_what_is_no_message_is_passed_over(tmp_path: Path) -> None:
    async with running({"demo": command(tmp_path)}, tmp_path) as it:
        for _ in range(3):
            assert text(await it.servers.call("demo", "noisy")) == "quiet again"


@pytest.mark.parametrize("mode", ["", "forks", "deaf"])
async def test_nothing_is_left_of_a_server_when_its_thread_ends(tmp_path: Path, mode: str) -> None:
    async with running({"demo": command(tmp_path, mode)}, tmp_path) as it:
        pids = await pids_in(tmp_path / "pids", 2 if mode == "forks" else 1)
        if mode != "deaf":
            await it.servers.tools()
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert it.states("demo")[-1] == ("cancelled" if mode == "deaf" else "ready")


async def test_a_server_that_is_never_ready_fails_in_time_and_leaves_nothing(tmp_path: Path) -> None:
    async with running({"demo": command(tmp_path, "deaf", startup_timeout_sec=0.5)}, tmp_path) as it:
        pids = await pids_in(tmp_path / "pids")
        assert await it.servers.tools() == []
        assert it.news[-1][1:] == (
            "failed",
            "the MCP server `demo` could not be started: it was not ready within 0.5 seconds",
        )
        assert not is_alive(pids[0])


async def test_a_start_can_be_given_up(tmp_path: Path) -> None:
    async with running({"demo": command(tmp_path, "deaf")}, tmp_path) as it:
        await pids_in(tmp_path / "pids")
        it.servers.cancel_start()
        assert await it.servers.tools() == []
        assert it.states("demo") == ["starting", "cancelled"]
        with pytest.raises(McpError, match="its start was given up"):
            await it.servers.call("demo", "echo")


async def test_a_thread_can_insist_on_a_server(tmp_path: Path) -> None:
    tables = {"demo": command(tmp_path, required=True), "bad": {"command": "/no/such", "required": True}}
    async with running(tables, tmp_path) as it:
        with pytest.raises(McpError, match=r"required MCP servers failed to initialize: bad: .*os error 2"):
            await it.servers.require()


async def test_a_reload_keeps_servers_whose_configuration_is_the_same(tmp_path: Path) -> None:
    before = {"kept": command(tmp_path), "goes": command(tmp_path), "bad": {"command": "/no/such"}}
    after = {"kept": before["kept"], "bad": command(tmp_path, enabled_tools=["echo"])}

    def reread() -> Configured:
        return read_servers(after)

    async with running(before, tmp_path, reread=reread) as it:
        await it.servers.tools()
        pids = await pids_in(tmp_path / "pids", 2)
        it.servers.reload()
        tools = await it.servers.tools()
        assert {tool.server for tool in tools} == {"kept", "bad"}
        assert it.states("kept") == ["starting", "ready"]
        assert it.states("bad") == ["starting", "failed", "starting", "ready"]
        assert [is_alive(pid) for pid in pids].count(True) == 1
