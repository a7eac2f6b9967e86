"""Tools that a client brings: told to the model, carried out by whoever answers first, kept with the thread."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_147
from server.providers.scripted import Response, completed, function_call, message
from tests.support.harness import Client, Message, Refused, Server, running
from tests.support.questions import begin, calling, ended, new_thread, open_questions, outputs
from tests.support.rollouts import RolloutBuilder

CALL = "item/tool/call"
DONE: Response = [message("Done"), completed()]
SCHEMA: Message = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
WEATHER: Message = {"name": "weather", "description": "How it is outside.", "inputSchema": SCHEMA}
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
SUNNY: Message = {"contentItems": [{"type": "inputText", "text": "sunny"}], "success": True}


def weather(name: str = "weather", call_id: str = "call-1", **arguments: Any) -> Any:
    return function_call(name, json.dumps(arguments or {"town": "Bonn"}), call_id=call_id)


def offered(server: Server) -> dict[str, Message]:
    """What the model was told of the client's tools."""
    told = server.provider.requests[-1].tools
    assert len({tool["name"] for tool in told}) == len(told)
    return {tool["name"]: tool for tool in told if tool["description"] == WEATHER["description"]}


def tool_items(turn: Message) -> list[Message]:
    return [item for item in turn["items"] if item["type"] == "dynamicToolCall"]


async def read_turn(client: Client, thread: str) -> Message:
    turns: list[Message] = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
    return turns[-1]


async def test_a_call_is_an_item_a_question_and_an_item_again(tmp_path: Path) -> None:
    async with running(tmp_path, calling(weather()), DONE) as server:
        client, other = await server.client(), await server.client()
        thread = await new_thread(client, dynamicTools=[WEATHER])
        await other.call("thread/resume", threadId=thread)
        turn = await begin(client, thread)
        asked = await client.asked(CALL)
        call = {"namespace": None, "tool": "weather", "arguments": {"town": "Bonn"}}
        assert asked["params"] == {"threadId": thread, "turnId": turn, "callId": "call-1"} | call
        assert await other.asked(CALL) == asked
        shown: Message = {"type": "dynamicToolCall", "id": "call-1", **call}
        began: Message = shown | {"status": "inProgress", "contentItems": None, "success": None, "durationMs": None}
        assert other.heard("item/started")[-1]["item"] == began
        assert other.methods()[-2:] == ["item/started", CALL]
        assert other.heard("thread/status/changed")[-1]["status"] == {"type": "active", "activeFlags": []}
        late = await server.client()
        (now,) = (await late.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert now["items"][-1] == began
        assert await late.asked(CALL) == asked
        await client.answer(asked, **SUNNY)
        await other.answer(asked, contentItems=[], success=False)  # too late
        await ended(other, turn)
        (final,) = [told["item"] for told in other.heard("item/completed") if told["item"]["type"] == "dynamicToolCall"]
        assert final.pop("durationMs") >= 0
        assert final == shown | {"status": "completed", "success": True, "contentItems": SUNNY["contentItems"]}
        assert other.heard("serverRequest/resolved") == []
        assert outputs(server) == {"call-1": "sunny"}


@pytest.mark.parametrize(
    ("said", "content", "told"),
    [
        (
            {
                "result": {
                    "contentItems": [{"type": "inputText", "text": "a"}, {"type": "inputImage", "imageUrl": PIXEL}],
                    "success": False,
                }
            },
            None,
            [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PIXEL, "detail": "high"}],
        ),
        ({"result": {"contentItems": [], "success": False}}, None, []),
        ({"error": {"code": 1, "message": "no"}}, "dynamic tool request failed", None),
        ({"result": {"success": True}}, "dynamic tool response was invalid", None),
    ],
    ids=["an image", "nothing", "an error", "no sense"],
)
async def test_what_a_client_says_reaches_the_model_and_a_failure_is_one(
    tmp_path: Path, said: Message, content: str | None, told: Any
) -> None:
    async with running(tmp_path, calling(weather()), DONE) as server:
        client = await server.client()
        thread = await new_thread(client, dynamicTools=[WEATHER])
        turn = await begin(client, thread)
        asked = await client.asked(CALL)
        await client.send_text(json.dumps({"id": asked["id"], **said}))
        await ended(client, turn)
        (item,) = tool_items(await read_turn(client, thread))
        assert (item["status"], item["success"]) == ("failed", False)
        if content is None:
            assert item["contentItems"] == said["result"]["contentItems"]
        else:
            assert item["contentItems"] == [{"type": "inputText", "text": content}]
        assert outputs(server)["call-1"] == (content if told is None else told)


async def test_sound_is_only_shown_to_those_who_know_it_and_the_model_hears_that_there_was_some(tmp_path: Path) -> None:
    async with running(tmp_path, calling(weather()), DONE) as server:
        client = await server.client()
        thread = await new_thread(client, dynamicTools=[WEATHER])
        turn = await begin(client, thread)
        sound = {"type": "inputAudio", "audioUrl": "data:audio/wav;base64,AAAA"}
        await client.answer(await client.asked(CALL), contentItems=[sound], success=True)
        await ended(client, turn)
        shown = [] if server.dialect < V0_147 else [sound]
        (told,) = [each["item"] for each in client.heard("item/completed") if each["item"]["type"] == "dynamicToolCall"]
        (kept,) = tool_items(await read_turn(client, thread))
        assert told["contentItems"] == kept["contentItems"] == shown
        assert outputs(server)["call-1"] == [
            {"type": "input_text", "text": "[Sound was left out: this server sends none to models.]"}
        ]


async def test_all_spellings_of_tools_are_known_to_the_model_by_flat_names(tmp_path: Path) -> None:
    within = [WEATHER, WEATHER | {"name": "late", "deferLoading": True}]
    tools = [
        WEATHER,
        WEATHER | {"namespace": "sky"},
        {"type": "namespace", "name": "sky_2", "description": "", "tools": within},
        WEATHER | {"name": "update_plan"},
        WEATHER | {"name": "late" + "x" * 100, "inputSchema": True},
    ]
    async with running(
        tmp_path, calling(weather("sky_2__late")), calling(weather("sky__weather", "call-2")), DONE
    ) as server:
        client = await server.client()
        thread = await new_thread(client, dynamicTools=tools)
        turn = await begin(client, thread)
        for space, name in (("sky_2", "late"), ("sky", "weather")):
            asked = await client.asked(CALL)
            assert (asked["params"]["namespace"], asked["params"]["tool"]) == (space, name)
            await client.answer(asked, **SUNNY)
        await ended(client, turn)
        known = offered(server)
        *names, long = known
        assert names == ["weather", "sky__weather", "sky_2__weather"]
        assert len(long) == 64
        assert known[long]["parameters"] == {"type": "object", "properties": {}}
        assert known["weather"] == {
            "type": "function",
            "name": "weather",
            "description": "How it is outside.",
            "strict": False,
            "parameters": SCHEMA,
        }


@pytest.mark.parametrize("attach", ["thread/resume", "thread/fork"])
async def test_tools_are_there_after_a_restart_and_in_a_fork(tmp_path: Path, attach: str) -> None:
    tools = [WEATHER, {"type": "namespace", "name": "sky", "description": "", "tools": [WEATHER]}]
    async with running(tmp_path, DONE) as server:
        client = await server.client()
        thread = await new_thread(client, dynamicTools=tools)
        await client.run_turn(thread, "go")
        before = offered(server)
    async with running(tmp_path, calling(weather("sky__weather")), DONE) as server:
        client = await server.client()
        attached = (await client.call(attach, threadId=thread))["thread"]["id"]
        turn = await begin(client, attached)
        await client.answer(await client.asked(CALL), **SUNNY)
        await ended(client, turn)
        assert offered(server) == before
        assert outputs(server) == {"call-1": "sunny"}


@pytest.mark.parametrize("form", ["legacy", "paginated"])
async def test_what_was_seen_live_is_there_after_a_restart(tmp_path: Path, form: str) -> None:
    builder = RolloutBuilder(tmp_path, history_mode=form, provider="scripted", dynamic_tools=[WEATHER])
    written = builder.turn("one", "first").write()
    calls = calling(weather(), weather(call_id="call-2"), weather(call_id="call-3"))
    async with running(tmp_path, calls) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        turn = await begin(client, written.thread_id)
        await client.answer(await client.asked(CALL), **SUNNY)
        await client.answer(await client.asked(CALL), contentItems=[], success=False)
        await client.asked(CALL)
        await client.call("turn/interrupt", threadId=written.thread_id, turnId=turn)
        await ended(client, turn)
        live = [each["item"] for each in client.heard("item/completed") if each["item"]["type"] == "dynamicToolCall"]
        assert [item["status"] for item in live] == ["completed", "failed", "failed"]
        assert open_questions(client)[-1:] == [2]  # it is told by the end of the item
        assert tool_items(await read_turn(client, written.thread_id)) == live
    async with running(tmp_path) as server:
        client = await server.client()
        assert tool_items(await read_turn(client, written.thread_id)) == live


async def test_arguments_that_are_no_json_ask_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, calling(function_call("weather", "{town", call_id="call-1")), DONE) as server:
        client = await server.client()
        thread = await new_thread(client, dynamicTools=[WEATHER])
        await client.run_turn(thread, "go")
        assert outputs(server)["call-1"].startswith("failed to parse function arguments: ")
        assert CALL not in client.methods()


async def test_tools_are_for_those_who_asked_for_what_is_experimental(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        plain = await server.client(experimental=False)
        with pytest.raises(Refused, match=r"thread/start\.dynamicTools requires experimentalApi capability"):
            await plain.call("thread/start", dynamicTools=[WEATHER])
