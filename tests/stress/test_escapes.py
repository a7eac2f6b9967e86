"""A model whose commands and patches try to get out of their walls: in each of these, and without any to show that the
attempts are real."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.commands.sandbox import Means
from server.providers.scripted import Response, Step, completed, function_call
from tests.support.commands import DONE, FREE, answers, calls, commands, run, started
from tests.support.escapes import FILES, OUT, PROGRAMS, RACE
from tests.support.harness import CONFIG, Server, running

EITHER = [
    pytest.param("bubblewrap", marks=pytest.mark.sandbox("bubblewrap")),
    pytest.param("landlock", marks=pytest.mark.sandbox("landlock")),
]

TIGHT = CONFIG + "[sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n"
"""The folders of tests are temporary ones."""

NOT_WITHOUT_WALLS = ("what was left open", "the root of the first process")
"""What does not work without walls either: nothing is left open, and the first process may be of somebody else."""

ASKED = "item/commandExecution/requestApproval"


class Place:
    """A project, what lies beside it, and somebody who listens."""

    def __init__(self, folder: Path, heard: list[socket.socket]) -> None:
        self.work, self.outside, self.home = folder / "work", folder / "outside", folder / "home"
        for made in (self.work / ".git" / "hooks", self.work / ".agents", self.work / "src", self.outside):
            made.mkdir(parents=True)
        for name in ("file", "movable"):
            (self.outside / name).write_text("untouched")
        (self.work / ".git" / "config").write_text("untouched")
        (self.home / "sessions").mkdir(parents=True)
        (self.work / "src" / "before").symlink_to(self.outside)
        self.heard = heard
        tcp, udp, _, _, _ = heard
        self.names = {
            "outside": str(self.outside),
            "home": str(self.home),
            "work": str(self.work),
            "server": str(os.getpid()),
            "tcp": str(tcp.getsockname()[1]),
            "udp": str(udp.getsockname()[1]),
            "unix": str(folder / "s"),
            "abstract": f"threadcast-{os.getpid()}",
        }

    def attempts(self) -> dict[str, str]:
        """All of them as scripts of a shell."""
        scripts = {name: script.format(**self.names) for name, script in FILES.items()}
        python = shlex.quote(sys.executable)
        for name, program in PROGRAMS.items():
            scripts[name] = f"{python} -I -c {shlex.quote(program.format(**self.names))}"
        return scripts

    def changed(self) -> dict[str, object]:
        """All that nobody may have changed, as it is."""
        git = self.work / ".git"
        files = [self.outside / "file", self.outside / "movable", git / "config", self.home / "config.toml"]
        return {
            "folders": [sorted(os.listdir(each)) for each in (self.outside, git, git / "hooks", self.work / ".agents")],
            "files": [(each.read_text(), each.stat().st_nlink) for each in files],
            "sessions": (self.home / "sessions" / "x").exists(),
            "settings": (self.work / ".codex" / "config.toml").exists(),
            "heard": [_was_heard(each) for each in self.heard],
        }


def _was_heard(listening: socket.socket) -> bool:
    try:
        if listening.type == socket.SOCK_STREAM:
            listening.accept()[0].close()
        else:
            listening.recv(1)
    except BlockingIOError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The sockets lie where their names are short enough."""
    with _listening(tmp_path / "s") as heard:
        yield Place(tmp_path, heard)


@contextmanager
def _listening(path: Path) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        made = [
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        ]
        names: tuple[Any, ...] = (
            ("127.0.0.1", 0),
            ("127.0.0.1", 0),
            str(path),
            f"{path}d",
            f"\0threadcast-{os.getpid()}",
        )
        for each, name in zip(made, names, strict=True):
            each.bind(name)
            each.setblocking(False)
            if each.type == socket.SOCK_STREAM:
                each.listen()
        yield made


async def all_tried(place: Place, means: Means | None, **params: str) -> dict[str, str]:
    """Let the model try everything in one turn; what each attempt said, by its name."""
    attempts = place.attempts()
    script = [run(each) for each in attempts.values()]
    async with running(place.home, *script, DONE, config=TIGHT) as server:
        await server.app.sandbox.ready()
        server.app.sandbox.means = means
        client, thread = await started(server, place.work, **params)
        await client.start_turn(thread, "go")
        await client.hear("turn/completed")
        return {name: str(item["aggregatedOutput"]) for name, item in zip(attempts, commands(client), strict=True)}


@pytest.mark.parametrize("policy", ["workspace-write", "read-only"])
@pytest.mark.parametrize("means", EITHER)
async def test_nothing_gets_out(means: Means, policy: str, place: Place) -> None:
    (place.home / "config.toml").write_text(TIGHT)
    before = place.changed()
    said = await all_tried(place, means, sandbox=policy, approvalPolicy="never")
    assert [name for name, text in said.items() if OUT in text] == []
    assert place.changed() == before


async def test_without_walls_every_attempt_would_work(place: Place) -> None:
    attempts = place.attempts()
    for harmful in (
        "another name for the project",
        "another name for a folder above",
        "another name for the repository",
    ):
        del attempts[harmful]  # they would take away what the others try
    for name, script in attempts.items():
        async with running(place.home, run(script), DONE, config=TIGHT) as server:
            client, thread = await started(server, place.work, **FREE)
            await client.start_turn(thread, "go")
            await client.hear("turn/completed")
            if name not in NOT_WITHOUT_WALLS:
                assert OUT in commands(client)[0]["aggregatedOutput"], name


def _adds(path: str, call_id: str) -> list[Step]:
    made = function_call("apply_patch", json.dumps({"input": patch(f"*** Add File: {path}\n+x\n")}), call_id=call_id)
    return made if isinstance(made, list) else [made]


def patch(text: str) -> str:
    return f"*** Begin Patch\n{text}*** End Patch\n"


@pytest.mark.parametrize(
    "path",
    ["{outside}/new", "../outside/new", "src/before/new", "src/../../outside/new", ".git/hooks/new", ".codex/new",
     ".agents/new", "{home}/new"],
)  # fmt: skip
async def test_no_patch_gets_out(path: str, place: Place) -> None:
    (place.home / "config.toml").write_text(TIGHT)
    before = place.changed()
    named = path.format(**place.names)
    add = patch(f"*** Add File: {named}\n+x\n")
    move = patch(f"*** Update File: src/mine\n*** Move to: {named}\n@@\n-a\n+b\n")
    (place.work / "src" / "mine").write_text("a\n")
    in_shell = f"apply_patch <<'EOF'\n{add}EOF"
    script = [calls(("apply_patch", {"input": text})) for text in (add, move)]
    async with running(place.home, *script, run(in_shell), DONE, config=TIGHT) as server:
        client, thread = await started(server, place.work, sandbox="workspace-write", approvalPolicy="never")
        await client.start_turn(thread, "go")
        await client.hear("turn/completed")
        assert len(answers(server)) == 3
        assert all("rejected" in each or "not" in each for each in answers(server)), answers(server)
    assert place.changed() == before
    assert (place.work / "src" / "mine").read_text() == "a\n"


@pytest.mark.sandbox
async def test_no_patch_follows_a_link_that_takes_the_place_of_a_folder_meanwhile(place: Place) -> None:
    """A command of the model swaps both as fast as it can, while patches are checked and applied."""
    (place.home / "config.toml").write_text(TIGHT)
    before = place.changed()
    python = f"{shlex.quote(sys.executable)} -I -c {shlex.quote(RACE.format(**place.names))}"
    patches: list[Response] = [
        [
            *(step for at in range(begin, begin + 10) for step in _adds(f"src/real/{at}", f"call-{at}")),
            completed(),
        ]
        for begin in range(0, 100, 10)
    ]  # fmt: skip
    stop = run("touch src/stop")
    async with running(place.home, run(python, yield_time_ms=500), *patches, stop, DONE, config=TIGHT) as server:
        client, thread = await started(server, place.work, sandbox="workspace-write", approvalPolicy="never")
        await client.start_turn(thread, "go")
        await client.hear("turn/completed")
        told = answers(server)
        assert "swapping" in told[0]
        assert len(told) == 102
    assert place.changed() == before


# -- on a machine that can build no walls ------------------------------------------------------------------------------


async def unconfined(server: Server) -> None:
    await server.app.sandbox.ready()
    server.app.sandbox.means = None


@pytest.mark.parametrize("sandbox", ["read-only", "workspace-write"])
@pytest.mark.parametrize("policy", ["untrusted", "on-failure", "on-request"])
async def test_without_walls_a_person_is_asked_about_all_that_does_not_only_look(
    sandbox: str, policy: str, place: Place
) -> None:
    script = [run("ls src"), run("touch src/new"), run("./ls"), run("python3 -c 1"), DONE]
    async with running(place.home, *script, config=TIGHT) as server:
        await unconfined(server)
        client, thread = await started(server, place.work, sandbox=sandbox, approvalPolicy=policy)
        await client.start_turn(thread, "go")
        for asked_about in ("touch src/new", "./ls", "python3 -c 1"):
            question = await client.asked(ASKED)
            assert asked_about in question["params"]["command"]
            assert "sandbox" in question["params"].get("reason", "sandbox")
            await client.answer(question, decision="decline")
        await client.hear("turn/completed")
        assert [item["status"] for item in commands(client)] == ["completed", *["declined"] * 3]
        assert not (place.work / "src" / "new").exists()


@pytest.mark.parametrize("sandbox", ["read-only", "workspace-write"])
async def test_without_walls_and_anybody_to_ask_nothing_else_runs(sandbox: str, place: Place) -> None:
    async with running(place.home, run("ls src"), run("touch src/new"), DONE, config=TIGHT) as server:
        await unconfined(server)
        client, thread = await started(server, place.work, sandbox=sandbox, approvalPolicy="never")
        await client.start_turn(thread, "go")
        await client.hear("turn/completed")
        assert [item["status"] for item in commands(client)] == ["completed"]
        assert "before" in answers(server)[0]
        assert not (place.work / "src" / "new").exists()
