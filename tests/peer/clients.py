"""Clients of servers in other processes, ours and released ones alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from protocol.dialects.versions import EXTENSION
from tests.support import codex
from tests.support.app_server import AppServer
from tests.support.harness import Client


@asynccontextmanager
async def attached(server: AppServer, name: str = "test", *, version: str = codex.REFERENCE) -> AsyncIterator[Client]:
    """A connection after its handshake, with an empty log, until the end of the block. ``version``: whom it is like."""
    client = Client(await connect(server.url, compression=None, max_size=None), server.speaks)
    try:
        await client.call(
            "initialize",
            clientInfo={"name": name, "title": None, "version": "1.0"},
            capabilities={"experimentalApi": True, "extensions": {EXTENSION: version}},
        )
        client.log.clear()
        yield client
    finally:
        await client.close()


async def seed(server: AppServer, *prompts: str) -> str:
    """A new thread with a turn for each of these; returns its id."""
    async with attached(server) as client:
        started = await client.call("thread/start", cwd=str(server.home))
        thread_id: str = started["thread"]["id"]
        for prompt in prompts:
            await client.run_turn(thread_id, prompt)
    return thread_id


def rollout_of(home: Path, thread_id: str = "") -> Path:
    """The file of this thread, or of the only one there is."""
    (path,) = home.glob(f"sessions/*/*/*/rollout-*{thread_id}.jsonl")
    return path
