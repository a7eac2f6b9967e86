"""A turn that has ended takes no memory any more, however it ended: nobody waits for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from server.app import App
from server.engine.turn import Turn
from server.providers.scripted import ScriptedProvider
from tests.support.harness import Server, settings_for
from tests.support.model import ModelServer

CONFIG = """
model_provider = "mock"
[model_providers.mock]
name = "Mock"
base_url = "{url}"
"""


@pytest.mark.parametrize(("prompt", "status"), [("hi", "completed"), ("fail", "failed"), ("hang", "interrupted")])
async def test_a_turn_that_ended_is_gone(tmp_path: Path, prompt: str, status: str) -> None:
    async with ModelServer() as model:
        app = App(settings_for(tmp_path, config=CONFIG.format(url=model.url)))
        await app.start()
        client = await Server(app, ScriptedProvider([])).client()
        thread = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        gc.collect()
        gc.disable()
        try:
            turn = await client.start_turn(thread, prompt)
            if status == "interrupted":
                await client.hear("item/agentMessage/delta")
                await client.call("turn/interrupt", threadId=thread, turnId=turn)
            assert (await client.hear("turn/completed"))["turn"]["status"] == status
            async with asyncio.timeout(10):
                while any(isinstance(each, Turn) and each.id == turn for each in gc.get_objects()):
                    await client.settle()
        finally:
            gc.enable()
            await client.close()
            await app.stop()
