"""Plan mode through the wire: the plan is an item of its own, for who listens, who joins and who comes back."""

from pathlib import Path
from typing import Any

import pytest

from server.errors import TurnError
from server.providers.scripted import Gate, Response, completed, message
from tests.support.harness import Client, Message, running
from tests.support.rollouts import RolloutBuilder, usage_info

ITEM_EVENTS = ("item/started", "item/plan/delta", "item/agentMessage/delta", "item/completed")
SAID = "Here it is:\n<proposed_plan>\n- a\n- b\n</proposed_plan>\nAgreed?"


def mode(kind: str = "plan", instructions: str | None = None) -> Message:
    """The member of ``turn/start`` that chooses a mode."""
    settings = {"model": "test-model", "reasoning_effort": None, "developer_instructions": instructions}
    return {"collaborationMode": {"mode": kind, "settings": settings}}


async def plan(client: Client, thread: str, **params: Any) -> str:
    """Ask for a plan; the turn's id, at its end."""
    content = [{"type": "text", "text": "How?"}]
    params = mode() | params
    turn: str = (await client.call("turn/start", threadId=thread, input=content, **params))["turn"]["id"]
    await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
    return turn


async def new_thread(client: Client) -> str:
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    return thread


def shown(client: Client) -> list[tuple[str, str, str]]:
    """What was told of the model's items: which event, of what, which text."""
    told: list[tuple[str, str, str]] = []
    for heard in (m for m in client.log if m.get("method") in ITEM_EVENTS):
        name, params = heard["method"], heard["params"]
        if "delta" in params:
            told.append((name, params["itemId"], params["delta"]))
        elif params["item"]["type"] != "userMessage":
            told.append((name, params["item"]["id"], params["item"]["text"]))
    return told


async def test_a_plan_is_streamed_and_completed_before_the_message_around_it(tmp_path: Path) -> None:
    deltas = ["Here it is:\n", "<proposed", "_plan>\n- a", "\n- b\n", "</proposed_plan>\nAg", "reed?"]
    async with running(tmp_path, [message(deltas=deltas), completed()]) as server:
        client = await server.client()
        thread = await new_thread(client)
        item = f"{await plan(client, thread)}-plan"
        assert shown(client) == [
            ("item/started", "msg-1", ""),
            ("item/agentMessage/delta", "msg-1", "Here it is:\n"),
            ("item/started", item, ""),
            ("item/plan/delta", item, "- a"),
            ("item/plan/delta", item, "\n- b\n"),
            ("item/agentMessage/delta", "msg-1", "Ag"),
            ("item/agentMessage/delta", "msg-1", "reed?"),
            ("item/completed", item, "- a\n- b\n"),
            ("item/completed", "msg-1", "Here it is:\nAgreed?"),
        ]


async def test_a_message_that_is_all_plan_shows_no_agent_message(tmp_path: Path) -> None:
    text = "\n<proposed_plan>\nx\n</proposed_plan>\n\n"
    async with running(tmp_path, [message(text), completed()], [message(text, deltas=[]), completed()]) as server:
        client = await server.client()
        thread = await new_thread(client)
        for streamed in (True, False):
            item = f"{await plan(client, thread)}-plan"
            began = [("item/started", item, ""), ("item/plan/delta", item, "x\n")]
            expected = began if streamed else [("item/started", item, "x\n")]
            assert shown(client) == [*expected, ("item/completed", item, "x\n")]
            client.log.clear()


async def test_in_other_modes_the_tags_are_text(tmp_path: Path) -> None:
    async with running(tmp_path, [message(SAID), completed()]) as server:
        client = await server.client()
        await plan(client, await new_thread(client), **mode("default"))
        assert [text for name, _, text in shown(client) if name == "item/completed"] == [SAID]


@pytest.mark.parametrize("form", ["legacy", "paginated"])
async def test_a_plan_is_there_after_a_restart_and_the_model_still_knows_it(tmp_path: Path, form: str) -> None:
    written = RolloutBuilder(tmp_path, history_mode=form).turn("one", "first", usage_info(1)).write()
    async with running(tmp_path, [message(SAID), completed()]) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=written.thread_id)
        turn = await plan(client, written.thread_id)
    async with running(tmp_path, [message("ok"), completed()]) as server:
        client = await server.client()
        thread = (await client.call("thread/resume", threadId=written.thread_id))["thread"]
        user, planned, answer = thread["turns"][-1]["items"]
        assert user["type"] == "userMessage"
        assert planned == {"type": "plan", "id": f"{turn}-plan", "text": "- a\n- b\n"}
        assert (answer["type"], answer["text"]) == ("agentMessage", "Here it is:\nAgreed?")
        await client.run_turn(written.thread_id, "Do it.")
        assert SAID in [item["content"][0]["text"] for item in server.provider.requests[0].input]


async def test_who_joins_in_the_middle_sees_the_plan_so_far(tmp_path: Path) -> None:
    gate = Gate()
    script: Response = [message(deltas=["<proposed_plan>\n- a\n", gate, "- b\n</proposed_plan>\n"]), completed()]
    async with running(tmp_path, script) as server:
        first, late = await server.client("first"), await server.client("late")
        thread = await new_thread(first)
        content = [{"type": "text", "text": "How?"}]
        turn = (await first.call("turn/start", threadId=thread, input=content, **mode()))["turn"]["id"]
        await gate.reached.wait()
        (now,) = (await late.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert now["items"][-1] == {"type": "plan", "id": f"{turn}-plan", "text": "- a\n"}
        gate.open()
        heard = await late.hear("item/plan/delta")
        assert (heard["itemId"], heard["delta"]) == (f"{turn}-plan", "- b\n")
        ended = await late.hear("item/completed")
        assert ended["item"] == {"type": "plan", "id": f"{turn}-plan", "text": "- a\n- b\n"}


async def test_a_plan_whose_stream_broke_is_told_anew(tmp_path: Path) -> None:
    broken: Response = [message(deltas=["<proposed_plan>\nol"])[:-1], TurnError("gone", retryable=True)]
    async with running(tmp_path, broken, [message("<proposed_plan>\nnew\n"), completed()]) as server:
        server.provider._stream_max_retries = 1
        client = await server.client()
        thread = await new_thread(client)
        turn = await plan(client, thread)
        (stored,) = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
        assert stored["items"][1:] == [{"type": "plan", "id": f"{turn}-plan", "text": "new\n"}]


async def test_the_model_is_told_of_the_mode_once_and_when_it_ends(tmp_path: Path) -> None:
    answer: Response = [message("ok"), completed()]
    async with running(tmp_path, answer, answer, answer, answer) as server:
        client = await server.client()
        thread = await new_thread(client)
        for params in (mode(), mode(), mode("default"), mode("plan", "Plan in verse.")):
            await plan(client, thread, **params)
        told = [
            part["text"]
            for item in server.provider.requests[-1].input
            for part in item["content"]
            if part["text"].startswith("<collaboration_mode>")
        ]
        assert len(told) == 3
        assert "<proposed_plan>" in told[0]
        assert "<proposed_plan>" not in told[1]
        assert told[2] == "<collaboration_mode>Plan in verse.</collaboration_mode>"
