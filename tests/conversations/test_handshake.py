"""initialize through the wire: what it answers, what may be asked before and after it, and what it switches on."""

import json
import platform
import re
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import completed, message
from server.version import VERSION
from tests.support.harness import CONFIG, Client, Message, Refused, running
from tests.support.rollouts import with_usage

HELLO: Message = {"clientInfo": {"name": "probe", "version": "1.0"}}


def hello(name: str = "probe", **capabilities: Any) -> Message:
    return {"clientInfo": {"name": name, "version": "1.0"}, "capabilities": capabilities}


async def refusal(client: Client, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    assert caught.value.code == -32600
    return caught.value.message


async def test_the_reply_says_who_answers_and_where_it_keeps_its_files(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        answer = await client.call("initialize", **HELLO)
        assert set(answer) == {"userAgent", "codexHome", "platformFamily", "platformOs"}
        assert answer["codexHome"] == str(tmp_path)
        assert Path(answer["codexHome"]).is_absolute()
        assert answer["platformFamily"] == "unix"
        assert answer["platformOs"] == {"Linux": "linux", "Darwin": "macos"}[platform.system()]


async def test_the_user_agent_names_server_system_and_client(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        answer = await client.call("initialize", clientInfo={"name": "pröbe", "title": "A probe", "version": "1.0\n"})
        system = re.escape(platform.system())
        assert re.fullmatch(rf"threadcast/0\.169\.0 \({system}; .*; {VERSION}\) \(pr_be; 1.0_\)", answer["userAgent"])


async def test_each_client_has_a_user_agent_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        first, second = await server.connect(), await server.connect()
        assert "(alpha; 1.0)" in (await first.call("initialize", **hello("alpha")))["userAgent"]
        assert "(beta; 1.0)" in (await second.call("initialize", **hello("beta")))["userAgent"]


async def test_a_relative_codex_home_is_told_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(Path("home")) as server:
        client = await server.connect()
        answer = await client.call("initialize", **HELLO)
        assert answer["codexHome"] == str(tmp_path / "home")


async def test_a_second_initialize_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client(experimental=False)
        assert await refusal(client, "initialize", **hello(experimentalApi=True)) == "Already initialized"
        told = await refusal(client, "collaborationMode/list")
        assert told == "collaborationMode/list requires experimentalApi capability"


@pytest.mark.parametrize("name", ["two\nlines", "bell\x07", "nul\0", "rub\x7fout"])
async def test_a_bad_client_name_is_refused_and_the_connection_may_try_again(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        told = await refusal(client, "initialize", **hello(name))
        assert told == f"Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value."
        assert await refusal(client, "thread/loaded/list") == "Not initialized"
        await client.call("initialize", **HELLO)
        assert await client.call("thread/loaded/list") == {"data": [], "nextCursor": None}


async def test_before_the_handshake_a_method_says_so_and_an_unknown_one_is_unknown(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        assert await refusal(client, "thread/loaded/list") == "Not initialized"
        assert await refusal(client, "thread/start", environments=[{}]) == "Not initialized"
        assert (await refusal(client, "no/such")).startswith("Invalid request: unknown variant `no/such`, expected one")
        assert await refusal(client, "thread/read") == "Invalid request: Object missing required field `threadId`"
        await client.call("initialize", **HELLO)


async def test_a_request_sent_together_with_initialize_finds_the_handshake_done(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        greeting = await client.post("initialize", HELLO)
        asking = await client.post("thread/loaded/list", {"limit": 5})
        starting = await client.post("thread/start", {"cwd": "/"})
        assert "result" in await client.reply(greeting)
        assert (await client.reply(asking))["result"]["data"] == []
        assert "result" in await client.reply(starting)
        await client.hear("thread/started")
        assert [m["id"] for m in client.log if "method" not in m] == [greeting, asking, starting]


async def test_the_initialized_notification_is_not_needed_and_does_no_harm(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.send_text('{"method":"initialized"}')
        await client.settle()
        assert client.log == []


async def test_an_uninitialised_connection_hears_no_announcement(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        silent, client = await server.connect(), await server.client()
        await client.call("thread/start", cwd="/")
        await client.hear("thread/started")
        await silent.call("initialize", **HELLO)
        assert silent.methods() == ["reply"]
        await client.call("thread/start", cwd="/")
        await silent.hear("thread/started")


async def test_an_opt_out_silences_exactly_the_named_notifications_on_this_connection(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        quiet = await server.client(opt_out=["item/agentMessage/delta", "thread/started", "item", "no/such"])
        other = await server.client()
        thread_id = (await quiet.call("thread/start", cwd="/"))["thread"]["id"]
        await other.hear("thread/started")
        await quiet.run_turn(thread_id, "Hello")
        told = set(quiet.methods())
        assert not told & {"item/agentMessage/delta", "thread/started"}
        assert {"turn/started", "item/started", "item/completed", "turn/completed"} <= told


async def test_an_opt_out_holds_for_the_replayed_usage_as_well(tmp_path: Path) -> None:
    rollout = with_usage(tmp_path)
    async with running(tmp_path) as server:
        quiet = await server.client(opt_out=["thread/tokenUsage/updated"])
        await quiet.call("thread/resume", threadId=rollout.thread_id)
        await quiet.settle()
        assert quiet.heard("thread/tokenUsage/updated") == []
        other = await server.client()
        await other.call("thread/resume", threadId=rollout.thread_id)
        await other.hear("thread/tokenUsage/updated", threadId=rollout.thread_id)


async def test_a_bad_configuration_is_told_after_the_reply_and_to_this_connection_only(tmp_path: Path) -> None:
    config = CONFIG.replace('"never"', '"sometimes"')
    async with running(tmp_path, config=config) as server:
        earlier = await server.client()
        await earlier.settle()
        already = len(earlier.log)
        late = await server.connect()
        await late.call("initialize", **HELLO)
        warning = await late.hear("configWarning")
        assert late.methods() == ["reply", "configWarning"]
        assert warning["summary"] == "The configuration key `approval_policy` was ignored."
        assert warning["details"]
        assert warning["path"] == str(tmp_path / "config.toml")
        await earlier.settle()
        assert len(earlier.log) == already


async def test_an_unreadable_configuration_file_is_told_and_can_be_opted_out_of(tmp_path: Path) -> None:
    async with running(tmp_path, config="model = ") as server:
        client = await server.connect()
        await client.call("initialize", **HELLO)
        assert (await client.hear("configWarning"))["summary"] == "The configuration file was ignored."
        quiet = await server.connect()
        await quiet.call("initialize", **hello(optOutNotificationMethods=["configWarning"]))
        await quiet.settle()
        assert quiet.methods() == ["reply"]


GATED: list[tuple[str, Message, str]] = [
    ("collaborationMode/list", {}, "collaborationMode/list"),
    ("thread/start", {"environments": []}, "thread/start.environments"),
    ("thread/start", {"dynamicTools": [], "environments": []}, "thread/start.environments"),
    ("thread/start", {"dynamicTools": []}, "thread/start.dynamicTools"),
    ("thread/start", {"mockExperimentalField": ""}, "thread/start.mockExperimentalField"),
    ("thread/start", {"experimentalRawEvents": True}, "thread/start.experimentalRawEvents"),
    ("thread/start", {"persistExtendedHistory": True}, "thread/start.persistFullHistory"),
    ("thread/resume", {"threadId": "x", "history": []}, "thread/resume.history"),
    ("thread/resume", {"threadId": "x", "path": "/x"}, "thread/resume.path"),
    ("thread/fork", {"threadId": "x", "path": "/x"}, "thread/fork.path"),
    ("thread/fork", {"threadId": "x", "persistExtendedHistory": True}, "thread/fork.persistFullHistory"),
    ("turn/start", {"threadId": "x", "input": [], "environments": []}, "turn/start.environments"),
    (
        "turn/steer",
        {"threadId": "x", "input": [], "expectedTurnId": "y", "responsesapiClientMetadata": {}},
        "turn/steer.responsesapiClientMetadata",
    ),
    (
        "thread/start",
        {"approvalPolicy": {"granular": {"sandbox_approval": True, "rules": True, "mcp_elicitations": True}}},
        "askForApproval.granular",
    ),
]


async def test_experimental_methods_and_fields_need_the_capability(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        plain = await server.client(experimental=False)
        for method, params, gate in GATED:
            assert await refusal(plain, method, **params) == f"{gate} requires experimentalApi capability"
        allowed = await server.client(experimental=True)
        assert len((await allowed.call("collaborationMode/list"))["data"]) == 2
        await allowed.call("thread/start", mockExperimentalField="x")


async def test_what_is_not_used_of_the_experimental_api_passes_without_the_capability(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        plain = await server.client(experimental=False)
        unused = {"environments": None, "persistExtendedHistory": False, "dynamicTools": None}
        await plain.call("thread/start", cwd="/", **unused)


async def test_a_capability_of_the_wrong_type_is_refused_before_anything_else(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.connect()
        await client.send_text(json.dumps({"id": "a", "method": "initialize", "params": hello(experimentalApi=None)}))
        told = (await client.reply("a"))["error"]
        assert told["code"] == -32600
        assert told["message"].startswith("Invalid request: Expected `bool`, got `null`")
        await client.call("initialize", **HELLO, capabilities=None)
