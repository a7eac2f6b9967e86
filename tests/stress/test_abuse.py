"""Commands of a model that do what they should not, on a server in a process of its own: the thread goes on, memory
stays bounded, and no process is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from protocol.dialects.versions import EXTENSION
from tests.benchmarks.contest import Peak
from tests.peer.scripted_model import ScriptedModel
from tests.support import codex
from tests.support.app_server import AppServer, ours, serving
from tests.support.harness import Client
from tests.support.processes import is_alive, pids_in, until

DAEMON = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.closerange(0, 256)
        os.environ.clear()
        out = os.open("{pids}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(out, b"%d\\n" % os.getpid())
        os.close(out)
        time.sleep(1000)
"""

ABUSES = {
    "a flood": "echo $$ >> {pids}; head -c 100000000 /dev/zero | tr '\\0' x",
    "a flood without an end": "echo $$ >> {pids}; exec yes 'more and more of it'",
    "no ear for signals": "trap '' TERM INT HUP; echo $$ >> {pids}; while :; do sleep 0.1; done",
    "a daemon": "echo $$ >> {pids}; {daemon}",
    "no text": "echo $$ >> {pids}; printf '\\377\\376\\000\\303\\033[2J\\000done'",
    "no output any more": "echo $$ >> {pids}; exec sleep 1000 >&- 2>&- <&-",
    "stopped": "echo $$ >> {pids}; kill -STOP $$",
}
PIDS = len(ABUSES) + 1
"""One for each, and that of the daemon."""

OUTPUT = "item/commandExecution/outputDelta"

MOST_MB = 60.0
"""By which the server may grow, though more than 100 MB go through it."""


@asynccontextmanager
async def joined(server: AppServer, *opt_out: str) -> AsyncIterator[Client]:
    client = Client(await connect(server.url, compression=None, max_size=None))
    capabilities = {
        "experimentalApi": True,
        "extensions": {EXTENSION: "0.125.0"},
        "optOutNotificationMethods": list(opt_out),
    }
    await client.call("initialize", clientInfo={"name": "test", "version": "1"}, capabilities=capabilities)
    try:
        yield client
    finally:
        await client.close()


def prompt(pids: Path) -> str:
    """All of them in one answer of the model; none is waited for to its end."""
    daemon = f"{shlex.quote(sys.executable)} -I -c {shlex.quote(DAEMON.format(pids=pids))}"
    scripts = [script.format(pids=pids, daemon=daemon) for script in ABUSES.values()]
    calls = [["exec_command", {"cmd": script, "login": False, "yield_time_ms": 250}] for script in scripts]
    return f"calls:{json.dumps([calls])}"


@pytest.mark.parametrize("end", ["archived", "stopped", "killed"])
async def test_a_thread_goes_on_and_nothing_is_left_whatever_its_commands_do(end: str, tmp_path: Path) -> None:
    home, pids = tmp_path / "home", tmp_path / "pids"
    async with ScriptedModel() as model:
        codex.write_config(home, model.url)
        async with serving(ours(), home) as server, Peak(server.pid, 10 * MOST_MB) as peak:
            thread = await _abused(server, tmp_path, prompt(pids))
            async with joined(server, OUTPUT) as client:  # it could not read as fast as two floods come
                await client.call("thread/resume", threadId=thread)
                told = await _answered(client, thread)
                begun = await pids_in(pids, PIDS)
                assert any(is_alive(pid) for pid in begun)
                assert "\x00" not in told or "done" in told
                assert (await client.run_turn(thread, "still there?"))["status"] == "completed"
                if end == "archived":
                    await client.call("thread/archive", threadId=thread)
                    await _gone(begun, tmp_path)
            if end == "killed":
                server.process.kill()
            if end == "stopped":
                server.process.terminate()
            if end != "archived":
                await server.process.wait()
                await _gone(begun, tmp_path)
    assert peak.growth < MOST_MB


async def _abused(server: AppServer, work: Path, text: str) -> str:
    """A thread whose commands have begun, left by its only client in the middle of their output."""
    async with joined(server) as client:
        free = {"cwd": str(work), "sandbox": "danger-full-access", "approvalPolicy": "never"}
        thread: str = (await client.call("thread/start", **free))["thread"]["id"]
        await client.start_turn(thread, text)
        await client.hear(OUTPUT)
        client.socket.transport.abort()
    return thread


async def _answered(client: Client, thread: str) -> str:
    """Wait for the turn that somebody else began; what its commands said."""
    async with asyncio.timeout(20):
        while True:
            read = (await client.call("thread/read", threadId=thread, includeTurns=True))["thread"]
            if read["turns"][0]["status"] == "completed":
                return "".join(item.get("aggregatedOutput") or "" for item in read["turns"][0]["items"])
            await asyncio.sleep(0.05)


async def _gone(begun: list[int], work: Path) -> None:
    await until(lambda: not any(is_alive(pid) for pid in begun))
    await until(lambda: _working_in(work) == [])


def _working_in(folder: Path) -> list[str]:
    """The processes that a command left in this folder, by what they are."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                found.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return found
