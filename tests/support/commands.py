"""Conversations about commands in turns: what a model calls, and what was told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.providers.scripted import Response, Step, completed, function_call, message
from tests.support.harness import CONFIG, Client, Message, Server

DONE: Response = [message("done"), completed()]
FREE = {"sandbox": "danger-full-access", "approvalPolicy": "never"}


HOMELESS = CONFIG + '[shell_environment_policy]\nset = { HOME = "/nonexistent" }\n'
"""A login shell finds nobody's own settings, which may take any time."""

KNOWN = CONFIG.replace("test-model", "gpt-5.4")

Arguments = Any


def calls(*made: tuple[str, Arguments]) -> Response:
    """An answer of the model that only makes these calls."""
    steps: list[Step | list[Step]] = [
        function_call(name, json.dumps(arguments), call_id=f"call-{at}") for at, (name, arguments) in enumerate(made)
    ]
    return [*steps, completed()]


def run(cmd: str, **arguments: Any) -> Response:
    """An answer that runs one command."""
    return calls(("exec_command", {"cmd": cmd, "login": False, **arguments}))


def script(command: str, **arguments: Any) -> Response:
    """An answer that waits for one command."""
    return calls(("shell_command", {"command": command, "login": False, **arguments}))


def make(folder: Path) -> None:
    """It may be there."""
    folder.mkdir(exist_ok=True)


async def started(server: Server, folder: Path, **params: Any) -> tuple[Client, str]:
    """A client with a thread in this folder."""
    make(folder)
    client = await server.client()
    thread = (await client.call("thread/start", **({"cwd": str(folder)} | FREE | params)))["thread"]["id"]
    return client, thread


def of_command(client: Client) -> list[str]:
    """What was told of commands, in order."""
    told: list[str] = []
    for each in client.log:
        method, params = str(each.get("method")), each.get("params", {})
        if method.startswith("item/commandExecution/") or (
            method in ("item/started", "item/completed") and params["item"]["type"] == "commandExecution"
        ):
            told.append(method.rpartition("/")[2])
    return told


def commands(client: Client) -> list[Message]:
    """The commands as they ended."""
    ended = [each["item"] for each in client.heard("item/completed")]
    return [item for item in ended if item["type"] == "commandExecution"]


async def begun(client: Client) -> Message:
    """The first command that is told to have begun."""
    return await _about_a_command(client, "item/started")


async def ended(client: Client) -> Message:
    """The first command that is told to have ended."""
    return await _about_a_command(client, "item/completed")


async def _about_a_command(client: Client, method: str) -> Message:
    def wanted(message: Message) -> bool:
        return message.get("method") == method and message["params"]["item"]["type"] == "commandExecution"

    told: Message = (await client.find(wanted))["params"]
    return told


async def over(client: Client, **members: str) -> None:
    """Wait for the end of a turn with these members."""

    def wanted(message: Message) -> bool:
        return message.get("method") == "turn/completed" and members.items() <= message["params"]["turn"].items()

    await client.find(wanted)


def output(client: Client) -> str:
    """What was told of their output."""
    return "".join(each["delta"] for each in client.heard("item/commandExecution/outputDelta"))


def answers(server: Server, request: int = -1) -> list[str]:
    """What the model was told of its calls."""
    items = server.provider.requests[request].input
    return [each["output"] for each in items if each["type"] == "function_call_output"]


async def read(client: Client, thread: str) -> list[Message]:
    """The commands as the thread has them."""
    turns = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]["turns"]
    items: list[Message] = [item for turn in turns for item in turn["items"]]
    return [item for item in items if item["type"] == "commandExecution"]
