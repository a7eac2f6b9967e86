"""Records what each stock TUI and the app-server of its own version say to each other, for ``test_recordings``.

``python -m tests.peer.record [VERSION…]`` writes ``recordings/VERSION/SCENE.jsonl`` anew. Needs the released binaries.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peer import tapes
from tests.peer.clients import seed
from tests.peer.scenes import SCENES
from tests.peer.scripted_model import ScriptedModel
from tests.peer.tmux import PATIENCE, Terminal, Tmux, terminals
from tests.peer.wiretap import Said, Wiretap, tapped
from tests.support import codex
from tests.support.app_server import AppServer, released, serving

QUIET = 1.0
"""Seconds without a message after which a scene is over."""


@dataclass
class Stage:
    """What a scene is played on: the server's folders, the model, the terminals and what was said so far."""

    version: str
    server: AppServer
    tap: Wiretap
    tmux: Tmux
    model: ScriptedModel
    project: Path
    seeded: list[tapes.Step] = field(default_factory=list)
    gates: list[tuple[int, str]] = field(default_factory=list)

    async def seed(self, *prompts: str) -> str:
        """A thread that is there before the client; returns its id."""
        thread_id = await seed(self.server, *prompts)
        self.seeded.append({"seed": list(prompts), "id": thread_id})
        return thread_id

    async def codex(self, *arguments: str) -> Terminal:
        """The TUI on the tapped server. ``{url}`` in an argument is its address."""
        given = [argument.format(url=self.tap.url) for argument in arguments]
        return await self.tmux.codex("scene", *given, version=self.version)

    async def said(self, method: str, count: int = 1) -> None:
        """Wait until the client has sent this method so often, and has its answer."""
        await self._until(lambda: self._answered(method) >= count, f"had an answer to {method}")

    async def told(self, method: str) -> None:
        """Wait until the server has told this."""
        await self._until(lambda: any(said.message.get("method") == method for said in self.tap.log), f"heard {method}")

    async def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.version} never {what}")
            await asyncio.sleep(0.05)

    def _answered(self, method: str) -> int:
        asked = {
            said.message["id"] for said in self.tap.log if said.message.get("method") == method and "id" in said.message
        }
        return len(asked & {said.message.get("id") for said in self.tap.log if said.by == "server"})

    def open(self, gate: str) -> None:
        """Let the model go on; in the tape right after the last answer, for newer servers end what is steered."""
        said = enumerate(self.tap.log, 1)
        after = max(at for at, each in said if each.by == "server" and "method" not in each.message)
        self.gates.append((after, gate))
        self.model.open(gate)

    async def quiet(self) -> None:
        """Wait until nobody has said anything for a while."""
        count, since = len(self.tap.log), time.monotonic()
        while time.monotonic() - since < QUIET:
            await asyncio.sleep(0.1)
            if len(self.tap.log) != count:
                count, since = len(self.tap.log), time.monotonic()

    def tape(self) -> list[tapes.Step]:
        """What was said on the first connection with a thread in it, compact."""
        places = {str(self.project): "{project}", str(self.server.home): "{home}"}
        log: list[Said | str] = list(self.tap.log)
        for at, gate in reversed(self.gates):
            log.insert(at, gate)
        return tapes.compact(log, places, self.seeded)


@asynccontextmanager
async def stage(version: str) -> AsyncIterator[Stage]:
    """A new stage, with the server of this version, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        home, mine, project = (Path(folder) / name for name in ("home", "mine", "project"))
        project.mkdir()
        async with ScriptedModel() as model:
            codex.write_config(home, model.url, trusted=project)
            codex.write_config(mine, "http://127.0.0.1:9/v1", trusted=project)
            tapes.furnish(home, project)
            async with (
                serving(released(version), home) as server,
                tapped(server.url) as tap,
                terminals(mine, project) as tmux,
            ):
                yield Stage(version, server, tap, tmux, model, project)


async def record(version: str, name: str) -> None:
    """Play one scene and write its tape."""
    async with stage(version) as it:
        await SCENES[name].play(it)
        await it.quiet()
        tapes.save(tapes.FOLDER / version / f"{name}.jsonl", it.tape())


async def _main(versions: list[str], names: list[str]) -> None:
    for version in versions:
        for name, scene in SCENES.items():
            if scene.known_to(version) and (not names or name in names):
                print(version, name, flush=True)  # noqa: T201
                await record(version, name)


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(
        _main(
            [one for one in given if one[0].isdigit()] or list(codex.VERSIONS),
            [one for one in given if not one[0].isdigit()],
        )
    )
