"""The program in docs/BROWSER.md does what it says, as it stands there, in node as in a browser."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from server.providers.scripted import completed, message
from tests.support.harness import running

TOKEN = "correct-horse-battery-staple"

AROUND = """
import { follow } from "./follow.mjs";
const [origin, token, threadId] = process.argv.slice(2);
const told = [];
const { socket, call, thread } = await follow({ origin, token, threadId, show: (method, params) => {
  told.push(method);
  if (method !== "turn/completed") return;
  console.log(JSON.stringify({ turns: thread.turns.length, told }));
  socket.close();
} });
await call("turn/start", { threadId, input: [{ type: "text", text: "again" }] });
"""


@pytest.mark.typescript
async def test_the_program_for_pages_attaches_and_follows(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs/BROWSER.md").read_text()
    (program,) = re.findall(r"```js\n(.*?)```", text, re.S)
    assert len(program.splitlines()) <= 36
    (tmp_path / "follow.mjs").write_text(program)
    (tmp_path / "around.mjs").write_text(AROUND)
    (tmp_path / "tokens").write_text(f"{TOKEN}\n")
    flags: dict[str, str | None] = {"ws-auth": "capability-token", "ws-token-file": str(tmp_path / "tokens")}
    script = [[message("fine", deltas=["fi", "ne"]), completed()] for _ in range(2)]
    node = shutil.which("node")
    assert node is not None
    async with running(tmp_path / "home", *script, flags=flags) as server:  # type: ignore[arg-type]
        author = await server.client(additional_headers={"Authorization": f"Bearer {TOKEN}"})
        thread_id = (await author.call("thread/start"))["thread"]["id"]
        await author.run_turn(thread_id, "hello")
        command = [node, "--experimental-websocket", "around.mjs", server.http, TOKEN, thread_id]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=pipe, stderr=pipe)
        try:
            async with asyncio.timeout(30):
                out, wrong = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, wrong.decode()
    heard = json.loads(out)
    assert heard["turns"] == 1
    assert heard["told"].index("thread/tokenUsage/updated") < heard["told"].index("turn/started")
    assert heard["told"].count("item/agentMessage/delta") > 0
