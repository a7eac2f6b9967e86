"""Input for a turn that runs: turn/steer, and turn/start while a turn runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, Response, completed, function_call, message
from tests.support.harness import Client, Message, Refused, running

TEXT = [{"type": "text", "text": "More"}]


async def start_thread(client: Client) -> str:
    thread_id: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread_id


async def refusal(client: Client, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        await client.call(method, **params)
    assert caught.value.code == -32600
    return caught.value.message


def inputs(client: Client) -> list[str]:
    """What the user said, as the client heard it."""
    items = [params["item"] for params in client.heard("item/completed")]
    return [item["content"][0]["text"] for item in items if item["type"] == "userMessage"]


def told_model(items: list[Message]) -> list[str]:
    """The user's words and the model's, as the model is shown them."""
    texts = [item["content"][0]["text"] for item in items if item["type"] == "message" and item["role"] != "developer"]
    return [text for text in texts if not text.startswith("<")]


async def test_steered_input_is_taken_in_after_the_answer_and_answered_in_the_same_turn(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [
        [message(deltas=["fi", gate, "rst"]), completed()],
        [message("second", id="msg-2"), completed()],
    ]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await client.hear("item/agentMessage/delta")
        steered = await client.call("turn/steer", threadId=thread, expectedTurnId=turn_id, input=TEXT)
        assert steered == {"turnId": turn_id}
        await client.settle()
        assert inputs(client) == ["Hello"]
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["id"] == turn_id
        done = [params["item"]["type"] for params in client.heard("item/completed")]
        assert done == ["userMessage", "agentMessage", "userMessage", "agentMessage"]
        assert inputs(client) == ["Hello", "More"]
        assert {params["turnId"] for params in client.heard("item/completed")} == {turn_id}
        assert len(client.heard("turn/started")) == len(client.heard("turn/completed")) == 1
        assert told_model(server.provider.requests[1].input) == ["Hello", "first", "More"]


async def test_input_steered_during_a_tool_call_comes_after_its_output(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [[function_call("exec_command", "{}"), gate, completed()], [message("done"), completed()]]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("turn/steer", threadId=thread, expectedTurnId=turn_id, input=TEXT)
        gate.open()
        await client.hear("turn/completed")
        tail = [item["type"] for item in server.provider.requests[1].input[-3:]]
        assert tail == ["function_call", "function_call_output", "message"]


async def test_several_inputs_are_taken_in_together_and_in_order(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("a"), completed()], [message("b"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "1")
        await gate.reached.wait()
        for number, connection in enumerate((client, other, client), 2):
            content = [{"type": "text", "text": str(number)}]
            await connection.call("turn/steer", threadId=thread, expectedTurnId=turn_id, input=content)
        gate.open()
        await client.hear("turn/completed")
        assert inputs(client) == ["1", "2", "3", "4"]
        assert told_model(server.provider.requests[1].input) == ["1", "a", "2", "3", "4"]
        assert len(server.provider.requests) == 2


async def test_steering_is_refused_with_the_reason(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("Hi"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        told = await refusal(client, "turn/steer", threadId=thread, expectedTurnId="t", input=TEXT)
        assert told == "no active turn to steer"
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        told = await refusal(client, "turn/steer", threadId=thread, expectedTurnId="", input=TEXT)
        assert told == "expectedTurnId must not be empty"
        told = await refusal(client, "turn/steer", threadId=thread, expectedTurnId="other", input=TEXT)
        assert told == f"expected active turn id `other` but found `{turn_id}`"
        told = await refusal(client, "turn/steer", threadId=thread, expectedTurnId=turn_id, input=[])
        assert told == "input must not be empty"
        gate.open()
        await client.hear("turn/completed")
        told = await refusal(client, "turn/steer", threadId=thread, expectedTurnId=turn_id, input=TEXT)
        assert told == "no active turn to steer"
        assert inputs(client) == ["Hello"]


async def test_steered_input_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start_thread(client)
        content = [{"type": "text", "text": "x" * ((1 << 20) + 1)}]
        with pytest.raises(Refused) as caught:
            await client.call("turn/steer", threadId=thread, expectedTurnId="t", input=content)
        assert caught.value.code == -32602
        assert caught.value.data == {
            "input_error_code": "input_too_large",
            "max_chars": 1 << 20,
            "actual_chars": (1 << 20) + 1,
        }


async def test_a_turn_started_while_one_runs_joins_it_and_is_told_its_id(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("a"), completed()], [message("b"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        running_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        assert await other.start_turn(thread, "Me too") == running_id
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["id"] == running_id
        assert inputs(client) == ["Hello", "Me too"]
        assert len(client.heard("turn/started")) == 1
        assert told_model(server.provider.requests[1].input) == ["Hello", "a", "Me too"]


async def test_two_clients_that_start_at_the_same_moment_share_one_turn(tmp_path: Path) -> None:
    async with running(tmp_path, [message("x"), completed()], [message("x"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = await start_thread(client)
        asked = [{"threadId": thread, "input": [{"type": "text", "text": text}]} for text in ("one", "two")]
        first, second = await client.post("turn/start", asked[0]), await other.post("turn/start", asked[1])
        turns = {
            (await client.reply(first))["result"]["turn"]["id"],
            (await other.reply(second))["result"]["turn"]["id"],
        }
        for turn_id in turns:
            await client.hear("turn/completed")
            assert turn_id in {params["turn"]["id"] for params in client.heard("turn/started")}
        await client.settle()
        assert sorted(inputs(client)) == ["one", "two"]
        assert len(client.heard("turn/completed")) == len(turns)


async def test_settings_given_with_input_that_joins_hold_from_the_next_turn_on(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [
        [gate, message("a"), completed()],
        [message("b"), completed()],
        [message("c"), completed()],
    ]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        thread = await start_thread(client)
        await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("turn/start", threadId=thread, input=TEXT, model="other-model")
        gate.open()
        await client.hear("turn/completed")
        await client.run_turn(thread, "Next")
        assert [request.model for request in server.provider.requests] == ["test-model", "test-model", "other-model"]


async def test_what_was_steered_is_in_the_rollout_and_comes_back_after_a_restart(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, [gate, message("a"), completed()], [message("b"), completed()]) as server:
        client = await server.client()
        thread = await start_thread(client)
        turn_id = await client.start_turn(thread, "Hello")
        await gate.reached.wait()
        await client.call("turn/steer", threadId=thread, expectedTurnId=turn_id, input=TEXT)
        gate.open()
        await client.hear("turn/completed")
    async with running(tmp_path) as server:
        client = await server.client()
        turns = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [item["type"] for item in turns[0]["items"]] == ["userMessage", "agentMessage"] * 2
        assert json.dumps(turns).count('"More"') == 1
