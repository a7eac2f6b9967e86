"""A client runs commands on the server's machine: it alone hears of them, and they end with it."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.dialects.versions import V0_125, V0_147, V0_166, Version
from tests.support.harness import CONFIG, Client, Message, Refused, Server, running
from tests.support.processes import is_alive, pids_in, until

FREE: Message = {"type": "dangerFullAccess"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as server:
        yield server


async def sh(client: Client, script: str, **params: Any) -> Message:
    result: Message = await client.call("command/exec", command=["sh", "-c", script], sandboxPolicy=FREE, **params)
    return result


async def begin(client: Client, script: str, name: str = "p", **params: Any) -> int:
    return await client.post(
        "command/exec", {"command": ["sh", "-c", script], "sandboxPolicy": FREE, "processId": name, **params}
    )


def heard(client: Client, name: str = "p", stream: str = "stdout", method: str = "command/exec/outputDelta") -> bytes:
    key = "processId" if method.startswith("command") else "processHandle"
    told = [each for each in client.heard(method) if (each[key], each["stream"]) == (name, stream)]
    return b"".join(base64.b64decode(each["deltaBase64"]) for each in told)


async def hear_output(client: Client, text: bytes, name: str = "p") -> None:
    async with asyncio.timeout(10):
        while text not in heard(client, name):
            await client.settle()


async def test_a_command_runs_to_its_end(server: Server) -> None:
    client = await server.client()
    assert await sh(client, "echo out; echo err >&2; exit 3") == {"exitCode": 3, "stdout": "out\n", "stderr": "err\n"}


async def test_a_signal_is_told_as_each_version_tells_it(server: Server, dialect: Version) -> None:
    client = await server.client()
    assert (await sh(client, "kill -9 $$"))["exitCode"] == (-1 if dialect == V0_125 else 137)


async def test_output_comes_as_it_is_said_and_before_the_end(server: Server) -> None:
    client, other = await server.client(), await server.client()
    asked = await begin(
        client, r"printf 'a\377\000'; echo err >&2; cat; exit 7", streamStdin=True, streamStdoutStderr=True
    )
    await hear_output(client, b"a\xff\0")
    text = base64.b64encode(b"typed\n").decode()
    assert await client.call("command/exec/write", processId="p", deltaBase64=text, closeStdin=True) == {}
    answer = await client.reply(asked)
    assert answer["result"] == {"exitCode": 7, "stdout": "", "stderr": ""}
    assert heard(client) == b"a\xff\0typed\n"
    assert heard(client, stream="stderr") == b"err\n"
    assert client.log[-1] == answer
    await other.settle()
    assert other.log == []


async def test_a_terminal_can_be_typed_into_and_resized(server: Server) -> None:
    client = await server.client()
    asked = await begin(client, "stty size; read x; stty size; echo got $x", tty=True, size={"rows": 11, "cols": 22})
    await hear_output(client, b"11 22")
    await client.call("command/exec/resize", processId="p", size={"rows": 33, "cols": 44})
    await client.call("command/exec/write", processId="p", deltaBase64=base64.b64encode(b"yes\n").decode())
    assert (await client.reply(asked))["result"]["exitCode"] == 0
    assert b"33 44\r\ngot yes\r\n" in heard(client)


async def test_output_has_a_cap(server: Server) -> None:
    client = await server.client()
    assert (await sh(client, "printf 1234567890", outputBytesCap=4))["stdout"] == "1234"
    assert len((await sh(client, "head -c 3000000 /dev/zero | tr '\\0' x"))["stdout"]) == 1 << 20
    asked = await begin(
        client, "printf 12345; sleep 0.1; printf 67890; printf abc", outputBytesCap=7, streamStdoutStderr=True
    )
    await client.reply(asked)
    assert heard(client) == b"1234567"
    assert [each["capReached"] for each in client.heard("command/exec/outputDelta")] == [False, True]


async def test_a_flood_is_told_at_the_pace_of_the_client(server: Server) -> None:
    client = await server.client()
    asked = await begin(client, "head -c 30000000 /dev/zero", streamStdoutStderr=True, disableOutputCap=True)
    assert (await client.reply(asked))["result"]["exitCode"] == 0
    assert len(heard(client)) == 30_000_000


async def test_a_command_that_takes_too_long_is_ended(server: Server) -> None:
    client = await server.client()
    result = await sh(client, "echo before; sleep 60; echo after", timeoutMs=200)
    assert result == {"exitCode": 124, "stdout": "before\n", "stderr": ""}


async def test_a_command_can_be_terminated_before_it_has_begun(server: Server, dialect: Version) -> None:
    client = await server.client()
    asked = await begin(client, "sleep 60")
    assert await client.call("command/exec/terminate", processId="p") == {}
    assert (await client.reply(asked))["result"]["exitCode"] == (-1 if dialect == V0_125 else 137)
    with pytest.raises(Refused, match='no active command/exec for process id "p"'):
        await client.call("command/exec/terminate", processId="p")


async def test_commands_end_with_their_connection(server: Server, tmp_path: Path) -> None:
    client = await server.client()
    await begin(client, f"echo $$ > {tmp_path}/pid; exec sleep 60", disableTimeout=True)
    [pid] = await pids_in(tmp_path / "pid")
    await client.close()
    await until(lambda: not is_alive(pid))


async def test_commands_end_with_the_server(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = await server.client()
        await begin(client, f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done", disableTimeout=True)
        [pid] = await pids_in(tmp_path / "pid")
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"command": []}, "-32600: command must not be empty"),
        ({"tty": True}, "-32600: command/exec tty or streaming requires a client-supplied processId"),
        ({"streamStdin": True}, "-32600: command/exec tty or streaming requires a client-supplied processId"),
        ({"size": {"rows": 1, "cols": 1}}, "-32602: command/exec size requires tty: true"),
        (
            {"tty": True, "processId": "p", "size": {"rows": 0, "cols": 1}},
            "-32602: command/exec size rows and cols must be greater than 0",
        ),
        ({"timeoutMs": -1}, "-32602: command/exec timeoutMs must be non-negative, got -1"),
        ({"timeoutMs": 1, "disableTimeout": True}, "-32602: command/exec cannot set both timeoutMs and disableTimeout"),
        (
            {"outputBytesCap": 1, "disableOutputCap": True},
            "-32602: command/exec cannot set both outputBytesCap and disableOutputCap",
        ),
        ({"command": ["/nowhere"]}, "-32603: failed to spawn command: No such file or directory"),
        ({"cwd": "/nowhere"}, "-32603: failed to spawn command: No such file or directory"),
        ({"permissionProfile": ":read-only"}, "-32600: `permissionProfile` cannot be combined with `sandboxPolicy`"),
    ],
)
async def test_what_cannot_be_is_refused(server: Server, params: Message, message: str) -> None:
    client = await server.client()
    with pytest.raises(Refused) as refusal:
        await client.call("command/exec", **{"command": ["true"], "sandboxPolicy": FREE} | params)
    assert str(refusal.value).startswith(message)


async def test_wrong_input_is_refused_and_the_command_goes_on(server: Server) -> None:
    client = await server.client()
    asked = await begin(client, "cat", streamStdin=True)
    for params, message in (
        ({}, "requires deltaBase64 or closeStdin"),
        ({"deltaBase64": "!!!"}, "invalid deltaBase64"),
    ):
        with pytest.raises(Refused, match=message):
            await client.call("command/exec/write", processId="p", **params)
    with pytest.raises(Refused, match="not attached to a PTY"):
        await client.call("command/exec/resize", processId="p", size={"rows": 1, "cols": 1})
    with pytest.raises(Refused, match='duplicate active command/exec process id: "p"'):
        await client.call("command/exec", command=["true"], processId="p")
    await client.call("command/exec/write", processId="p", deltaBase64="aGk=", closeStdin=True)
    assert (await client.reply(asked))["result"]["stdout"] == "hi"


async def test_the_names_of_commands_are_those_of_a_connection(server: Server) -> None:
    client, other = await server.client(), await server.client()
    asked = await begin(client, "cat", streamStdin=True)
    with pytest.raises(Refused, match="no active"):
        await other.call("command/exec/terminate", processId="p")
    await client.call("command/exec/write", processId="p", closeStdin=True)
    await client.reply(asked)
    assert (await sh(other, "true", processId="p"))["exitCode"] == 0


async def test_a_connection_runs_so_many_commands_at_most(server: Server) -> None:
    client = await server.client()
    for number in range(32):
        await begin(client, "cat", f"p{number}", streamStdin=True)
    with pytest.raises(Refused, match="more than 32 commands"):
        await sh(client, "true")
    await client.call("command/exec/terminate", processId="p0")
    await client.find(lambda m: "result" in m and "exitCode" in m["result"])
    assert (await sh(client, "true"))["exitCode"] == 0


async def test_no_token_of_the_server_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("THREADCAST_WS_TOKEN_SHA256", "OPENAI_API_KEY", "SCRIPTED_KEY", "HARMLESS"):
        monkeypatch.setenv(name, "secret")
    config = CONFIG + 'env_key = "SCRIPTED_KEY"\n[shell_environment_policy]\nexclude = ["HARM*"]\nset = { A = "1" }\n'
    async with running(tmp_path, config=config) as server:
        client = await server.client()
        result = await sh(client, "env", env={"B": "2", "HOME": None})
    seen = dict(line.partition("=")[::2] for line in result["stdout"].splitlines())
    assert "secret" not in seen.values()
    assert (seen["A"], seen["B"], "HOME" in seen, seen["PATH"]) == ("1", "2", False, os.environ["PATH"])


@pytest.mark.sandbox
async def test_the_configured_sandbox_is_the_default(server: Server, tmp_path: Path) -> None:
    client = await server.client()
    result = await client.call("command/exec", command=["sh", "-c", f"echo x > {tmp_path}/new; env"])
    assert not (tmp_path / "new").exists()
    assert "CODEX_SANDBOX_NETWORK_DISABLED=1" in result["stdout"]


@pytest.mark.sandbox
async def test_a_workspace_is_written_by_policy_and_by_profile(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with running(tmp_path / "home") as server:
        await write_both_ways(await server.client(), work)


async def write_both_ways(client: Client, work: Path) -> None:
    (work / "src").mkdir(parents=True)
    for name, chosen in (
        ("one", {"sandboxPolicy": {"type": "workspaceWrite"}}),
        ("two", {"permissionProfile": ":workspace"}),
    ):
        await client.call("command/exec", command=["touch", f"src/{name}"], cwd=str(work), **chosen)
        assert (work / "src" / name).exists()
    with pytest.raises(Refused, match="unknown permission profile `nope`"):
        await client.call("command/exec", command=["true"], permissionProfile="nope")


async def test_a_server_without_a_sandbox_says_so_and_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr("server.commands.sandbox.Sandbox.detect", find_nothing)
    async with running(tmp_path) as server:
        client = await server.connect()
        await client.call("initialize", clientInfo={"name": "test", "version": "1"})
        assert "bubblewrap" in (await client.hear("configWarning"))["details"]
        with pytest.raises(Refused, match="cannot be enforced: no sandbox works on this machine"):
            await client.call("command/exec", command=["true"], sandboxPolicy={"type": "readOnly"})
        assert (await sh(client, "true"))["exitCode"] == 0


# -- process/* ---------------------------------------------------------------------------------------------------------


async def spawn(client: Client, script: str, **params: Any) -> Message:
    command = ["sh", "-c", script]
    result: Message = await client.call("process/spawn", command=command, cwd="/", processHandle="h", **params)
    return result


@pytest.fixture
def version(dialect: Version) -> Version:
    """The oldest one knows no processes."""
    return max(dialect, V0_147)


async def test_the_end_of_a_process_is_told(server: Server, version: Version) -> None:
    client = await server.client(version=version)
    assert await spawn(client, "echo out; echo err >&2; kill -9 $$") == {}
    exited = await client.hear("process/exited")
    assert exited.pop("outputDrainTimedOut", None) is (False if version >= V0_166 else None)
    assert exited == {
        "processHandle": "h",
        "exitCode": 137,
        "stdout": "out\n",
        "stdoutCapReached": False,
        "stderr": "err\n",
        "stderrCapReached": False,
    }


async def test_a_process_is_written_to_and_killed(server: Server, version: Version) -> None:
    client = await server.client(version=version)
    await spawn(client, "cat; sleep 60", streamStdin=True, streamStdoutStderr=True, timeoutMs=None)
    with pytest.raises(Refused, match='duplicate active process handle: "h"'):
        await spawn(client, "true")
    await client.call("process/writeStdin", processHandle="h", deltaBase64="aGk=", closeStdin=True)
    await client.hear("process/outputDelta", deltaBase64="aGk=", capReached=False)
    assert await client.call("process/kill", processHandle="h") == {}
    assert (await client.hear("process/exited"))["exitCode"] == 137
    with pytest.raises(Refused, match='no active process for process handle "h"'):
        await client.call("process/kill", processHandle="h")


async def test_a_process_has_a_terminal_and_a_time(server: Server, version: Version) -> None:
    client = await server.client(version=version)
    await spawn(client, "stty size; sleep 60", tty=True, size={"rows": 3, "cols": 4}, timeoutMs=500)
    await client.hear("process/outputDelta", deltaBase64=base64.b64encode(b"3 4\r\n").decode())
    assert await client.call("process/resizePty", processHandle="h", size={"rows": 5, "cols": 6}) == {}
    assert (await client.hear("process/exited"))["exitCode"] == 124


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"command": []}, "-32600: command must not be empty"),
        ({"processHandle": ""}, "-32600: processHandle must not be empty"),
        ({"cwd": "relative"}, "-32600: Invalid request: path `relative` is not absolute"),
        ({"size": {"rows": 1, "cols": 1}}, "-32602: process/spawn size requires tty: true"),
        ({"timeoutMs": -3}, "-32602: process/spawn timeoutMs must be non-negative, got -3"),
        ({"command": ["/nowhere"]}, "-32603: failed to spawn process: No such file or directory"),
    ],
)
async def test_a_process_that_cannot_be_is_refused(
    server: Server, version: Version, params: Message, message: str
) -> None:
    client = await server.client(version=version)
    with pytest.raises(Refused) as refusal:
        await client.call("process/spawn", **{"command": ["true"], "cwd": "/", "processHandle": "h"} | params)
    assert str(refusal.value).startswith(message)
