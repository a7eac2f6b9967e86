"""Tools of MCP servers in turns: offered, asked about, called, shown; the same after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.provider import ItemDone
from server.providers.scripted import Response, Step, completed, message
from tests.conversations.test_mcp import configured
from tests.support.harness import Client, Message, Server, running
from tests.support.mcp_servers import command

DONE: Response = [message("done"), completed()]


def calls(tool: str, call_id: str = "call-1", **arguments: Any) -> list[Step]:
    """An answer of the model that only calls a tool of the server ``demo``, by its flat name."""
    item = {
        "type": "function_call",
        "name": f"mcp__demo__{tool}",
        "call_id": call_id,
        "arguments": json.dumps(arguments),
    }
    return [ItemDone(item=item), completed()]


async def thread_of(client: Client, **params: Any) -> str:
    thread: str = (await client.call("thread/start", cwd="/", approvalPolicy="on-request", **params))["thread"]["id"]
    return thread


def items(client: Client, method: str) -> list[Message]:
    return [told["item"] for told in client.heard(method) if told["item"]["type"] == "mcpToolCall"]


def outputs(server: Server) -> list[Any]:
    given = server.provider.requests[-1].input
    return [each["output"] for each in given if each["type"] == "function_call_output"]


async def ended(client: Client) -> Message:
    told = await client.find(lambda m: m.get("method") == "turn/completed")
    turn: Message = told["params"]["turn"]
    return turn


async def test_a_tool_that_only_reads_is_called_at_once(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    async with running(tmp_path / "home", calls("echo", text="hi"), DONE, config=config) as server:
        client = await server.client()
        await client.run_turn(await thread_of(client), "go")
        names = [tool["name"] for tool in server.provider.requests[0].tools]
        assert names[2:5] == ["list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"]
        assert "mcp__demo__echo" in names
        (begun,), (item,) = items(client, "item/started"), items(client, "item/completed")
        assert (begun["status"], begun["arguments"], begun["result"]) == ("inProgress", {"text": "hi"}, None)
        assert (item["id"], item["server"], item["tool"]) == ("call-1", "demo", "echo")
        assert (item["status"], item["error"]) == ("completed", None)
        assert item["result"]["content"] == [{"type": "text", "text": "echo: hi"}]
        assert outputs(server)[0].startswith("Wall time: ")
        assert outputs(server)[0].endswith('Output:\n[{"text":"echo: hi","type":"text"}]')


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"action": "accept", "content": {}}, "completed", "broke x"),
        ({"action": "decline", "content": None}, "failed", "user rejected MCP tool call"),
        ({"action": "cancel", "content": None}, "failed", "user cancelled MCP tool call"),
        ({"nonsense": True}, "failed", "user rejected MCP tool call"),
    ],
)
async def test_a_tool_that_may_do_harm_waits_for_an_answer(
    tmp_path: Path, answer: Message, status: str, told: str
) -> None:
    config = configured({"demo": command(tmp_path)})
    async with running(tmp_path / "home", calls("danger", path="x"), DONE, config=config) as server:
        client, other = await server.client(), await server.client()
        thread = await thread_of(client)
        await client.start_turn(thread, "go")
        question = await client.asked("mcpServer/elicitation/request")
        await other.call("thread/resume", threadId=thread)
        again = await other.asked("mcpServer/elicitation/request")
        assert again["id"] == question["id"]
        assert again["params"]["_meta"]["codex_approval_kind"] == "mcp_tool_call"
        assert again["params"]["message"] == 'Allow the demo MCP server to run tool "danger"?'
        await other.answer(again, **answer)
        await client.hear("serverRequest/resolved", requestId=question["id"])
        await ended(client)
        (item,) = items(client, "item/completed")
        assert item["status"] == status
        assert told in outputs(server)[0]


async def test_what_was_accepted_for_the_session_is_not_asked_again(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    script = (calls("danger", path="x"), calls("danger", "call-2", path="y"), DONE)
    async with running(tmp_path / "home", *script, config=config) as server:
        client = await server.client()
        await client.start_turn(await thread_of(client), "go")
        question = await client.asked("mcpServer/elicitation/request")
        await client.answer(question, action="accept", content={}, _meta={"persist": "session"})
        await ended(client)
        assert [item["status"] for item in items(client, "item/completed")] == ["completed"] * 2
        assert len(client.heard("mcpServer/elicitation/request")) == 1


async def test_always_is_written_into_the_configuration(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    async with running(tmp_path / "home", calls("danger", path="x"), DONE, config=config) as server:
        client = await server.client()
        await client.start_turn(await thread_of(client), "go")
        question = await client.asked("mcpServer/elicitation/request")
        await client.answer(question, action="accept", content={}, _meta={"persist": "always"})
        await ended(client)
        written = await client.call("config/read")
        assert written["config"]["mcp_servers"]["demo"]["tools"] == {"danger": {"approval_mode": "approve"}}
    async with running(tmp_path / "home", calls("danger", path="x"), DONE, config=written_config(tmp_path)) as server:
        client = await server.client()
        await client.run_turn(await thread_of(client), "go")
        assert client.heard("mcpServer/elicitation/request") == []


def written_config(folder: Path) -> str:
    return (folder / "home/config.toml").read_text()


async def test_calls_are_the_same_after_a_restart(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    script = (calls("fails"), calls("weather", "call-2", city="Bern"), calls("picture", "call-3"), DONE)
    async with running(tmp_path / "home", *script, config=config) as server:
        client = await server.client()
        thread = await thread_of(client)
        await client.run_turn(thread, "go")
        told = items(client, "item/completed")
        assert [item["status"] for item in told] == ["failed", "completed", "completed"]
        assert told[1]["result"]["structuredContent"] == {"city": "Bern", "degrees": 21}
        assert outputs(server)[2][1]["type"] == "input_image"
    async with running(tmp_path / "home", config=config) as server:
        client = await server.client()
        turns = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [item for turn in turns for item in turn["items"] if item["type"] == "mcpToolCall"] == told


async def test_an_interrupt_cancels_the_call_and_the_thread_goes_on(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    async with running(tmp_path / "home", calls("slow", seconds=60), DONE, config=config) as server:
        client = await server.client()
        thread = await thread_of(client)
        turn = await client.start_turn(thread, "go")
        await client.hear("item/mcpToolCall/progress", itemId="call-1")
        await client.call("turn/interrupt", threadId=thread, turnId=turn)
        assert (await ended(client))["status"] == "interrupted"
        (item,) = items(client, "item/completed")
        assert item["error"] == {"message": "the turn was stopped"}
        await client.run_turn(thread, "on")
        assert outputs(server)[0].startswith("aborted by user after ")


async def test_a_required_server_that_does_not_come_up_refuses_the_thread(tmp_path: Path) -> None:
    config = configured({"bad": {"command": "/no/such", "required": True}})
    async with running(tmp_path / "home", config=config) as server:
        client = await server.client()
        answer = await client.reply(await client.post("thread/start", cwd="/"))
        assert answer["error"]["message"].startswith("required MCP servers failed to initialize: bad: ")
        assert await client.call("thread/start", cwd="/", config={"mcp_servers": {}})


async def test_models_that_know_namespaces_are_told_of_tools_server_by_server(tmp_path: Path) -> None:
    config = configured({"demo": command(tmp_path)})
    async with running(tmp_path / "home", config=config) as server:
        client = await server.client()
        thread = await thread_of(client)
        live = server.app.loaded.get(thread)
        assert live is not None
        assert live.workspace.servers is not None
        await live.workspace.servers.tools()
        found = live.workspace.servers.find("echo", "mcp__demo__")
        assert found is not None
        assert found.tool == "echo"
