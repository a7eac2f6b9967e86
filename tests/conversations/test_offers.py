"""What newer clients ask for at start-up through the wire: what there is, which is mostly nothing, in its form."""

from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_147, V0_166, V0_169, Version
from tests.support.harness import CONFIG, Refused, running
from tests.support.rollouts import plain, thread_id

pytestmark = pytest.mark.since(V0_147)

EMPTY: dict[str, Any] = {"data": [], "nextCursor": None}
NO_PLUGINS: dict[str, Any] = {"marketplaces": [], "marketplaceLoadErrors": []}
NO_TOOLS = {"imageGeneration": False, "webSearch": False}
NOTHING: list[tuple[str, Version, dict[str, Any]]] = [
    ("app/list", V0_125, EMPTY),
    ("app/installed", V0_147, {"apps": []}),
    ("plugin/installed", V0_147, NO_PLUGINS),
    ("plugin/list", V0_125, NO_PLUGINS | {"featuredPluginIds": []}),
    ("modelProvider/capabilities/read", V0_147, NO_TOOLS),
    ("account/bedrock/checkGovCloudRequirements", V0_166, {"isGovCloud": False, "shouldWarn": False}),
]
EXPERIMENTAL = (
    "thread/backgroundTerminals/list",
    "account/bedrock/checkGovCloudRequirements",
    "environment/status",
    "environment/info",
    "remoteControl/status/read",
)


@pytest.mark.parametrize("method", ["plugin/installed", "plugin/list"])
async def test_plugins_are_asked_for_by_absolute_paths(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call(method, cwds=["/a"]))["marketplaces"] == []
        for path in ("a", "", "~/a"):
            with pytest.raises(Refused, match=f"-32600: Invalid request: path `{path}` is not absolute"):
                await client.call(method, cwds=[path])


@pytest.mark.since(V0_125)
async def test_what_is_not_there_is_an_empty_list(tmp_path: Path, dialect: Version) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        for method, since, answer in NOTHING:
            if dialect >= since:
                told = await client.call(method, limit=5)
                assert {name: value for name, value in told.items() if name != "namespaceTools"} == answer, method


async def test_hooks_are_none_in_each_directory_or_in_that_of_a_thread(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd="/usr"))["thread"]["id"]
        none: dict[str, Any] = {"hooks": [], "warnings": [], "errors": []}
        asked = await client.call("hooks/list", cwds=["/a", "/b"])
        assert asked == {"data": [{"cwd": "/a", **none}, {"cwd": "/b", **none}]}
        assert await client.call("hooks/list", threadId=thread) == {"data": [{"cwd": "/usr", **none}]}
        assert len((await client.call("hooks/list", limit=1))["data"]) == 1
        with pytest.raises(Refused, match="-32600: give either threadId or cwds, not both"):
            await client.call("hooks/list", threadId=thread, cwds=["/a"])
        for method in ("hooks/list", "app/list", "app/installed", "thread/backgroundTerminals/list"):
            with pytest.raises(Refused, match=f"-32600: thread not found: {thread_id(99)}"):
                await client.call(method, threadId=thread_id(99))
        assert await client.call("thread/backgroundTerminals/list", threadId=thread) == EMPTY


async def test_no_thread_has_a_goal(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        fresh = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        for thread in (written.thread_id, fresh):
            assert await client.call("thread/goal/get", threadId=thread) == {"goal": None}
        with pytest.raises(Refused, match=f"-32600: thread not found: {thread_id(99)}"):
            await client.call("thread/goal/get", threadId=thread_id(99))


async def test_each_permission_profile_can_be_used(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        first = await client.call("permissionProfile/list", limit=1)
        rest = await client.call("permissionProfile/list", cursor=first["nextCursor"])
        every = [profile["id"] for profile in first["data"] + rest["data"]]
        assert (every, rest["nextCursor"]) == ([":read-only", ":workspace", ":danger-full-access"], None)
        for profile in every:
            started = await client.call("thread/start", cwd="/", permissions=profile)
            assert started["activePermissionProfile"]["id"] == profile
        for cursor in ("x", "-1", "4"):
            with pytest.raises(Refused, match=f"-32600: invalid cursor: {cursor}"):
                await client.call("permissionProfile/list", cursor=cursor)


@pytest.mark.since(V0_169)
async def test_providers_are_told_without_what_may_be_secret(tmp_path: Path) -> None:
    config = CONFIG + (
        '[model_providers.gate]\nname = "Gate"\nbase_url = "https://me:secret@gate/v1"\nenv_key = "GATE_KEY"\n'
        '[model_providers.held]\nname = "Held"\nbase_url = "https://held/v1"\nexperimental_bearer_token = "secret"\n'
    )
    async with running(tmp_path, config=config) as server:
        client = await server.client()
        told = await client.call("modelProvider/list", limit=1)
        assert (told["defaultProviderId"], told["canChangeDefault"]) == ("scripted", False)
        providers = {provider["id"]: provider for provider in told["data"]}
        assert providers["scripted"] == {
            "id": "scripted",
            "name": "Scripted",
            "canEdit": False,
            "baseUrl": "http://127.0.0.1:9/v1",
            "settings": {"type": "customGateway", "auth": {"mode": "none"}},
        }
        assert providers["gate"]["baseUrl"] is None
        assert providers["gate"]["settings"]["auth"] == {"mode": "environmentVariable", "envKey": "GATE_KEY"}
        assert providers["held"]["settings"]["auth"] == {"mode": "externallyConfigured"}
        assert providers["openai"]["settings"] == {"type": "openai"}
        assert "secret" not in str(told)


async def test_there_is_one_place_to_work_in(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert await client.call("environment/status", environmentId="local") == {"status": "ready"}
        assert (await client.call("environment/status", environmentId="moon"))["status"] == "unknown"
        place = await client.call("environment/info", environmentId="local")
        assert place["shell"]["path"].endswith(place["shell"]["name"])
        assert place["cwd"].startswith("file:///")
        with pytest.raises(Refused, match="-32600: unknown environment id `moon`"):
            await client.call("environment/info", environmentId="moon")


async def test_the_server_says_who_it_is_and_that_nobody_is_signed_in(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.send_text('{"id":"who","method":"remoteControl/status/read"}')
        status = (await client.reply("who"))["result"]
        assert (status["status"], status["environmentId"]) == ("disabled", None)
        assert status["installationId"] == (tmp_path / "installation_id").read_text()
        await client.send_text('{"id":"usage","method":"account/usage/read"}')
        assert "nobody is signed in" in (await client.reply("usage"))["error"]["message"]


async def test_what_is_experimental_needs_the_capability(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client(experimental=False)
        for method in EXPERIMENTAL:
            with pytest.raises(Refused, match=f"{method} requires experimentalApi capability"):
                await client.call(method, threadId=thread_id(1), environmentId="local")


async def test_a_provider_can_do_what_the_version_calls_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client(version=V0_147)
        told = await client.call("modelProvider/capabilities/read", limit=1)
        assert told == {"imageGeneration": False, "webSearch": False, "namespaceTools": False}
