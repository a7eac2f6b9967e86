"""What the TUIs of four versions say to their own servers is answered by ours as it was by those."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.peer import tapes
from tests.peer.clients import seed
from tests.peer.scenes import SCENES
from tests.peer.scripted_model import ScriptedModel
from tests.schema.checked import Schema, schema
from tests.support import codex
from tests.support.app_server import AppServer, ours, serving
from tests.support.harness import Client

pytestmark = pytest.mark.codex(*codex.VERSIONS)

TAPES = sorted(tapes.FOLDER.glob("*/*.jsonl"))

REFUSED_THERE = {"thread/turns/list", "turn/steer", "thread/readState/update"}
"""What its own server refused and ours may do: list the turns of threads without any, steer in a moment when that one
was not ready, and mark as read what a client knows: here it always names the newest revision."""

PICTURE = "data:image/png;base64,iVBORw0KGgo="


class Deck:
    """Plays one tape to one server: symbols stand for its ids. ``wrong``: what it answered otherwise than the peer."""

    def __init__(self, server: AppServer, places: dict[str, str], spoken: Schema) -> None:
        self._server, self._places, self._schema = server, places, spoken
        self._clients = dict[int, Client]()
        self._client: Client
        self._ids: dict[str, str] = {}
        self._asked: dict[tuple[int, int | str], str] = {}
        self._heard = Counter[tuple[str, str]]()
        self.wrong: list[str] = []

    async def play(self, path: Path, model: ScriptedModel) -> None:
        """Play the whole tape, or up to where the client would wait in vain."""
        steps = {"seed": self.seed, "send": self.send, "reply": self.reply, "hear": self.hear}
        for step in tapes.load(path):
            if "open" in step:
                model.open(step["open"])
                continue
            if "seed" not in step:
                await self._turn_to(step.get("at", 1))
            try:
                await next(play for name, play in steps.items() if name in step)(step)
            except TimeoutError:
                self.wrong.append(f"nothing came where a tape has {step}")
                return

    async def close(self) -> None:
        """Hang up, and complain of all notices that the version does not know."""
        for client in self._clients.values():
            for message in client.log:
                if "method" in message:
                    self.wrong += self._schema.notification(message)
            await client.close()

    async def _turn_to(self, connection: int) -> None:
        self._at = connection
        if connection not in self._clients:
            self._clients[connection] = Client(await connect(self._server.url, compression=None, max_size=None))
        self._client = self._clients[connection]

    async def seed(self, step: tapes.Step) -> None:
        self._ids[step["as"]] = await seed(self._server, *step["seed"])

    async def send(self, step: tapes.Step) -> None:
        message = self._filled(step["send"])
        if message.get("method") == "thread/readState/update":
            self._refresh(message["params"])
        if "method" in message and "id" in message:
            self._asked[self._at, message["id"]] = message["method"]
        await self._client.send_text(json.dumps(message))

    def _refresh(self, params: dict[str, Any]) -> None:
        """Name the revision that was last told of the thread, as a client that has heard it does."""
        for message in self._client.log:
            told = message.get("params") or message.get("result") or {}
            thread = told.get("threadId") or told.get("thread", {}).get("id")
            if thread == params["threadId"] and told.get("readState"):
                params["expectedRevision"] = told["readState"]["revision"]

    async def reply(self, step: tapes.Step) -> None:
        method = self._asked[self._at, step["reply"]]
        answer = await self._client.reply(step["reply"])
        if "result" in answer:
            self.wrong += self._schema.reply(method, answer["result"])
            self._learn(step, answer["result"])
            if not step["ok"] and method not in REFUSED_THERE:
                self.wrong.append(f"{method}: refused by the peer, not by ours")
        elif step["ok"]:
            self.wrong.append(f"{method}: {answer['error']['message'][:300]}")

    async def hear(self, step: tapes.Step) -> None:
        method, thread_id = step["hear"], self._ids.get(step.get("of", ""), "")
        at = self._heard[method, thread_id]
        self._heard[method, thread_id] += 1

        def meant() -> list[Any]:
            told = self._client.heard(method)
            return [params for params in told if not thread_id or params["threadId"] == thread_id]

        await self._client.find(lambda _message: len(meant()) > at)
        self._learn(step, meant()[at])

    def _learn(self, step: tapes.Step, told: Any) -> None:
        for symbol, route in step.get("learn", {}).items():
            found = told
            try:
                for key in route:
                    found = found[self._ids.get(key, key)]
            except (KeyError, IndexError, TypeError):
                self.wrong.append(f"nothing at {route} of {step.get('hear') or self._asked[self._at, step['reply']]}")
            else:
                self._ids[symbol] = found

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._filled(member) for member in value]
        if not isinstance(value, str):
            return value
        for name, place in self._places.items():
            value = value.replace(name, place)
        return self._ids.get(value, value)


@pytest.mark.parametrize("path", TAPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_what_a_tui_asks_is_answered_as_its_own_server_answers(path: Path, tmp_path: Path) -> None:
    version = path.parent.name
    home, project = tmp_path / "home", tmp_path / "project"
    project.mkdir()
    async with ScriptedModel() as model:
        codex.write_config(home, model.url, trusted=project)
        tapes.furnish(home, project)
        async with serving(ours(), home) as server:
            places = {"{home}": str(home), "{project}": str(project), "{picture}": PICTURE}
            deck = Deck(server, places, schema(version))
            await deck.play(path, model)
            await deck.close()
    if deck.wrong:
        pytest.fail("\n".join(sorted(set(deck.wrong))), pytrace=False)


def test_there_is_a_tape_of_every_scene_of_every_version() -> None:
    wanted = {(version, name) for version in codex.VERSIONS for name in SCENES if SCENES[name].known_to(version)}
    assert {(path.parent.name, path.stem) for path in TAPES} == wanted
