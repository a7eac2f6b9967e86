"""Plays conversations on a server and records what every connection receives. Knows no differences."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.peer.scripted_model import ScriptedModel
from tests.peer.steps import Answer, Ask, Conversation, Group, Hear, Joining, Leave, Open, Send, Settle, Step
from tests.support import codex
from tests.support.app_server import AppServer, serving
from tests.support.harness import Client, Message

PATIENT = """
[model_providers.patient]
name = "Patient"
base_url = "MODEL_URL"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 2
supports_websockets = false
"""
"""A second provider, whose dropped streams are asked for again."""

PROJECT = Path("/project")
"""Where the prepared threads were at work."""

REPLAYING = ("thread/resume", "thread/fork")
"""What is followed by a replay, which the peer sends from another task: it is waited for before the next step."""

RESOLVED = "serverRequest/resolved"

QUIET = 5
"""Round trips that must bring nothing, before a connection counts as settled."""


@dataclass
class Heard:
    """A message as it came: the notification's method, or which request it answers; and what it says."""

    kind: str
    body: Any


@dataclass
class Recording:
    """What one server said in one conversation, what saved names stood for, and why it broke off if it did."""

    home: Path
    began: float
    names: dict[str, str] = field(default_factory=dict)
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    failure: str | None = None


Names = Mapping[str, Mapping[str, str]]
"""What is there before a conversation begins: by the name of the conversation, or of the group, name -> value."""


async def play_group(
    group: Group, command: Sequence[str], version: str, home: Path, names: Names, wanted: Callable[[str], bool]
) -> dict[str, Recording]:
    """Play the wanted conversations of a group, one after the other, on one server with this CODEX_HOME.

    The connections are clients of this version.
    """
    async with ScriptedModel() as model:
        config = home / "config.toml"
        config.write_text(config.read_text().replace("MODEL_URL", model.url))
        async with serving(command, home) as server:
            played = {
                each.name: await _Play(
                    each, server, model, {"version": version, **names[group.name], **names[each.name]}
                ).run()
                for each in group.conversations
                if wanted(each.name)
            }
            server.process.terminate()  # one that waits for its turns must be told twice
            return played


def write_home(group: Group, home: Path) -> Names:
    """Make the CODEX_HOME that both servers get a copy of."""
    codex.write_config(home, "MODEL_URL")
    with (home / "config.toml").open("a") as config:
        config.write(PATIENT)
    names: dict[str, dict[str, str]] = {group.name: dict(group.prepare(home))}
    number = 100
    for each in group.conversations:
        names[each.name] = {}
        for name, seed in each.seeds.items():
            number += 1
            written = seed(home, number=number, provider="test", cwd=str(PROJECT))
            _with_the_configured_model(written.path)
            names[each.name] |= {name: written.thread_id, f"{name}_path": f"$home/{written.path.relative_to(home)}"}
    return names


def _with_the_configured_model(path: Path) -> None:
    """The model a file names counts for the peer once its index knows the file, which happens at some time."""
    written = path.stat().st_mtime
    path.write_bytes(path.read_bytes().replace(b'"mock-model"', b'"test-model"'))
    os.utime(path, (written, written))


class _Play:
    """One conversation on one server."""

    def __init__(self, script: Conversation, server: AppServer, model: ScriptedModel, names: Mapping[str, str]) -> None:
        self._script, self._server, self._model = script, server, model
        home = str(server.home)
        self._names = {name: value.replace("$home", home) for name, value in names.items()} | {"home": home}
        self._clients: dict[str, Client] = {}
        self._asked: dict[str, dict[int | str | None, str]] = {}
        self._passed: set[int] = set()
        self._questions: dict[Any, str] = {}  # servers count all that they ever ask

    async def run(self) -> Recording:
        """Play all steps. What goes wrong ends the conversation and is told in the recording."""
        recording = Recording(self._server.home, int(time.time()) - 1, self._names)
        async with self._present():
            try:
                for step in self._script.steps:
                    await self._step(step)
                for client in self._clients.values():
                    await _settle(client)
            except (TimeoutError, ConnectionError, ConnectionClosed, KeyError, IndexError) as error:
                recording.failure = f"{type(error).__name__} {error} at {step}"
            for who, client in self._clients.items():
                recording.heard[who] = [self._heard(who, message) for message in client.log]
        return recording

    @asynccontextmanager
    async def _present(self) -> AsyncIterator[None]:
        try:
            for who, joining in self._script.clients.items():
                self._asked[who] = {}
                self._clients[who] = await _join(self._server, joining, self._names["version"])
            yield
        finally:
            for client in self._clients.values():
                await client.close()

    async def _step(self, step: Step) -> None:
        match step:
            case Ask():
                await self._ask(step)
            case Send():
                await self._clients[step.who].send_text(Template(step.frame).safe_substitute(self._names))
                if step.answer_to is not None:
                    await self._clients[step.who].reply(self._filled(step.answer_to))
            case Hear():
                await self._hear(step)
            case Answer():
                await self._answer(step)
            case Settle():
                await _settle(self._clients[step.who])
            case Open():
                self._model.open(step.gate)
            case Leave():
                await self._clients[step.who].close()

    async def _ask(self, step: Ask) -> None:
        client = self._clients[step.who]
        number = await client.post(step.method, self._filled(step.params))
        self._asked[step.who][number] = step.called or step.method
        if not step.wait:
            return
        answer = await client.reply(number)
        self._save(step.save, answer.get("result"))
        if step.method in REPLAYING and "result" in answer:
            await _settle(client)

    def _save(self, wanted: Mapping[str, str], value: Any) -> None:
        for name, place in wanted.items():
            found = value
            for member in place.split("."):
                found = found[int(member)] if member.isdecimal() else found[member]
            self._names[name] = found

    async def _hear(self, step: Hear) -> Message:
        client, params = self._clients[step.who], self._filled(step.params)

        def wanted(message: Message) -> bool:
            new = id(message) not in self._passed
            return new and message.get("method") == step.method and _holds(message["params"], params)

        heard = await client.find(wanted)
        self._save(step.save, heard["params"])
        for message in client.log:
            self._passed.add(id(message))
            if message is heard:
                break
        return heard

    async def _answer(self, step: Answer) -> None:
        client = self._clients[step.who]
        if step.at is None:
            asked = await self._hear(Hear(step.who, step.method))
        else:
            asked = [each for each in client.log if "id" in each and each.get("method") == step.method][step.at]
        await client.send_text(json.dumps({"id": asked["id"], **self._filled(step.said)}))

    def _filled(self, value: Any) -> Any:
        """The value with the names in it replaced."""
        match value:
            case str():
                return Template(value).safe_substitute(self._names)
            case Mapping():
                return {key: self._filled(each) for key, each in value.items()}
            case list():
                return [self._filled(each) for each in value]
            case _:
                return value

    def _question(self, number: Any) -> str:
        return self._questions.setdefault(number, f"question {1 + len(self._questions)}")

    def _heard(self, who: str, message: Message) -> Heard:
        if "id" in message and "method" in message:
            return Heard(message["method"], message["params"] | {"asked as": self._question(message["id"])})
        if message.get("method") == RESOLVED:
            params = message["params"]
            return Heard(RESOLVED, params | {"requestId": self._question(params["requestId"])})
        if "method" in message:
            return Heard(message["method"], message.get("params"))
        answers = self._asked[who].get(message.get("id"), str(message.get("id")))
        if "error" in message:
            return Heard(f"{answers} refused", message["error"])
        return Heard(f"{answers} answered", message["result"])


async def _join(server: AppServer, joining: Joining, version: str) -> Client:
    client = Client(await connect(server.url, compression=None, max_size=None), server.speaks)
    if joining.name is not None:
        capabilities = {"experimentalApi": joining.experimental, "optOutNotificationMethods": list(joining.opt_out)}
        who = {"name": joining.name, "title": None, "version": version}
        await client.call("initialize", clientInfo=who, capabilities=capabilities)
        await _settle(client)
        client.log.clear()
    return client


async def _settle(client: Client) -> None:
    """Wait for round trips until nothing else comes with them, unless the connection is closed.

    One is not enough: the peer sends what follows a reply from another task, which a later request may overtake.
    """
    quiet = 0
    while quiet < QUIET and client.socket.close_code is None:
        before = len(client.log)
        number = await client.post("thread/loaded/list", {"limit": 1})
        client.log.remove(await client.reply(number))
        quiet = quiet + 1 if len(client.log) == before else 0


def _holds(told: Any, wanted: Any) -> bool:
    """Whether these members are there, at any depth."""
    if isinstance(wanted, Mapping):
        return isinstance(told, Mapping) and all(key in told and _holds(told[key], wanted[key]) for key in wanted)
    return bool(told == wanted)
