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
from tests.peer.scripted_model import ScriptedModel
from tests.schema.checked import Schema, schema
from tests.support import codex
from tests.support.app_server import AppServer, ours, serving
from tests.support.harness import Client

pytestmark = pytest.mark.codex(*codex.VERSIONS)

TAPES = sorted(tapes.FOLDER.glob("*/*.jsonl"))

REFUSED_THERE = {"thread/turns/list", "turn/steer"}
"""What a server of the client's own version refused and ours may do: it lists the turns of threads without any."""

PICTURE = "data:image/png;base64,iVBORw0KGgo="


class Deck:
    """Plays one tape to one server: symbols stand for its ids. ``wrong``: what it answered otherwise than the peer."""

    def __init__(self, server: AppServer, client: Client, places: dict[str, str], spoken: Schema) -> None:
        self._server, self._client, self._places, self._schema = server, client, places, spoken
        self._ids: dict[str, str] = {}
        self._asked: dict[int | str, str] = {}
        self._heard = Counter[tuple[str, str]]()
        self.wrong: list[str] = []

    async def seed(self, step: tapes.Step) -> None:
        self._ids[step["as"]] = await seed(self._server, *step["seed"])

    async def send(self, step: tapes.Step) -> None:
        message = self._filled(step["send"])
        if "method" in message and "id" in message:
            self._asked[message["id"]] = message["method"]
        await self._client.send_text(json.dumps(message))

    async def reply(self, step: tapes.Step) -> None:
        method = self._asked[step["reply"]]
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
                    found = found[key]
            except (KeyError, IndexError, TypeError):
                self.wrong.append(f"nothing at {route} of {step.get('hear') or self._asked[step['reply']]}")
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
            client = Client(await connect(server.url, compression=None, max_size=None))
            places = {"{home}": str(home), "{project}": str(project), "{picture}": PICTURE}
            deck = Deck(server, client, places, schema(version))
            for step in tapes.load(path):
                if "open" in step:
                    model.open(step["open"])
                    continue
                (play,) = (getattr(deck, name) for name in ("seed", "send", "reply", "hear") if name in step)
                await play(step)
            told = [line for message in client.log if "method" in message for line in schema(version).notification(message)]
            await client.close()
    assert sorted(set(deck.wrong + told)) == []


def test_there_is_a_tape_of_every_scene_of_every_version() -> None:
    from tests.peer.scenes import SCENES

    wanted = {(version, name) for version in codex.VERSIONS for name in SCENES if SCENES[name].known_to(version)}
    assert {(path.parent.name, path.stem) for path in TAPES} == wanted
