"""The real process: banner, exit codes, signals, and what is on disk and on the wire when it ends."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from server.version import VERSION
from tests.support.harness import PATIENCE, Client, Message
from tests.support.rollouts import plain

ROOT = Path(__file__).resolve().parents[2]
HELLO = {"clientInfo": {"name": "test", "version": "1.0"}}
SLOW = "deltas:1000000:1:20"
BRIEF = "deltas:20:5:20"


def environment(home: Path) -> dict[str, str]:
    """What the server sees: no settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("THREADCAST_", "OPENAI_"))}
    return kept | {"CODEX_HOME": str(home), "PYTHONPATH": str(ROOT)}


def command(*flags: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "server",
        "serve",
        *(() if "--listen" in flags else ("--listen", "ws://127.0.0.1:0")),
        *flags,
    ]


class Process:
    """A running server and what it said on standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self._clients: list[Client] = []

    async def line(self, wanted: str) -> str:
        """The next line of standard error that holds this."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while raw := await self.process.stderr.readline():
                self.said.append(raw.decode())
                if wanted in self.said[-1]:
                    return self.said[-1]
        raise AssertionError(f"ended without saying {wanted!r}: {''.join(self.said)}")

    async def client(self) -> Client:
        """A client after its handshake."""
        client = Client(await connect(self.url, compression=None))
        self._clients.append(client)
        await client.call("initialize", **HELLO)
        client.log.clear()
        return client

    @property
    def url(self) -> str:
        """Where it listens."""
        found = re.search(r"ws://[^\s]+", "".join(self.said))
        assert found is not None
        return found[0]

    async def ended(self) -> int:
        """Its exit status. Reads standard error to its end."""
        async with asyncio.timeout(PATIENCE):
            _, rest = await self.process.communicate()
        self.said.append(rest.decode())
        assert self.process.returncode is not None
        return self.process.returncode

    async def leave(self) -> None:
        for client in self._clients:
            await client.close()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.communicate()


@asynccontextmanager
async def serving(home: Path, *flags: str) -> AsyncIterator[Process]:
    """A server in a process of its own, listening."""
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        *command(*flags), cwd=ROOT, env=environment(home), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    server = Process(started)
    try:
        await server.line("note")
        yield server
    finally:
        await server.leave()


async def in_mid_turn(server: Process, client: Client, text: str) -> tuple[str, str]:
    """A thread and its turn, which has begun to answer."""
    thread: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
    turn_id = await client.start_turn(thread, text)
    await client.hear("item/agentMessage/delta")
    return thread, turn_id


def lines_of(home: Path) -> list[Message]:
    """Every line of the only rollout; each is whole."""
    (path,) = home.rglob("rollout-*.jsonl")
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def last_event(home: Path) -> Message:
    payload: Message = lines_of(home)[-1]["payload"]
    return payload


async def test_the_banner_says_where_it_listens_and_what_it_serves(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        banner = "".join(server.said)
        assert banner.startswith(f"threadcast {VERSION}\n")
        assert not server.url.endswith(":0")
        assert server.url.replace("ws:", "http:") + "/healthz" in banner
        assert str(tmp_path) in banner
        assert "(offline)" in banner
        client = await server.client()
        assert (await client.call("thread/loaded/list"))["data"] == []
        server.process.terminate()
        assert await server.ended() == 0
        assert server.process.stdout is not None
        assert await server.process.stdout.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_an_idle_server_in_order_and_tells_its_clients_to_come_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    rollout = plain(tmp_path)
    before = rollout.path.read_bytes()
    async with serving(tmp_path) as server:
        client, silent = await server.client(), Client(await connect(server.url))
        await client.call("thread/resume", threadId=rollout.thread_id)
        server.process.send_signal(number)
        assert await client.closed() == (1001, "the server is shutting down")
        assert await silent.closed() == (1001, "the server is shutting down")
        assert await server.ended() == 0
        await silent.close()
        assert "thread/closed" not in client.methods()
    assert rollout.path.read_bytes() == before


async def test_a_running_turn_is_let_end_and_no_other_begins(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_turn(server, client, BRIEF)
        idle: str = (await client.call("thread/start", cwd="/"))["thread"]["id"]
        server.process.terminate()
        await server.line("draining")
        content = [{"type": "text", "text": "Too late"}]
        refused = await client.reply(await client.post("turn/start", threadId=idle, input=content))
        assert refused["error"]["code"] == -32600
        assert "shutting down" in refused["error"]["message"]
        ended = (await client.hear("turn/completed"))["turn"]
        assert (ended["id"], ended["status"]) == (turn_id, "completed")
        assert (await client.closed())[0] == 1001
        assert await server.ended() == 0
    assert last_event(tmp_path)["type"] == "task_complete"
    assert lines_of(tmp_path)[0]["payload"]["id"] == thread


async def test_a_turn_that_does_not_end_in_time_is_interrupted(tmp_path: Path) -> None:
    async with serving(tmp_path, "--drain-seconds", "0.1") as server:
        client = await server.client()
        _, turn_id = await in_mid_turn(server, client, SLOW)
        server.process.terminate()
        ended = (await client.hear("turn/completed"))["turn"]
        assert (ended["id"], ended["status"]) == (turn_id, "interrupted")
        assert (await client.closed())[0] == 1001
        assert await server.ended() == 0
    assert last_event(tmp_path)["type"] == "turn_aborted"


async def test_its_event_loop_too_answers_an_interrupt_before_the_thread_hears_of_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        client, other = await server.client(), await server.client()
        thread, turn_id = await in_mid_turn(server, client, SLOW)
        asked = {"threadId": thread, "turnId": turn_id}
        numbers = [await each.post("turn/interrupt", asked) for each in (client, client, other)]
        answers = [await client.reply(numbers[0]), await client.reply(numbers[1]), await other.reply(numbers[2])]
        assert [answer.get("result") for answer in answers] == [{}, {}, {}]
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
        ended = client.methods().index("turn/completed")
        assert client.log[ended - 2] == answers[0]
        assert client.methods()[ended - 1] == "thread/status/changed"


async def test_a_second_signal_ends_it_at_once_and_the_rollout_is_whole(tmp_path: Path) -> None:
    async with serving(tmp_path, "--drain-seconds", "3600") as server:
        client = await server.client()
        _, turn_id = await in_mid_turn(server, client, SLOW)
        server.process.terminate()
        await server.line("draining")
        await client.hear("item/agentMessage/delta")
        server.process.terminate()
        assert (await client.hear("turn/completed"))["turn"]["status"] == "interrupted"
        assert (await client.closed())[0] == 1001
        assert await server.ended() == 0
    assert last_event(tmp_path) | {"type": "turn_aborted", "turn_id": turn_id} == last_event(tmp_path)


async def test_a_killed_server_leaves_a_rollout_that_the_next_one_can_go_on_with(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        client = await server.client()
        thread, turn_id = await in_mid_turn(server, client, SLOW)
        server.process.kill()
        await client.closed()
    assert lines_of(tmp_path)
    async with serving(tmp_path) as server:
        client = await server.client()
        turns = (await client.call("thread/resume", threadId=thread))["thread"]["turns"]
        assert [(turn["id"], turn["status"]) for turn in turns] == [(turn_id, "interrupted")]
        assert (await client.run_turn(thread, "Again"))["status"] == "completed"


def run(arguments: Sequence[str], home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(
        whole, cwd=ROOT, env=environment(home) | more, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


BAD_FLAGS: list[tuple[list[str], int, str]] = [
    ([], 2, "required"),
    (["fly"], 2, "invalid choice"),
    (["serve", "--no-such"], 2, "unrecognized arguments"),
    (["serve", "--listen"], 2, "expected one argument"),
    (["serve", "--listen", "ws://localhost:1"], 1, "cannot listen on `ws://localhost:1`"),
    (["serve", "--listen", "stdio:"], 1, "cannot listen on `stdio:`"),
    (["serve", "--listen", "stdio://", "--listen", "stdio://"], 1, "`stdio://` is listed twice"),
    (["serve", "--session-source", "x"], 2, "unrecognized arguments"),
    (["app-server", "--listen", "off"], 1, "cannot listen on `off`"),
    (["serve", "--listen", "ws://127.0.0.1:99999"], 1, "cannot listen on"),
    (["serve", "--drain-seconds", "soon"], 1, "`soon` is not a number from 0 on, as --drain-seconds needs it"),
    (["serve", "--drain-seconds", "-1"], 1, "`-1` is not a number from 0 on"),
    (["serve", "--log-level", "loud"], 1, "choose from debug, info, warning, error"),
    (["serve", "--ws-auth", "password"], 1, "`password` is not a choice for --ws-auth"),
    (["serve", "--ws-auth", "capability-token"], 1, "is required when"),
    (["serve", "--ws-token-sha256", "ab"], 1, "require `--ws-auth capability-token`"),
    (["serve", "--ws-auth", "capability-token", "--ws-token-sha256", "ab"], 1, "64-character hex"),
    (["serve", "--ws-auth", "capability-token", "--ws-token-file", "/no/such"], 1, "failed to read"),
    (["serve", "-c", "model"], 1, "needs the form key=value"),
    (["serve", "-c", "approval_policy=sometimes"], 1, "`approval_policy`"),
    (["serve", "--listen", "ws://0.0.0.0:0"], 1, "without authentication"),
    (["serve", "--listen", "ws://[::]:0"], 1, "without authentication"),
]


@pytest.mark.parametrize(("arguments", "status", "complaint"), BAD_FLAGS)
def test_bad_usage_is_one_clear_error_and_a_status(
    tmp_path: Path, arguments: list[str], status: int, complaint: str
) -> None:
    ran = run(arguments, tmp_path)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert complaint in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


async def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        ran = await asyncio.to_thread(run, ["serve", "--listen", server.url], tmp_path)
        assert ran.returncode == 1
        assert ran.stderr.startswith("threadcast: ")
        assert "in use" in ran.stderr


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = run(["serve", "--listen", "ws://127.0.0.1:0"], tmp_path / "file" / "home")
    assert ran.returncode == 1
    assert ran.stderr.startswith("threadcast: ")
    assert str(tmp_path / "file") in ran.stderr


async def test_beyond_this_machine_it_serves_with_a_token_or_with_a_flag_that_says_what_it_does(tmp_path: Path) -> None:
    async with serving(tmp_path, "--listen", "ws://0.0.0.0:0", "--insecure-no-auth") as server:
        assert "anyone who reaches this address may run turns" in await server.line("warning")
        server.process.terminate()
        assert await server.ended() == 0
    async with serving(
        tmp_path, "--listen", "ws://0.0.0.0:0", "--ws-auth", "capability-token", "--ws-token-sha256", "0" * 64
    ) as server:
        server.process.terminate()
        assert await server.ended() == 0


@pytest.mark.parametrize(
    ("flag", "answer"), [("--version", f"threadcast {VERSION}\n"), ("--help", "usage: threadcast")]
)
def test_it_says_what_it_is(tmp_path: Path, flag: str, answer: str) -> None:
    ran = run([flag], tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(answer)


def test_settings_may_stand_in_the_environment(tmp_path: Path) -> None:
    ran = run(["serve"], tmp_path, THREADCAST_LISTEN="ws://0.0.0.0:0")
    assert (ran.returncode, "without authentication" in ran.stderr) == (1, True)


async def test_json_logs_are_one_object_a_line(tmp_path: Path) -> None:
    async with serving(tmp_path, "--log-format", "json") as server:
        await server.client()
        connected = json.loads(await server.line("connected"))
        assert connected["event"] == "connected"
        assert connected["level"] == "info"
