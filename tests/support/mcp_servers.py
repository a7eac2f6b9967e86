"""Real MCP servers for tests: below this server as commands, and over HTTP in this process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from protocol.elicitation import (
    FormElicitation,
    McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse,
)
from protocol.mcp import StartupState
from server.mcp.connection import Place
from server.mcp.servers import Reread, Servers
from server.mcp.settings import Configured, read_servers
from tests.support.mcp_server import server

ROOT = Path(__file__).parents[2]
THREAD = "01990000-0000-7000-8000-000000000001"


def command(folder: Path, mode: str = "", **more: Any) -> dict[str, Any]:
    """The configuration of the test server as a command; its ``pids`` and ``news`` are files in this folder."""
    env = {"PYTHONPATH": str(ROOT), "PIDS": str(folder / "pids"), "NEWS": str(folder / "news"), "MODE": mode}
    return {"command": sys.executable, "args": ["-m", "tests.support.mcp_server"], "env": env} | more


def raw(program: str, **more: Any) -> dict[str, Any]:
    """The configuration of a server that is this Python program."""
    return {"command": sys.executable, "args": ["-c", program]} | more


class User:
    """Answers what servers ask, and remembers it. ``gate``, if there is one, must be open first."""

    def __init__(self, action: Any = "accept", content: Any = None) -> None:
        self.answer = McpServerElicitationRequestResponse(action=action, content=content)
        self.asked: list[McpServerElicitationRequestParams] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, question: McpServerElicitationRequestParams) -> McpServerElicitationRequestResponse:
        self.asked.append(question)
        if self.gate is not None:
            await self.gate.wait()
        return self.answer

    @property
    def form(self) -> FormElicitation:
        """The last question, a form."""
        assert isinstance(self.asked[-1], FormElicitation)
        return self.asked[-1]


class Running:
    """Servers of a thread, and what was told of their start."""

    def __init__(
        self, tables: dict[str, dict[str, Any]], cwd: Path, user: User | None = None, reread: Reread | None = None
    ) -> None:
        self.user = user or User()
        self.news: list[tuple[str, StartupState, str | None]] = []
        place = Place(thread_id=THREAD, cwd=str(cwd), environ={"PATH": "/usr/bin:/bin", "SECRET_KEY": "s", "TOLD": "t"})
        self.configured: Configured = read_servers(tables)
        self.servers = Servers(place, self.configured, self.user, lambda *news: self.news.append(news), reread)

    def states(self, name: str) -> list[StartupState]:
        """What was told of one server, in order."""
        return [state for of, state, _ in self.news if of == name]


@asynccontextmanager
async def running(
    tables: dict[str, dict[str, Any]], cwd: Path, user: User | None = None, reread: Reread | None = None
) -> AsyncIterator[Running]:
    """Servers of a thread, started; stopped at the end of the block."""
    made = Running(tables, cwd, user, reread)
    made.servers.start()
    try:
        yield made
    finally:
        await made.servers.close()


class Web(uvicorn.Server):
    """The test server over HTTP. ``said`` holds the headers of each request."""

    def __init__(self, token: str | None = None) -> None:
        self.said: list[dict[str, str]] = []
        self._inner = server.streamable_http_app()
        self._token = token
        self._forgotten = set[str]()
        super().__init__(uvicorn.Config(self._answer, port=0, log_level="critical", ws="none", interface="asgi3"))

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if (status := self._refusal(scope)) is None:
            await self._inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _refusal(self, scope: Any) -> int | None:
        if scope["type"] != "http":
            return None
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.said.append(headers)
        if self._token is not None and headers.get("authorization") != f"Bearer {self._token}":
            return 401
        return 404 if headers.get("mcp-session-id") in self._forgotten else None

    def forget(self) -> None:
        """Know nothing any more of the sessions there are."""
        self._forgotten |= {said["mcp-session-id"] for said in self.said if "mcp-session-id" in said}

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}/mcp"


@asynccontextmanager
async def web(token: str | None = None) -> AsyncIterator[Web]:
    """The test server over HTTP, until the end of the block."""
    served = Web(token)
    task = asyncio.create_task(served.serve())
    async with asyncio.timeout(10):
        while not served.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield served
    finally:
        served.should_exit = True
        served.force_exit = True
        await task
