"""thread/inject_items through the wire: the model hears of them, the clients do not, and the rollout keeps them."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.providers.scripted import Gate, Response, completed, function_call, message
from tests.support.harness import Client, Message, Refused, running
from tests.support.rollouts import assistant_item, plain, thread_id, user_item

NOTE = user_item("a note").payload
REMARK = assistant_item("a remark").payload


async def start(client: Client, **params: Any) -> Message:
    thread: Message = (await client.call("thread/start", cwd="/", **params))["thread"]
    return thread


async def inject(client: Client, thread: str, *items: Any) -> Any:
    return await client.call("thread/inject_items", threadId=thread, items=list(items))


def asked(items: list[Any]) -> list[str]:
    """What a model request holds of the talk, without its context."""
    said = [item["content"][0]["text"] for item in items if item.get("role") in ("user", "assistant")]
    return [text for text in said if not text.startswith("<")]


def stored(path: str | Path) -> list[Message]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [line["payload"] for line in lines if line["type"] == "response_item"]


def is_on_disk(path: str) -> bool:
    return Path(path).exists()


async def test_the_next_request_holds_the_items_and_nobody_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client, other = await server.client(), await server.client()
        thread = (await start(client))["id"]
        await other.settle()
        client.log.clear()
        other.log.clear()
        assert await inject(other, thread, NOTE, REMARK) == {}
        await client.settle()
        assert (client.log, other.methods()) == ([], ["reply"])
        await client.run_turn(thread, "hi")
        assert asked(server.provider.requests[0].input) == ["a note", "a remark", "hi"]
        turns = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
        assert [len(turn["items"]) for turn in turns] == [2]


async def test_items_put_a_thread_that_has_said_nothing_on_disk_before_the_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start(client)
        assert not is_on_disk(thread["path"])
        await inject(client, thread["id"], NOTE | {"id": "msg_1"})
        assert stored(thread["path"]) == [NOTE]
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        resumed = (await client.call("thread/resume", threadId=thread["id"]))["thread"]
        assert (resumed["turns"], resumed["preview"]) == ([], "")
        await client.run_turn(thread["id"], "hi")
        assert asked(server.provider.requests[0].input) == ["a note", "hi"]


async def test_items_come_after_what_a_resumed_thread_has_said(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await inject(client, written.thread_id, NOTE)
        await client.run_turn(written.thread_id, "hi")
        expected = ["Say hello", "Hello.", "Again", "Hello again.", "a note", "hi"]
        assert asked(server.provider.requests[0].input) == expected


async def test_items_injected_during_a_turn_are_in_its_next_request(tmp_path: Path) -> None:
    gate = Gate()
    script: list[Response] = [[gate, function_call("ls", "{}"), completed()], [message("done"), completed()]]
    async with running(tmp_path, *script) as server:
        client, other = await server.client(), await server.client()
        thread = (await start(client))["id"]
        await client.start_turn(thread, "hi")
        await gate.reached.wait()
        assert await inject(other, thread, NOTE) == {}
        gate.open()
        assert (await client.hear("turn/completed"))["turn"]["status"] == "completed"
        first, second = (asked(request.input) for request in server.provider.requests)
        assert (first, second) == (["hi"], ["hi", "a note"])


async def test_items_injected_while_a_resumed_thread_reads_its_history_are_in_it_once(tmp_path: Path) -> None:
    written = plain(tmp_path)
    gate = Gate()
    script: list[Response] = [[gate, function_call("ls", "{}"), completed()], [message("done"), completed()]]
    async with running(tmp_path, *script) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        content = [{"type": "text", "text": "hi"}]
        await client.post("turn/start", threadId=written.thread_id, input=content)
        await inject(client, written.thread_id, NOTE)  # served right after the start, while the turn begins
        gate.open()
        await client.hear("turn/completed")
        assert asked(server.provider.requests[1].input).count("a note") == 1
        assert stored(written.path).count(NOTE) == 1


async def test_a_rollback_takes_what_was_injected_after_the_turn_it_takes(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        await inject(client, written.thread_id, NOTE)
        await client.call("thread/rollback", threadId=written.thread_id, numTurns=1)
        await client.run_turn(written.thread_id, "hi")
        assert asked(server.provider.requests[0].input) == ["Say hello", "Hello.", "hi"]


async def test_an_ephemeral_thread_takes_items_and_leaves_no_file(tmp_path: Path) -> None:
    async with running(tmp_path, [message("hello"), completed()]) as server:
        client = await server.client()
        thread = (await start(client, ephemeral=True))["id"]
        await inject(client, thread, NOTE)
        await client.run_turn(thread, "hi")
        assert asked(server.provider.requests[0].input) == ["a note", "hi"]
    assert list((tmp_path / "sessions").rglob("*.jsonl")) == []


@pytest.mark.parametrize(
    "item",
    [
        "text",
        None,
        {},
        {"type": "unheard_of"},
        {"type": "message", "role": "user"},
        {"type": "message", "role": "user", "content": "text"},
        {"type": "function_call_output", "call_id": "c", "output": {}},
    ],
    ids=str,
)
async def test_one_bad_item_refuses_all_and_is_named_by_its_place(tmp_path: Path, item: Any) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        thread = await start(client)
        with pytest.raises(Refused, match=r"-32600: items\[1\] is not a valid response item: "):
            await inject(client, thread["id"], NOTE, item)
        assert not is_on_disk(thread["path"])


async def test_what_can_take_no_items_is_refused(tmp_path: Path) -> None:
    written = plain(tmp_path)
    async with running(tmp_path) as server:
        client = await server.client()
        loaded = (await start(client))["id"]
        with pytest.raises(Refused, match="-32600: items must not be empty"):
            await inject(client, loaded)
        for thread in (written.thread_id, thread_id(99)):
            with pytest.raises(Refused, match=f"-32600: thread not found: {thread}"):
                await inject(client, thread)  # the thread is looked for before the items are
        with pytest.raises(Refused, match="-32600: invalid thread id"):
            await inject(client, "nonsense", NOTE)
