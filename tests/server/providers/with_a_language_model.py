"""A turn with a real, very small language model over a real Responses endpoint. Run by ``make language-model``.

Its name keeps it out of all other runs: the model is 200 MB that nobody gets without asking for it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import harness, language_model
from tests.support.harness import Message, running

FOLDER = os.environ["THREADCAST_LANGUAGE_MODEL"]
"""Where its packages are installed."""

pytestmark = pytest.mark.timeout(240)

CONFIG = """
model = "smollm2"
model_provider = "local"
approval_policy = "never"
sandbox_mode = "read-only"
[model_providers.local]
name = "Local"
base_url = "{url}/v1"
wire_api = "responses"
"""


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Of the model."""
    serving = await asyncio.create_subprocess_exec(
        *(sys.executable, language_model.__file__, FOLDER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert serving.stdout is not None
    yield (await asyncio.wait_for(serving.stdout.readline(), 60)).decode().strip()
    serving.kill()
    await serving.wait()


async def test_a_real_model_streams_an_answer_and_what_it_cost(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "PATIENCE", 100.0)  # it reads some thousand tokens about tools first
    config = CONFIG.format(url=address)
    async with running(tmp_path, config=config) as server:
        client = await server.client()
        thread = (await client.call("thread/start", cwd=str(tmp_path)))["thread"]["id"]
        turn = await client.run_turn(thread, "Say hello to me in one short sentence.")
        assert turn["status"] == "completed", turn
        pieces = [each["delta"] for each in client.heard("item/agentMessage/delta")]
        assert len(pieces) > 1
        usage = await client.hear("thread/tokenUsage/updated")
        spent = usage["tokenUsage"]["last"]
        assert spent["inputTokens"] > 100
        assert 0 < spent["outputTokens"] <= language_model.LONGEST
        assert spent["totalTokens"] == spent["inputTokens"] + spent["outputTokens"]
        assert len(pieces) <= spent["outputTokens"] + 1
    async with running(tmp_path, config=config) as server:
        client = await server.client()
        await client.call("thread/resume", threadId=thread)
        again = await client.hear("thread/tokenUsage/updated")
        assert again["tokenUsage"]["total"] == usage["tokenUsage"]["total"]
        read = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]
        said: list[Message] = [item for item in read["turns"][0]["items"] if item["type"] == "agentMessage"]
        assert said[-1]["text"] == "".join(pieces)
        print(said[-1]["text"], spent)  # noqa: T201
