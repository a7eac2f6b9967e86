"""What has ended takes no memory any more: turns, threads that left it, connections. Nobody waits for the collector,
which does not look at what was there when something large was loaded."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from server.app import App
from server.engine.turn import Turn
from server.providers.scripted import Response, ScriptedProvider, completed, function_call, message
from tests.support.harness import Server, running, settings_for
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


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_thread_that_left_memory_and_its_clients_are_gone(tmp_path: Path, resumed: bool) -> None:
    called = function_call("exec_command", '{"cmd": "echo hi", "login": false}')
    answers: list[Response] = [[*called, completed()], [message("x"), completed()]]
    async with running(tmp_path, *answers, *answers) as server:
        app = server.app
        app.loaded._idle_seconds = 0.0
        assert app._indexing is not None
        await asyncio.wait({app._indexing})
        author = await server.client()
        thread = (await author.call("thread/start", cwd=str(tmp_path)))["thread"]["id"]
        gc.disable()
        try:
            if resumed:
                await author.run_turn(thread, "hi")
                await author.call("thread/unsubscribe", threadId=thread)
            guest = await server.client()
            if resumed:
                await guest.call("thread/resume", threadId=thread)
            await (guest if resumed else author).run_turn(thread, "again")
            connections = [weakref.ref(each) for each in app.subscriptions.everybody()]
            left: list[weakref.ref[Any]] = [weakref.ref(app.loaded.require(thread)), connections[-1]]
            await guest.close()
            await author.call("thread/unsubscribe", threadId=thread)
            async with asyncio.timeout(10):
                while any(each() is not None for each in left):
                    await author.settle()
        finally:
            gc.enable()
