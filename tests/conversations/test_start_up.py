"""What clients ask at start-up: account, models, modes, features, MCP servers, configuration, skills."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import plain

LISTS = ("model/list", "experimentalFeature/list", "mcpServerStatus/list")


async def refusal(client: Client, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    assert caught.value.code == -32600
    return caught.value.message


async def test_everything_that_is_asked_at_start_up_has_an_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call("account/read"))["requiresOpenaiAuth"] is False
        assert (await client.call("account/rateLimits/read"))["rateLimits"]["primary"] is None
        assert [model["model"] for model in (await client.call("model/list"))["data"] if model["isDefault"]] == [
            "test-model"
        ]
        modes = (await client.call("collaborationMode/list"))["data"]
        assert [mode["mode"] for mode in modes] == ["plan", "default"]
        assert (await client.call("experimentalFeature/list"))["data"] == []
        assert (await client.call("mcpServerStatus/list"))["data"] == []
        assert (await client.call("config/read", includeLayers=True))["config"]["model"] == "test-model"
        assert (await client.call("configRequirements/read"))["requirements"] is None
        skills = (await client.call("skills/list", cwds=["/project"]))["data"]
        assert [(entry["cwd"], entry["skills"]) for entry in skills] == [("/project", [])]


@pytest.mark.parametrize("method", LISTS)
async def test_a_cursor_that_no_list_gave_out_is_refused(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert await refusal(client, method, cursor="text") == "invalid cursor: text"


async def test_lists_of_a_thread_want_its_id(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        for method in ("experimentalFeature/list", "mcpServerStatus/list"):
            assert (await refusal(client, method, threadId="text")).startswith("invalid thread id")


async def test_models_are_those_of_the_provider_that_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        own = await client.call("model/list")
        assert await client.call("model/list", modelProvider="scripted") == own
        others = await client.call("model/list", modelProvider="openai")
        assert "test-model" not in {model["model"] for model in others["data"]}
        assert await refusal(client, "model/list", modelProvider="nope") == "Model provider `nope` not found"


async def test_an_empty_name_of_a_provider_is_none_that_exists(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        told = await refusal(await server.client(), "thread/start", modelProvider="")
        assert told == "failed to load configuration: Model provider `` not found"


TOOL: Message = {"name": "t", "description": "", "inputSchema": {"type": "object"}}
OTHER = TOOL | {"name": "other"}


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (TOOL | {"name": ""}, "dynamic tool name must not be empty"),
        (TOOL | {"namespace": ""}, "dynamic tool namespace must not be empty for t"),
        (TOOL | {"deferLoading": True}, "deferred dynamic tool must include a namespace: t"),
        (TOOL | {"inputSchema": 3}, "dynamic tool input schema is not supported for t: it must be an object"),
        (TOOL | {"name": " t"}, "dynamic tool name has leading/trailing whitespace:  t"),
        (TOOL | {"name": "mcp__t"}, "dynamic tool name is reserved: mcp__t"),
        (TOOL | {"namespace": "mcp"}, "dynamic tool namespace is reserved for t: mcp"),
        (TOOL | {"name": "t.t"}, "dynamic tool name must match ^[a-zA-Z0-9_-]+$ to match Responses API: t.t"),
        (OTHER, "duplicate dynamic tool name: other"),
        ({"type": "namespace", "name": "n", "tools": [TOOL, TOOL]}, "duplicate dynamic tool name in namespace n: t"),
        (
            TOOL | {"inputSchema": {"properties": 3}},
            "dynamic tool input schema is not supported for t: its properties are no object",
        ),
        ({"type": "namespace", "name": "n", "tools": []}, "dynamic tool namespace must contain at least one tool: n"),
        ({"type": "namespace", "name": "", "tools": [TOOL]}, "dynamic tool namespace must not be empty"),
        ({"type": "namespace", "name": "n", "tools": [TOOL | {"name": ""}]}, "dynamic tool name must not be empty"),
    ],
)
async def test_a_tool_that_no_model_could_call_is_refused(tmp_path: Path, tool: Message, told: str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert await refusal(client, "thread/start", dynamicTools=[OTHER, tool]) == told
        await client.call("thread/start", dynamicTools=[TOOL, {"type": "namespace", "name": "n", "tools": [TOOL]}])


async def test_a_folder_that_no_file_can_have_holds_no_thread_and_spoils_no_list(tmp_path: Path) -> None:
    for number, cwd in enumerate(("/project", "/no\0such")):
        plain(tmp_path, number=number, cwd=cwd, provider="scripted")
    async with running(tmp_path) as server:
        client = await server.client()
        listed = await client.call("thread/list", cwd=["/project", "/an\0other"])
        assert [thread["cwd"] for thread in listed["data"]] == ["/project"]
        assert (await client.call("thread/list", cwd="/an\0other"))["data"] == []
