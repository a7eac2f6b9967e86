"""What clients should not send: each gets an answer that says what was wrong, and nobody else notices anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.handlers import thread as thread_handlers
from server.providers.scripted import completed, message
from tests.support.harness import Client, Message, Refused, Server, running

UNKNOWN = "01900000-0000-7000-8000-00000000dead"
TEXT = [{"type": "text", "text": "Hello"}]
SANDBOX: Message = {"type": "workspaceWrite", "writableRoots": ["/a", "b"]}
ENTRY: Message = {"path": {"type": "path", "path": "b"}, "access": "read"}
FILES: Message = {"type": "restricted", "entries": [ENTRY]}
PROFILE: Message = {"type": "managed", "network": {"enabled": False}, "fileSystem": FILES}


async def last_error(client: Client, request_id: Any) -> Message:
    """The error of the answer with this id; the connection has answered something else since."""
    answer = await client.reply(request_id)
    await client.settle()
    error: Message = answer["error"]
    return error


NO_REQUESTS = [
    ("", "not JSON"),
    ("hello", "not JSON"),
    ("{", "not JSON"),
    ('{"id":1,"method":"thread/list","params":{}}}', "not JSON"),
    ('{"id":1,"method":"thread/list"} {"id":2}', "not JSON"),
    ('{"id":1,"method":"thread/read","params":{"threadId":"\\ud800"}}', "not JSON"),
    ('"text"', "Expected `object`, got `str`"),
    ("5", "Expected `object`, got `int`"),
    ("null", "Expected `object`, got `null`"),
    ("[]", "Expected `object`, got `array`"),
    ('[{"id":1,"method":"thread/list","params":{}}]', "Expected `object`, got `array`"),
    ("{}", "a message has `method`, `result` or `error`"),
    ('{"id":5}', "a message has `method`, `result` or `error`"),
    ('{"id":5,"method":5}', "`method` must be a string"),
    ('{"id":5,"method":null}', "`method` must be a string"),
    ('{"id":null,"method":"thread/list","params":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"id":1.5,"method":"thread/list","params":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"id":true,"method":"thread/list","params":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"id":{},"method":"thread/list","params":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"id":9223372036854775808,"method":"thread/list","params":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"result":{}}', "`id` must be a string or a 64-bit integer"),
    ('{"id":1,"error":"no"}', "`error`: Expected `object`, got `str`"),
    ('{"id":1,"method":"thread/list","params":{},"trace":5}', "Expected `object | null`, got `int`"),
]


@pytest.mark.parametrize(("frame", "reason"), NO_REQUESTS)
async def test_a_frame_that_is_no_message_is_answered_without_an_id(tmp_path: Path, frame: str, reason: str) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        await client.send_text(frame)
        error = await last_error(client, None)
        assert error["code"] == -32600
        assert error["message"].startswith("Invalid request: ")
        assert reason in error["message"]
        assert client.methods() == ["error"]
        await other.settle()
        assert other.log == []


async def test_a_binary_frame_is_refused_and_the_connection_lives(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.send_text(b'{"id":1,"method":"thread/list","params":{}}')
        assert await last_error(client, None) == {
            "code": -32600,
            "message": "Invalid request: binary frames are not supported",
        }


@pytest.mark.parametrize("depth", [100, 900, *range(960, 1010, 3), 5_000, 200_000])
async def test_nesting_of_any_depth_is_answered(tmp_path: Path, depth: int) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        nested = "[" * depth + "]" * depth
        await client.send_text('{"id":"a","method":"thread/start","params":{"config":{"x":' + nested + "}}}")
        answer = await client.find(lambda m: "method" not in m)
        if "error" in answer:
            assert answer["error"]["code"] in (-32600, -32603)
        await client.settle()


@pytest.mark.parametrize("request_id", [0, -1, 9223372036854775807, -9223372036854775808, "", "0", "ä\n", "x" * 4096])
async def test_an_id_comes_back_as_it_was_sent(tmp_path: Path, request_id: int | str) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await client.send_text(json.dumps({"id": request_id, "method": "thread/loaded/list", "params": {}}))
        answer = await client.reply(request_id)
        assert (type(answer["id"]), answer["id"]) == (type(request_id), request_id)
        await client.send_text(json.dumps({"id": request_id, "method": "no/such"}))
        refused = await client.find(lambda m: "error" in m)
        assert (type(refused["id"]), refused["id"]) == (type(request_id), request_id)


@pytest.mark.parametrize(
    "frame",
    [
        '{"method":"initialized"}',
        '{"method":"no/such","params":[1]}',
        '{"method":"thread/start","params":{}}',
        '{"id":0,"result":{"decision":"accept"}}',
        '{"id":"x","result":null}',
        '{"id":7,"error":{"code":-1,"message":"no"}}',
    ],
)
async def test_notifications_and_answers_nobody_asked_for_are_ignored(tmp_path: Path, frame: str) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        await client.send_text(frame)
        await client.settle()
        await other.settle()
        assert client.log == other.log == []


async def test_members_that_are_not_ours_are_ignored(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        trace = {"traceparent": "junk", "tracestate": None}
        asked = {"jsonrpc": "2.0", "id": "a", "method": "thread/loaded/list", "trace": trace, "result": 1, "x": [{}]}
        await client.send_text(json.dumps(asked | {"params": {"limit": 1, "unknown": {"a": 1}}}))
        assert "result" in await client.reply("a")


BAD_PARAMS: list[tuple[str, Any, str]] = [
    ("thread/start", {"runtimeWorkspaceRoots": ["/a", "b"]}, "path `b` is not absolute"),
    ("thread/start", {"permissionProfile": PROFILE}, "path `b` is not absolute"),
    ("turn/start", {"threadId": UNKNOWN, "input": [], "sandboxPolicy": SANDBOX}, "path `b` is not absolute"),
    ("no/such", {}, "unknown variant `no/such`, expected one of `initialize`, `thread/start`, "),
    ("", {}, "unknown variant ``"),
    ("thread/list", None, "missing field `params`"),
    ("thread/loaded/list", None, "missing field `params`"),
    ("thread/start", None, "missing field `params`"),
    ("collaborationMode/list", None, "missing field `params`"),
    ("thread/list", [], "Expected `object`, got `array`"),
    ("thread/list", "x", "Expected `object`, got `str`"),
    ("thread/read", {}, "missing required field `threadId`"),
    ("thread/read", {"threadId": None}, "Expected `str`, got `null` - at `$.threadId`"),
    ("thread/read", {"threadId": 5}, "Expected `str`, got `int` - at `$.threadId`"),
    ("thread/read", {"threadId": UNKNOWN, "includeTurns": None}, "Expected `bool`, got `null` - at `$.includeTurns`"),
    ("thread/resume", {"threadId": UNKNOWN, "excludeTurns": None}, "Expected `bool`, got `null`"),
    ("thread/fork", {"threadId": UNKNOWN, "ephemeral": None}, "Expected `bool`, got `null`"),
    ("thread/start", {"persistExtendedHistory": None}, "Expected `bool`, got `null`"),
    ("thread/start", {"sandbox": "none"}, "Invalid enum value 'none' - at `$.sandbox`"),
    ("thread/start", {"config": []}, "Expected `object | null`, got `array`"),
    ("thread/list", {"sortKey": "bogus"}, "Invalid enum value 'bogus' - at `$.sortKey`"),
    ("thread/list", {"sourceKinds": ["bogus"]}, "Invalid enum value 'bogus'"),
    ("thread/list", {"limit": "5"}, "Expected `int | null`, got `str`"),
    ("thread/list", {"limit": 1.5}, "got `float`"),
    ("thread/name/set", {"threadId": UNKNOWN}, "missing required field `name`"),
    ("turn/start", {"threadId": UNKNOWN}, "missing required field `input`"),
    ("turn/start", {"threadId": UNKNOWN, "input": "hi"}, "Expected `array`, got `str`"),
    ("turn/start", {"threadId": UNKNOWN, "input": [{"type": "smell"}]}, "Invalid value 'smell'"),
    ("turn/start", {"threadId": UNKNOWN, "input": [{"type": "text"}]}, "missing required field `text`"),
    ("turn/start", {"threadId": UNKNOWN, "input": TEXT, "effort": ""}, "Expected `str` of length >= 1"),
    ("turn/steer", {"threadId": UNKNOWN, "input": TEXT}, "missing required field `expectedTurnId`"),
    ("turn/interrupt", {"threadId": UNKNOWN}, "missing required field `turnId`"),
    ("initialize", {}, "missing required field `clientInfo`"),
    ("initialize", {"clientInfo": {"name": "x"}}, "missing required field `version`"),
]


async def test_unknown_methods_and_bad_params_say_what_is_wrong(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        for number, (method, params, reason) in enumerate(BAD_PARAMS):
            asked = {"id": f"bad-{number}", "method": method}
            await client.send_text(json.dumps(asked if params is None else asked | {"params": params}))
            error = await last_error(client, f"bad-{number}")
            assert error["code"] == -32600, method
            assert error["message"].startswith("Invalid request: "), method
            assert reason in error["message"], method
        await other.settle()
        assert other.log == []


@pytest.mark.parametrize("method", ["account/rateLimits/read", "configRequirements/read"])
async def test_methods_without_params_take_them_absent_null_or_empty(tmp_path: Path, method: str) -> None:
    ways: list[Message] = [{}, {"params": None}, {"params": {}}]
    async with running(tmp_path) as server:
        client = await server.client()
        for number, params in enumerate(ways):
            await client.send_text(json.dumps({"id": f"a{number}", "method": method} | params))
            assert "result" in await client.reply(f"a{number}")


OF_A_THREAD: list[tuple[str, Message, str]] = [
    ("thread/read", {}, "thread not loaded: {}"),
    ("thread/resume", {}, "no rollout found for thread id {}"),
    ("thread/fork", {}, "no rollout found for thread id {}"),
    ("thread/archive", {}, "no rollout found for thread id {}"),
    ("thread/unarchive", {}, "no archived rollout found for thread id {}"),
    ("thread/name/set", {"name": "A name"}, "thread not found: {}"),
    ("turn/start", {"input": TEXT}, "thread not found: {}"),
    ("turn/steer", {"input": TEXT, "expectedTurnId": "t"}, "thread not found: {}"),
    ("turn/interrupt", {"turnId": "t"}, "thread not found: {}"),
]
SPELLINGS = [UNKNOWN, UNKNOWN.upper(), UNKNOWN.replace("-", ""), f"urn:uuid:{UNKNOWN}"]


async def test_a_thread_that_does_not_exist_is_named_in_its_usual_spelling(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        for method, params, told in OF_A_THREAD:
            for spelling in SPELLINGS:
                with pytest.raises(Refused) as caught:
                    await client.call(method, threadId=spelling, **params)
                assert (caught.value.code, caught.value.message) == (-32600, told.format(UNKNOWN)), method
        assert await client.call("thread/unsubscribe", threadId=UNKNOWN.upper()) == {"status": "notLoaded"}
        assert set(client.methods()) == {"error", "reply"}


NO_IDS = ["", "x", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.replace("d", "g"), f" {UNKNOWN}", "../../etc/passwd", "ä" * 36]


async def test_what_is_no_thread_id_is_refused_by_every_method(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        for method, params, _ in [*OF_A_THREAD, ("thread/unsubscribe", {}, "")]:
            for no_id in NO_IDS:
                with pytest.raises(Refused) as caught:
                    await client.call(method, threadId=no_id, **params)
                assert caught.value.code == -32600, (method, no_id)
                assert caught.value.message.startswith("invalid thread id: "), (method, no_id)


async def test_a_thread_is_found_by_any_spelling_of_its_id(tmp_path: Path) -> None:
    async with running(tmp_path, [message("Hi"), completed()]) as server:
        client = await server.client()
        thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        plain = thread_id.replace("-", "").upper()
        await client.run_turn(plain, "Hello")
        assert (await client.call("thread/read", threadId=plain))["thread"]["id"] == thread_id
        assert (await client.call("thread/resume", threadId=plain))["thread"]["id"] == thread_id
        await client.call("thread/archive", threadId=plain)
        assert await client.hear("thread/archived") == {"threadId": thread_id}
        assert (await client.call("thread/unarchive", threadId=plain))["thread"]["id"] == thread_id


async def test_a_handler_that_blows_up_is_an_internal_error_and_the_server_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    async with running(tmp_path) as server:
        client, other = await server.client(), await server.client()
        with monkeypatch.context() as broken:
            broken.setattr(thread_handlers, "session_response", explode)
            with pytest.raises(Refused) as caught:
                await client.call("thread/start", cwd="/")
        assert (caught.value.code, caught.value.message, caught.value.data) == (-32603, "Internal error", None)
        await other.settle()
        assert other.heard("thread/started") == []
        await started_afterwards(server, client)


async def started_afterwards(server: Server, client: Client) -> None:
    server.provider.push([message("Hi"), completed()])
    thread_id = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    assert (await client.run_turn(thread_id, "Hello"))["status"] == "completed"


async def test_absurd_folders_and_paths_are_refused_or_taken_but_never_break_anything(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        assert (await client.call("thread/start", cwd="/no/such/folder"))["cwd"] == "/no/such/folder"
        for path in ["", "\0", "x" * 5000, "/" + "y" * 300, "/dev/null", str(tmp_path), "/no/such"]:
            with pytest.raises(Refused) as caught:
                await client.call("thread/resume", threadId="any", path=path)
            assert caught.value.code == -32600, path
            with pytest.raises(Refused) as caught:
                await client.call("thread/fork", threadId="any", path=path)
            assert caught.value.code == -32600, path
        for cwd in ["\0", "x" * 5000, "/" + "y" * 300]:
            assert (await client.call("thread/start", cwd=cwd))["thread"]["id"]
