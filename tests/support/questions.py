"""Models that ask people, and turns in which they may. Knows no test."""

from __future__ import annotations

import json
from typing import Any

from server.providers.scripted import Response, Step, completed, function_call
from tests.support.harness import Client, Message, Server

ASKED = "item/tool/requestUserInput"
RESOLVED = "serverRequest/resolved"
STATUS = "thread/status/changed"
QUESTION: Message = {
    "id": "colour",
    "header": "Colour",
    "question": "Which?",
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
}
PLANNING: Message = {
    "collaborationMode": {
        "mode": "plan",
        "settings": {"model": "test-model", "reasoning_effort": None, "developer_instructions": None},
    }
}


def asking(call_id: str = "call-1") -> list[Step]:
    """A call that asks a person."""
    return function_call("request_user_input", json.dumps({"questions": [QUESTION]}), call_id=call_id)


def calling(*calls: list[Step]) -> Response:
    """An answer that is nothing but calls."""
    return [*calls, completed()]


async def new_thread(client: Client, **params: Any) -> str:
    """A thread that the client follows."""
    thread: str = (await client.call("thread/start", **({"cwd": "/"} | params)))["thread"]["id"]
    return thread


async def begin(client: Client, thread: str, text: str = "go", **params: Any) -> str:
    """Begin a turn in which people may be asked; its id."""
    given = [{"type": "text", "text": text}]
    turn: str = (await client.call("turn/start", threadId=thread, input=given, **(PLANNING | params)))["turn"]["id"]
    return turn


async def ended(client: Client, turn: str) -> Message:
    """The turn at its end."""
    told = await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn)
    found: Message = told["params"]["turn"]
    return found


def chosen(label: str) -> Message:
    """What a client answers that chose this."""
    return {"answers": {"colour": {"answers": [label]}}}


def outputs(server: Server, request: int = -1) -> dict[str, Any]:
    """What the model was told of its calls, in order, by their ids."""
    items = server.provider.requests[request].input
    return {each["call_id"]: each["output"] for each in items if each["type"].endswith("_call_output")}


def heard_answer(server: Server, call_id: str = "call-1") -> Any:
    """What the model was told of what people answered."""
    return json.loads(outputs(server)[call_id])["answers"]


def open_questions(client: Client) -> list[int]:
    """The ids of the questions that this client believes to be open, with repeats."""
    known: list[int] = []
    for each in client.log:
        if "id" in each and "method" in each:
            known.append(each["id"])
        elif each.get("method") == RESOLVED:
            known = [number for number in known if number != each["params"]["requestId"]]
    return known
