"""A client session, printed as it goes over the wire: start a thread, run a turn, then attach as a second client.

Usage: python examples/session.py [ws://127.0.0.1:8390]
Needs only the websockets library. Long messages are cut at the end, runs of deltas after the first.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

WIDTH = 150


class Session:
    """One connection that prints what it says and hears."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self.name = name
        self._socket = socket
        self._ids = itertools.count(1)
        self._last_delta = ""

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a request; print everything up to its reply, and return the result."""
        request_id = next(self._ids)
        text = json.dumps({"id": request_id, "method": method, "params": params}, separators=(",", ":"))
        self._show(">", text)
        await self._socket.send(text)
        return (await self._until(lambda message: message.get("id") == request_id))["result"]

    async def hear(self, method: str) -> Any:
        """Print everything up to this notification, and return its params."""
        return (await self._until(lambda message: message.get("method") == method))["params"]

    async def _until(self, wanted: Any) -> Any:
        while True:
            text = str(await self._socket.recv())
            message = json.loads(text)
            kind = message.get("method", "")
            if not (kind.endswith(("delta", "Delta")) and kind == self._last_delta):
                self._show("<", text)
            self._last_delta = kind
            if wanted(message):
                return message

    def _show(self, direction: str, text: str) -> None:
        cut = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
        print(f"{self.name} {direction} {cut}")


async def main(url: str) -> None:
    """Two clients, one thread."""
    async with connect(url) as first_socket, connect(url) as second_socket:
        first, second = Session("A", first_socket), Session("B", second_socket)
        await first.ask("initialize", clientInfo={"name": "first", "version": "1.0"})
        thread_id = (await first.ask("thread/start", cwd="/"))["thread"]["id"]
        await first.ask("turn/start", threadId=thread_id, input=[{"type": "text", "text": "Hello"}])
        await first.hear("turn/completed")
        await second.ask("initialize", clientInfo={"name": "second", "version": "1.0"})
        await second.ask("thread/resume", threadId=thread_id)
        await second.hear("thread/tokenUsage/updated")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8390"))
