"""What conversations about reviews have in common: an answer of a reviewer, and how to ask for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.providers.provider import ModelRequest
from server.providers.scripted import Response, completed, message
from tests.support.harness import Client, Message

ANSWER: Response = [message("Sunny."), completed()]
CUSTOM = {"type": "custom", "instructions": "Is it thread-safe?"}
FOUND = {
    "findings": [
        {
            "title": "Lock the counter",
            "body": "Two threads may add at once.\nOne of them is lost.",
            "confidence_score": 0.9,
            "priority": 1,
            "code_location": {"absolute_file_path": "/src/count.py", "line_range": {"start": 3, "end": 4}},
        },
        {
            "title": "Close the file",
            "body": "",
            "confidence_score": 0.5,
            "priority": None,
            "code_location": {"absolute_file_path": "/src/io.py", "line_range": {"start": 9, "end": 9}},
        },
    ],
    "overall_correctness": "patch is incorrect",
    "overall_explanation": "Counts get lost.",
    "overall_confidence_score": 0.9,
}
AS_TEXT = """\
Counts get lost.

2 findings:

- Lock the counter (/src/count.py:3-4)
  Two threads may add at once.
  One of them is lost.

- Close the file (/src/io.py:9-9)"""
REVIEWED: Response = [message(json.dumps(FOUND)), completed(900, output=90)]


def told(request: ModelRequest) -> list[str]:
    """The texts of a request, context left out."""
    texts = [part["text"] for item in request.input for part in item.get("content", [])]
    return [text for text in texts if not text.startswith(("<environment_context>", "<permissions", "# AGENTS.md"))]


async def begun(client: Client, cwd: Path | str = "/", **params: Any) -> str:
    thread_id: str = (await client.call("thread/start", cwd=str(cwd), **params))["thread"]["id"]
    return thread_id


async def review(client: Client, thread_id: str, target: Message = CUSTOM, **params: Any) -> Message:
    """Ask for one; the reply."""
    answer: Message = await client.call("review/start", threadId=thread_id, target=target, **params)
    return answer


async def ended(client: Client, turn_id: str) -> Message:
    """The turn as it ends."""
    end = await client.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn_id)
    turn: Message = end["params"]["turn"]
    return turn


async def reviewed(client: Client, thread_id: str, target: Message = CUSTOM, **params: Any) -> Message:
    """A whole review; the turn as it ends."""
    return await ended(client, (await review(client, thread_id, target, **params))["turn"]["id"])


async def turns(client: Client, thread_id: str) -> list[Message]:
    read = await client.call("thread/read", threadId=thread_id, includeTurns=True)
    found: list[Message] = read["thread"]["turns"]
    return found


def items(client: Client, turn_id: str) -> list[Message]:
    """The items of a turn as they were completed."""
    return [each["item"] for each in client.heard("item/completed") if each["turnId"] == turn_id]


def rollout_lines(home: Path) -> list[tuple[str, Any]]:
    (path,) = home.glob("sessions/*/*/*/*.jsonl")
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [(line["payload"].get("type") or line["type"], line["payload"]) for line in found]
