"""What clients ask of MCP servers: which there are, their tools and resources, with a thread and without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_147, V0_166
from server.mcp.servers import Servers
from tests.support.harness import CONFIG, Client, Message, Refused, Server, running
from tests.support.mcp_servers import command
from tests.support.processes import is_alive, pids_in, until


def configured(tables: dict[str, dict[str, Any]]) -> str:
    """The test configuration with these servers."""
    lines = [CONFIG]
    for name, table in tables.items():
        lines.append(f'[mcp_servers."{name}"]')
        for key, value in table.items():
            members = [f"{each} = {json.dumps(text)}" for each, text in value.items()] if key == "env" else []
            lines.append(f"{key} = {{{', '.join(members)}}}" if key == "env" else f"{key} = {json.dumps(value)}")
    return "\n".join(lines)


def tables_in(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        "demo": command(folder),
        "bad": {"command": "/no/such"},
        "off": {"command": "/no/such", "enabled": False},
        "remote": {"url": "http://127.0.0.1:9/mcp", "bearer_token_env_var": "NOT_THERE"},
    }


async def opened(server: Server, client: Client, tables: dict[str, dict[str, Any]], cwd: Path) -> tuple[str, Servers]:
    """A thread that runs these servers."""
    given = {"mcp_servers": tables}
    thread: str = (await client.call("thread/start", cwd=str(cwd), config=given))["thread"]["id"]
    live = server.app.loaded.get(thread)
    assert live is not None
    assert live.workspace.servers is not None
    return thread, live.workspace.servers


async def refusal(client: Client, method: str, **params: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    return caught.value.code, caught.value.message


async def test_servers_of_the_configuration_are_started_to_be_shown_and_stopped(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=configured(tables_in(tmp_path))) as server:
        client = await server.client()
        listed = await client.call("mcpServerStatus/list")
        assert [each["name"] for each in listed["data"]] == ["bad", "demo", "off", "remote"]
        assert listed["nextCursor"] is None
        demo = listed["data"][1]
        assert demo["tools"]["echo"]["description"] == "Say it again."
        assert [each["uri"] for each in demo["resources"]] == ["memo://all"]
        assert [each["uriTemplate"] for each in demo["resourceTemplates"]] == ["memo://{name}"]
        assert [each["authStatus"] for each in listed["data"]] == [*["unsupported"] * 3, "bearerToken"]
        assert not is_alive((await pids_in(tmp_path / "pids"))[0])


async def test_servers_come_in_pages_and_only_those_of_a_page_are_started(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=configured(tables_in(tmp_path))) as server:
        client = await server.client()
        page = await client.call("mcpServerStatus/list", cursor="2", limit=1, detail="toolsAndAuthOnly")
        assert ([each["name"] for each in page["data"]], page["nextCursor"]) == (["off"], "3")
        page = await client.call("mcpServerStatus/list", limit=0)
        assert ([each["name"] for each in page["data"]], page["nextCursor"]) == (["bad"], "1")
        told = (-32600, "cursor 99 exceeds total MCP servers 4")
        assert await refusal(client, "mcpServerStatus/list", cursor="99") == told
        assert not (tmp_path / "pids").exists()


@pytest.mark.since(V0_166)
async def test_newer_clients_hear_what_became_of_each_server(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client = await server.client()
        thread, _ = await opened(server, client, tables_in(tmp_path), tmp_path)
        listed = (await client.call("mcpServerStatus/list", threadId=thread, detail="toolsAndAuthOnly"))["data"]
        assert [each["runtimeStatus"] for each in listed] == ["failed", "connected", "disabled", "failed"]
        assert listed[0]["toolsError"].endswith("(os error 2)")
        assert listed[1]["serverInfo"]["name"] == "Test server"
        assert listed[3]["httpOrigin"] == "http://127.0.0.1:9"
        one = await client.call("mcpServerStatus/list", threadId=thread, serverName="off")
        assert [each["name"] for each in one["data"]] == ["off"]
        none = await client.call("mcpServerStatus/list", serverName="nope")
        assert none == {"data": [], "nextCursor": None}


async def test_who_follows_a_thread_hears_how_far_its_servers_are(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client, other = await server.client(), await server.client()
        thread, servers = await opened(server, client, tables_in(tmp_path), tmp_path)
        await servers.tools()
        await client.settle()
        told = client.heard("mcpServer/startupStatus/updated")
        states = {(each["name"], each["status"]) for each in told}
        failed = {(name, state) for name in ("bad", "remote") for state in ("starting", "failed")}
        assert states == failed | {("demo", "starting"), ("demo", "ready")}
        assert [each["error"] is None for each in told] == [each["status"] != "failed" for each in told]
        if server.dialect >= V0_147:
            assert {each["threadId"] for each in told} == {thread}
        await other.settle()
        assert other.heard("mcpServer/startupStatus/updated") == []


async def test_tools_of_a_thread_are_called_without_a_question(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client = await server.client()
        tables = tables_in(tmp_path) | {"few": command(tmp_path, enabled_tools=["echo"])}
        thread, _ = await opened(server, client, tables, tmp_path)

        async def call(of: str, tool: str, **more: Any) -> Message:
            answer: Message = await client.call("mcpServer/tool/call", threadId=thread, server=of, tool=tool, **more)
            return answer

        said = await call("demo", "danger", arguments={"path": "x"})
        assert said == {"content": [{"type": "text", "text": "broke x"}], "isError": False}
        assert (await call("demo", "plain"))["_meta"] == {"of": "server"}
        assert (await call("demo", "weather", arguments={"city": "b"}))["structuredContent"]["degrees"] == 21
        assert (await call("demo", "nope"))["isError"] is True
        ask = {"method": "mcpServer/tool/call", "threadId": thread}
        for of, tool, told in (
            ("nope", "echo", "unknown MCP server 'nope'"),
            ("few", "danger", "tool 'danger' is disabled for MCP server 'few'"),
            ("off", "echo", "tool call failed for `off/echo`: the MCP server `off` is disabled in the configuration"),
        ):
            assert await refusal(client, **ask, server=of, tool=tool) == (-32603, told)
        code, message = await refusal(client, **ask, server="bad", tool="echo")
        assert (code, message.endswith("(os error 2)")) == (-32603, True)


async def test_a_tool_needs_a_thread_that_is_loaded(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        unknown = "0199c0de-0000-7000-8000-000000000000"
        ask = {"method": "mcpServer/tool/call", "server": "s", "tool": "t"}
        assert await refusal(client, **ask, threadId=unknown) == (-32600, f"thread not found: {unknown}")
        assert (await refusal(client, **ask, threadId="x"))[0] == -32600
        thread = (await client.call("thread/start"))["thread"]["id"]
        assert await refusal(client, **ask, threadId=thread) == (-32603, "unknown MCP server 's'")


async def test_a_resource_is_read_with_a_thread_and_without_one(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=configured(tables_in(tmp_path))) as server:
        client = await server.client()
        thread, _ = await opened(server, client, tables_in(tmp_path), tmp_path)
        for where in ({}, {"threadId": thread}):
            read = await client.call("mcpServer/resource/read", server="demo", uri="memo://x", **where)
            assert read["contents"] == [{"uri": "memo://x", "mimeType": "text/plain", "text": "memo of x"}]
            asked = {"server": "nope", "uri": "memo://x"} | where
            assert await refusal(client, "mcpServer/resource/read", **asked) == (-32603, "unknown MCP server 'nope'")
        strange: tuple[Message, ...] = ({"originCallId": "c"}, {"target": {"connectorId": "c", "linkId": None}})
        for more in strange:
            told = await refusal(client, "mcpServer/resource/read", server="demo", uri="memo://x", **more)
            assert told[0] == -32600
        code, message = await refusal(client, "mcpServer/resource/read", server="demo", uri="zzz://x")
        assert (code, message.startswith("resources/read failed for `demo` (zzz://x): ")) == (-32602, True)


async def test_a_reload_is_acknowledged_and_nobody_signs_in(tmp_path: Path) -> None:
    async with running(tmp_path / "home", config=configured(tables_in(tmp_path))) as server:
        client = await server.client()
        assert await client.call("config/mcpServer/reload") == {}
        told = await refusal(client, "mcpServer/oauth/login", name="nope")
        assert told == (-32600, "No MCP server named 'nope' found.")
        told = await refusal(client, "mcpServer/oauth/login", name="demo")
        assert told == (-32600, "OAuth login is only supported for streamable HTTP servers.")
        code, message = await refusal(client, "mcpServer/oauth/login", name="remote")
        assert (code, "bearer_token_env_var" in message) == (-32600, True)


async def test_servers_end_with_this_server(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as server:
        client = await server.client()
        _, servers = await opened(server, client, {"demo": command(tmp_path, "forks")}, tmp_path)
        await servers.tools()
        pids = await pids_in(tmp_path / "pids", 2)
        assert all(map(is_alive, pids))
    await until(lambda: not any(map(is_alive, pids)))
