"""Commands that try to break out, in each of the walls that we can build."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from protocol.permissions import (
    DangerFullAccess,
    ExternalSandbox,
    ReadOnly,
    RestrictedAccess,
    SandboxPolicy,
    WorkspaceWrite,
)
from server.commands.child import Launch
from server.commands.sandbox import Means, Sandbox, SandboxError
from server.commands.session import Bounds, Outcome, Session
from tests.support.processes import until

EITHER = [
    pytest.param("bubblewrap", marks=pytest.mark.sandbox("bubblewrap")),
    pytest.param("landlock", marks=pytest.mark.sandbox("landlock")),
]

INSIDE = WorkspaceWrite(exclude_slash_tmp=True, exclude_tmpdir_env_var=True)


class Walls:
    """A project in a folder of its own, a CODEX_HOME beside it, and a way to run commands in there."""

    def __init__(self, folder: Path, means: Means) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.project = folder / "project"
        self.outside = folder / "outside"
        for place in (self.home, self.project / ".git" / "hooks", self.project / "src", self.outside):
            place.mkdir(parents=True)
        (self.outside / "file").write_text("untouched")
        (self.home / "config.toml").write_text("untouched")
        self.sandbox = Sandbox(self.home)
        self.sandbox.means = means

    async def run(self, script: str, policy: SandboxPolicy = INSIDE, **env: str) -> Outcome:
        return await self.run_argv(["/bin/sh", "-c", script], policy, env)

    async def python(self, script: str, policy: SandboxPolicy = INSIDE) -> Outcome:
        return await self.run_argv([sys.executable, "-I", "-c", script], policy, {})

    async def run_argv(self, argv: list[str], policy: SandboxPolicy, env: dict[str, str]) -> Outcome:
        launch = Launch(argv=argv, cwd=str(self.project), env={"PATH": os.environ["PATH"]} | env)
        confined = self.sandbox.confine(launch, policy)
        session = Session()
        outcome = await session.run(await session.start(confined), Bounds(cap=1 << 16, timeout=20))
        self.sandbox.release(confined)
        return outcome


@pytest.fixture(params=EITHER)
def walls(request: pytest.FixtureRequest, tmp_path: Path) -> Walls:
    return Walls(tmp_path, request.param)


async def test_the_workspace_can_be_written_below_its_folders(walls: Walls) -> None:
    outcome = await walls.run("echo new > src/file && mkdir src/deep && echo more > src/deep/file && rm src/deep/file")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert (walls.project / "src" / "file").read_text() == "new\n"


@pytest.mark.sandbox("bubblewrap")
async def test_the_workspace_itself_can_be_written_with_bubblewrap(tmp_path: Path) -> None:
    walls = Walls(tmp_path, "bubblewrap")
    assert (await walls.run("echo new > file && git init -q other || mkdir other")).exit_code == 0
    assert (walls.project / "file").exists()


async def test_nothing_is_written_when_all_is_read_only(walls: Walls) -> None:
    outcome = await walls.run("echo x > src/file; touch src; chmod 777 src", ReadOnly())
    assert outcome.exit_code != 0
    assert not (walls.project / "src" / "file").exists()


@pytest.mark.parametrize("way", ["{outside}/file", "../outside/file", "src/../../outside/file", "src/link"])
async def test_nothing_outside_the_roots_is_written(walls: Walls, way: str) -> None:
    (walls.project / "src" / "link").symlink_to(walls.outside / "file")
    target = way.format(outside=walls.outside)
    outcome = await walls.run(f"echo x > {target}; : > {target}; rm -f {target}; truncate -s0 {target}")
    assert outcome.exit_code != 0
    if way != "src/link":  # that one may be removed: it lies inside
        assert (walls.outside / "file").exists()
    assert (walls.outside / "file").read_text() == "untouched"


async def test_a_link_made_inside_leads_nowhere_outside(walls: Walls) -> None:
    await walls.run("ln -s ../../outside src/way; echo x > src/way/file; echo x > src/way/new")
    await walls.run("ln ../outside/file src/hard; echo x > src/hard; mv ../outside/file src/moved; mv src ../outside")
    assert (walls.outside / "file").read_text() == "untouched"
    assert os.listdir(walls.outside) == ["file"]


async def test_what_tools_obey_in_the_workspace_stays_as_it_is(walls: Walls) -> None:
    (walls.project / ".git" / "config").write_text("untouched")
    await walls.run("echo x > .git/config; echo x > .git/hooks/pre-commit; rm -rf .git; mv .git gone; mv .git src/gone")
    assert (walls.project / ".git" / "config").read_text() == "untouched"
    assert os.listdir(walls.project / ".git" / "hooks") == []


async def test_what_is_not_there_yet_cannot_be_put_there(walls: Walls) -> None:
    outcome = await walls.run("mkdir -p .codex; echo x > .codex/config.toml")
    assert outcome.exit_code != 0
    assert not (walls.project / ".codex").exists()


async def test_the_repository_of_a_work_tree_is_kept_as_well(walls: Walls) -> None:
    tree = walls.project / "src"
    real = walls.project / "repository"
    real.mkdir()
    (tree / ".git").write_text("gitdir: ../repository\n")
    policy = WorkspaceWrite(writable_roots=[str(tree)], exclude_slash_tmp=True, exclude_tmpdir_env_var=True)
    await walls.run("echo x > repository/config; echo 'gitdir: /' > src/.git", policy)
    assert os.listdir(real) == []
    assert (tree / ".git").read_text() == "gitdir: ../repository\n"


async def test_the_codex_home_is_never_written(walls: Walls) -> None:
    policy = WorkspaceWrite(writable_roots=[str(walls.folder)], exclude_slash_tmp=True, exclude_tmpdir_env_var=True)
    script = "echo x > ../home/config.toml; rm -rf ../home; mv ../home ../gone; mkdir -p ../home; touch ../home/new"
    await walls.run(script, policy)
    await walls.run(f"mv {walls.folder} {walls.folder}2", policy)
    assert (walls.home / "config.toml").read_text() == "untouched"
    assert os.listdir(walls.home) == ["config.toml"]


async def test_a_workspace_in_the_codex_home_can_be_written(walls: Walls) -> None:
    work = walls.home / "worktrees" / "one"
    (work / "src").mkdir(parents=True)
    policy = WorkspaceWrite(
        writable_roots=[str(walls.folder), str(work)], exclude_slash_tmp=True, exclude_tmpdir_env_var=True
    )
    await walls.run(f"cd {work}; echo x > src/file; mkdir .codex; echo x > ../file; echo x > ../../config.toml", policy)
    assert (os.listdir(work), os.listdir(work / "src")) == (["src"], ["file"])
    assert sorted(os.listdir(walls.home)) == ["config.toml", "worktrees"]
    assert (walls.home / "config.toml").read_text() == "untouched"
    assert os.listdir(walls.home / "worktrees") == ["one"]


async def test_temporary_folders_can_be_written_unless_excluded(walls: Walls) -> None:
    temporary = walls.folder / "temporary"
    temporary.mkdir()
    policy = WorkspaceWrite(exclude_slash_tmp=True)
    await walls.run("echo x > $TMPDIR/file", policy, TMPDIR=str(temporary))
    assert os.listdir(temporary) == ["file"]
    await walls.run("echo x > $TMPDIR/other", INSIDE, TMPDIR=str(temporary))
    assert os.listdir(temporary) == ["file"]


NETWORK = """
import socket, sys
try:
    with socket.create_connection(("127.0.0.1", {port}), 2) as there:
        there.sendall(b"hello")
    print("connected")
except OSError as error:
    print("refused")
"""


async def test_the_network_is_off_unless_it_is_allowed(walls: Walls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = NETWORK.format(port=server.getsockname()[1])
        assert (await walls.python(script)).stdout == "refused\n"
        allowed = WorkspaceWrite(network_access=True, exclude_slash_tmp=True, exclude_tmpdir_env_var=True)
        assert (await walls.python(script, allowed)).stdout == "connected\n"


async def test_sockets_that_lie_in_files_cannot_be_reached(walls: Walls) -> None:
    path = walls.folder / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        script = f"""
import socket
try:
    socket.socket(socket.AF_UNIX).connect({str(path)!r})
    print("connected")
except OSError as error:
    print("refused")
one, two = socket.socketpair()
one.sendall(b"own sockets work")
print(two.recv(99).decode())
"""
        assert (await walls.python(script)).stdout == "refused\nown sockets work\n"


async def test_the_server_gets_no_signal_and_is_not_looked_into(walls: Walls) -> None:
    script = f"""
import ctypes, os
for number in (0, 9):
    try:
        os.kill({os.getpid()}, number)
        print("reached")
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
print("traced" if libc.ptrace(16, {os.getpid()}, 0, 0) == 0 else "not traced")
for name in ("environ", "mem"):
    try:
        open("/proc/{os.getpid()}/" + name, "rb").read(1)
        print("read")
    except OSError:
        pass
"""
    assert (await walls.python(script)).stdout == "not traced\n"


async def test_the_walls_cannot_be_taken_down(walls: Walls) -> None:
    script = """
mount -o remount,bind,rw /; mount -o remount,rw /; umount -l .git; umount -l .codex; mount -t tmpfs none src
unshare -rm sh -c 'mount -o remount,bind,rw /; umount -l .git; echo x > .git/config'; chroot / true
mknod src/disk b 8 0; echo x > .git/config; echo x > ../outside/file
"""
    outcome = await walls.run(script)
    assert outcome.exit_code != 0
    assert os.listdir(walls.project / ".git") == ["hooks"]
    assert os.listdir(walls.project / "src") == []
    assert (walls.outside / "file").read_text() == "untouched"


async def test_no_file_of_the_server_is_open_in_a_command(walls: Walls) -> None:
    secret = os.open(walls.home / "config.toml", os.O_RDWR)
    os.set_inheritable(secret, True)
    outcome = await walls.python("import os; print(os.listdir('/proc/self/fd'))")
    os.close(secret)
    assert outcome.stdout == "['0', '1', '2', '3']\n"  # the last is the folder that is listed


async def test_without_walls_what_would_need_them_is_refused(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    await sandbox.detect([])
    launch = Launch(argv=["true"], cwd="/", env={})
    for policy in (ReadOnly(), WorkspaceWrite()):
        with pytest.raises(SandboxError, match="no sandbox works"):
            sandbox.confine(launch, policy)
    for free in (DangerFullAccess(), ExternalSandbox()):
        assert sandbox.confine(launch, free) == launch


@pytest.mark.sandbox
async def test_hiding_files_is_refused_and_not_pretended(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    await sandbox.detect()
    with pytest.raises(SandboxError, match="hide"):
        sandbox.confine(Launch(argv=["true"], cwd="/", env={}), ReadOnly(access=RestrictedAccess()))


@pytest.mark.sandbox("bubblewrap")
async def test_two_commands_share_what_covers_a_missing_folder(tmp_path: Path) -> None:
    walls = Walls(tmp_path, "bubblewrap")
    long = asyncio.create_task(
        walls.run("echo > src/began; while [ ! -e src/go ]; do sleep 0.01; done; mkdir .codex/x")
    )
    await until((walls.project / "src" / "began").exists)
    assert (await walls.run("mkdir .codex/y")).exit_code != 0
    assert (walls.project / ".codex").exists()
    (walls.project / "src" / "go").touch()
    assert (await long).exit_code != 0
    assert not (walls.project / ".codex").exists()
