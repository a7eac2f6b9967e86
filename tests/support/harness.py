"""A real server and real clients, so that a conversation test reads in the order in which it happens.

Every wait is bounded. ``Client.settle()`` is the way to show that something did *not* arrive: a round trip, after
which everything that was sent to this client before has been received.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from protocol.dialects.versions import EXTENSION, V0_125, Version
from server.app import App
from server.config import Config
from server.providers.scripted import Response, ScriptedProvider
from tests.schema.witness import Witness

PATIENCE = 10.0
"""Seconds that any wait may take."""

CONFIG = """
model = "test-model"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "read-only"
[model_providers.scripted]
name = "Scripted"
base_url = "http://127.0.0.1:9/v1"
"""

Message = dict[str, Any]


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data = error.get("data")


class Client:
    """One connection. ``log`` holds every message received, in order; each is held against its schema.

    ``speaks``: the version of the server, where that is a released one, whatever the client declares.
    """

    def __init__(self, socket: ClientConnection, speaks: str | None = None) -> None:
        self.socket = socket
        self._witness = Witness(speaks)
        self.log: list[Message] = []
        self.read_up_to = 0
        self._ids = itertools.count(1)
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                self._witness.received(message)
                async with self._news:
                    self.log.append(message)
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        async with self._news:
            self._news.notify_all()

    # -- asking ------------------------------------------------------------------------------------------------------

    async def post(self, method: str, params: Any = None, **members: Any) -> int:
        """Send a request and do not wait; returns its id."""
        request_id = next(self._ids)
        await self.send_text(json.dumps({"id": request_id, "method": method, "params": params or members}))
        return request_id

    async def reply(self, request_id: int | str | None) -> Message:
        """The reply with this id, result or error, as it came."""
        return await self.find(lambda m: "method" not in m and m.get("id") == request_id)

    async def call(self, method: str, **params: Any) -> Any:
        """Ask and wait for the result. Raises Refused."""
        answer = await self.reply(await self.post(method, params))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    async def send_text(self, text: str | bytes) -> None:
        """Send one raw frame."""
        self._witness.sent(text)
        await self.socket.send(text)

    # -- hearing -----------------------------------------------------------------------------------------------------

    async def find(self, wanted: Callable[[Message], bool]) -> Message:
        """The first message of the whole log that is wanted, now or later."""
        return self.log[await self._index(wanted, 0)]

    async def hear(self, method: str, **params: Any) -> Message:
        """The params of the next notification of this method, after the last one heard, whose params hold these."""

        def wanted(message: Message) -> bool:
            told = message.get("params") or {}
            return message.get("method") == method and all(told.get(key) == value for key, value in params.items())

        at = await self._index(wanted, self.read_up_to)
        self.read_up_to = at + 1
        heard: Message = self.log[at]["params"]
        return heard

    async def asked(self, method: str) -> Message:
        """The next question of this method, after the last thing heard."""
        at = await self._index(lambda m: m.get("method") == method and "id" in m, self.read_up_to)
        self.read_up_to = at + 1
        return self.log[at]

    async def answer(self, question: Message, **result: Any) -> None:
        """Answer a question."""
        await self.send_text(json.dumps({"id": question["id"], "result": result}))

    def heard(self, method: str) -> list[Message]:
        """The params of every notification of this method so far."""
        return [message["params"] for message in self.log if message.get("method") == method]

    def methods(self, since: int = 0) -> list[str]:
        """What came, in order: methods of notifications, ``reply`` and ``error`` for answers."""
        return [m.get("method") or ("error" if "error" in m else "reply") for m in self.log[since:]]

    async def settle(self) -> None:
        """Return when everything sent to this client before now has arrived. Its own traces are not logged."""
        request_id = await self.post("thread/loaded/list", {"limit": 1})
        answer = await self.reply(request_id)
        self.log.remove(answer)

    async def _index(self, wanted: Callable[[Message], bool], start: int) -> int:
        async with asyncio.timeout(PATIENCE), self._news:
            while True:
                for at in range(start, len(self.log)):
                    if wanted(self.log[at]):
                        return at
                if self._reader.done():
                    raise ConnectionError(f"closed with {self.socket.close_code} {self.socket.close_reason}")
                await self._news.wait()

    # -- turns -------------------------------------------------------------------------------------------------------

    async def start_turn(self, thread_id: str, text: str) -> str:
        """Begin a turn; returns its id."""
        content = [{"type": "text", "text": text}]
        result = await self.call("turn/start", threadId=thread_id, input=content)
        turn_id: str = result["turn"]["id"]
        return turn_id

    async def run_turn(self, thread_id: str, text: str) -> Message:
        """Run a turn to its end; returns the turn as ``turn/completed`` tells it."""
        turn_id = await self.start_turn(thread_id, text)
        told = await self.find(lambda m: m.get("method") == "turn/completed" and m["params"]["turn"]["id"] == turn_id)
        turn: Message = told["params"]["turn"]
        return turn

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end of the connection; its close code and reason."""
        async with asyncio.timeout(PATIENCE):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    async def close(self) -> None:
        """Hang up."""
        await self.socket.close()
        await self._reader


class Server:
    """A server in this process, on a port of its own, with a scripted model."""

    dialect = V0_125
    """What its clients speak if a test says nothing else; conversations are held in every version."""

    def __init__(self, app: App, provider: ScriptedProvider) -> None:
        self.app = app
        self.provider = provider
        self._clients: list[Client] = []

    @property
    def home(self) -> Path:
        """Its CODEX_HOME."""
        return self.app.config.codex_home

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.app.listener.port}"

    @property
    def http(self) -> str:
        """The same address for HTTP."""
        return self.url.replace("ws:", "http:")

    async def connect(self, **options: Any) -> Client:
        """A connection before its handshake."""
        client = Client(await connect(self.url, compression=None, max_size=None, **options))
        self._clients.append(client)
        return client

    async def client(
        self,
        name: str = "test",
        *,
        version: Version | None = None,
        experimental: bool = True,
        opt_out: Sequence[str] = (),
        extensions: Message | None = None,
        **options: Any,
    ) -> Client:
        """A connection after its handshake, with an empty log, that speaks this version."""
        client = await self.connect(**options)
        capabilities = {
            "experimentalApi": experimental,
            "optOutNotificationMethods": list(opt_out),
            "extensions": {EXTENSION: f"{version or self.dialect}.0"} | (extensions or {}),
        }
        hello = {"clientInfo": {"name": name, "version": "1.0"}, "capabilities": capabilities}
        await client.call("initialize", **hello)
        client.log.clear()
        return client

    async def hang_up(self) -> None:
        """Close all clients."""
        for client in self._clients:
            await client.close()
        self._clients.clear()


def settings_for(home: Path, flags: dict[str, str | None] | None = None, config: str = CONFIG) -> Config:
    """Settings of a test server on this CODEX_HOME."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(config)
    given = {"codex-home": str(home), "listen": "ws://127.0.0.1:0", "ping-interval": "0"} | (flags or {})
    return Config.load(given, {})


@asynccontextmanager
async def running(
    home: Path, *script: Response, flags: dict[str, str | None] | None = None, config: str = CONFIG
) -> AsyncIterator[Server]:
    """A server on this CODEX_HOME, until the end of the block. Entered again on the same folder: a restart."""
    provider = ScriptedProvider(script)
    app = App(settings_for(home, flags, config), {"scripted": provider})
    server = Server(app, provider)
    await app.start()
    try:
        yield server
    finally:
        await server.hang_up()
        await app.stop()
