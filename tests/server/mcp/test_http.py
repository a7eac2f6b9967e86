"""MCP servers over streamable HTTP: headers, refusals, and a server that was begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.mcp.connection import McpError
from server.mcp.status import describe
from tests.support.mcp_servers import User, running, web


async def test_a_server_over_http_offers_tools_and_asks_the_user(tmp_path: Path) -> None:
    user = User("decline")
    async with web() as served, running({"w": {"url": served.url}}, tmp_path, user) as it:
        assert "echo" in {tool.tool for tool in await it.servers.tools()}
        said = await it.servers.call("w", "echo", {"text": "x"})
        assert said["content"] == [{"type": "text", "text": "echo: x"}]
        assert (await it.servers.call("w", "asks"))["content"][0]["text"] == "decline: None"
        assert user.form.message == "Which color?"


async def test_headers_come_from_the_configuration_and_the_environment(tmp_path: Path) -> None:
    table = {
        "bearer_token_env_var": "TOLD",
        "http_headers": {"X-Plain": "p"},
        "env_http_headers": {"X-Key": "SECRET_KEY", "X-None": "NOT_THERE"},
    }
    async with web(token="t") as served, running({"w": {"url": served.url} | table}, tmp_path) as it:
        assert await it.servers.tools()
        for said in served.said:
            assert (said["authorization"], said["x-plain"], said["x-key"]) == ("Bearer t", "p", "s")
            assert "x-none" not in said
        shown = await describe(it.servers.get("w"), full=False, of_thread=True)
        assert (shown.auth_status, shown.http_origin) == ("bearerToken", served.url.removesuffix("/mcp"))


async def test_a_server_that_wants_a_token_says_so(tmp_path: Path) -> None:
    tables = {"none": {}, "unset": {"bearer_token_env_var": "NOT_THERE"}}
    async with web(token="t") as served:
        with_urls = {name: {"url": served.url} | table for name, table in tables.items()}
        async with running(with_urls, tmp_path) as it:
            assert await it.servers.tools() == []
            shown = await describe(it.servers.get("none"), full=True, of_thread=True)
            assert (shown.auth_status, shown.runtime_status) == ("notLoggedIn", "authenticationRequired")
            assert shown.tools_error is not None
            assert "wants a bearer token" in shown.tools_error
            unset = await describe(it.servers.get("unset"), full=True, of_thread=True)
            assert unset.tools_error is not None
            assert unset.tools_error.endswith("the environment variable `NOT_THERE` holds no bearer token")


async def test_a_server_that_is_not_there_fails_with_a_reason(tmp_path: Path) -> None:
    async with running({"w": {"url": "http://127.0.0.1:9/mcp"}}, tmp_path) as it:
        assert await it.servers.tools() == []
        error = it.news[-1][2] or ""
        assert error.startswith("the MCP server `w` could not be started: ")
        assert "connect" in error.lower()


async def test_a_server_that_was_begun_anew_is_asked_again_on_next_use(tmp_path: Path) -> None:
    async with web() as served, running({"w": {"url": served.url}}, tmp_path) as it:
        await it.servers.tools()
        served.forget()
        with pytest.raises(McpError):
            await it.servers.call("w", "echo", {"text": "x"})
        said = await it.servers.call("w", "echo", {"text": "x"})
        assert said["content"] == [{"type": "text", "text": "echo: x"}]
        assert it.states("w") == ["starting", "ready"] * 2
