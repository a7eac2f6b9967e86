"""One command and its descendants: nothing is lost of what they say, and none of them stays."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from server.commands.child import Child, Launch, Size, SpawnError
from server.commands.output import HeadTail, decode
from server.commands.session import Bounds, Outcome, Session
from tests.support.processes import end, is_alive, pids_in, python, until

PATIENCE = 10.0


def launch(script: str, *, cwd: str = "/") -> Launch:
    return Launch(argv=["/bin/sh", "-c", script], cwd=cwd, env={"PATH": os.environ["PATH"]})


async def run(script: str, *, cap: int | None = None, seconds: float | None = PATIENCE) -> Outcome:
    session = Session()
    return await session.run(await session.start(launch(script)), Bounds(cap=cap, timeout=seconds))


DAEMONS = """
(setsid sh -c 'echo $$ >> {0}; exec sleep 60' &)
trap '' TERM
(env -i setsid sh -c 'trap "" TERM; echo $$ >> {0}; while :; do sleep 1; done' &)
echo $$ >> {0}
while :; do sleep 1; done
"""
"""Two who left the session, one of them without its environment, and one who stays; two that hear no request."""


@pytest.mark.parametrize("way", ["kill", "terminate", "close", "timeout"])
async def test_no_descendant_outlives_a_command(way: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    session = Session()
    child = await session.start(launch(DAEMONS.format(pids)))
    running = asyncio.create_task(session.run(child, Bounds(cap=None, timeout=1.0 if way == "timeout" else None)))
    found = await pids_in(pids, 3)
    assert all(is_alive(pid) for pid in found)
    match way:
        case "kill":
            await session.kill()
        case "terminate":
            await child.terminate(0.1)
        case "close":
            session.cancel()
        case _:
            pass
    outcome = await asyncio.wait_for(running, PATIENCE)
    assert outcome.exit_code == (124 if way == "timeout" else -signal.SIGKILL)
    assert not any(is_alive(pid) for pid in found)


async def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    outcome = await run(f"setsid sleep 60 >/dev/null 2>&1 & echo $! > {pids}; echo done")
    assert (outcome.exit_code, outcome.stdout) == (0, "done\n")
    assert not any(is_alive(pid) for pid in await pids_in(pids, 1))


async def test_commands_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = f"""
import asyncio
from tests.server.commands.test_child import launch, DAEMONS
from server.commands.child import Child
async def main():
    child = await Child.start(launch(DAEMONS.format({str(pids)!r})))
    await child.wait()
asyncio.run(main())
"""
    server = python(program)
    found = await pids_in(pids, 3)
    end(server)
    await until(lambda: not any(is_alive(pid) for pid in found))


async def test_no_zombie_is_left() -> None:
    await run("true")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # noqa: ASYNC222


async def test_a_command_is_asked_to_end_before_it_is_killed() -> None:
    session = Session()
    child = await session.start(launch("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"))
    running = asyncio.create_task(session.run(child, Bounds(cap=None, timeout=None)))
    await asyncio.sleep(0.3)
    await child.terminate()
    outcome = await asyncio.wait_for(running, PATIENCE)
    assert outcome.exit_code == 5
    assert outcome.stdout == "ready\nbye\n"


async def test_a_flood_does_not_grow_memory() -> None:
    size = 100 * 1024 * 1024
    before = resident()
    outcome = await run(f"head -c {size} /dev/zero", cap=1000, seconds=60)
    assert len(outcome.stdout) == 1000
    assert outcome.stdout_capped
    assert resident() - before < 16 * 1024 * 1024


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_the_loop_goes_on_during_a_flood() -> None:
    running = asyncio.create_task(run("head -c 20000000 /dev/zero", cap=0))
    turns = 0
    while not running.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 200


async def test_bytes_that_are_no_text_are_not_lost() -> None:
    outcome = await run(r"printf 'a\377b\000c h\303\251'")
    assert outcome.stdout == "a\xffb\0c hé"


async def test_a_cap_does_not_cut_a_character() -> None:
    assert (await run(r"printf 'h\303\251'", cap=2)).stdout == "h"


async def test_a_terminal_has_a_size_and_an_end_of_input() -> None:
    session = Session(tty=Size(11, 22))
    child = await session.start(launch("stty size; read x; stty size; cat; echo over >&2"))
    running = asyncio.create_task(session.run(child, Bounds(cap=None, timeout=PATIENCE)))
    await asyncio.sleep(0.2)
    await session.resize(Size(33, 44))
    await session.write(b"line\nlast", end=True)
    outcome = await running
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("11 22\r\n")
    assert "33 44\r\n" in outcome.stdout
    assert outcome.stdout.endswith("over\r\n")


@pytest.mark.parametrize(
    ("argv", "cwd", "reason"),
    [
        (["/nonexistent"], "/", "No such file"),
        (["true"], "/nonexistent", "No such file"),
        (["/etc/passwd"], "/", "Permission denied"),
        (["a\0b"], "/", "NUL"),
        (["x" * 300_000], "/", "too long"),
        ([""], "/", "no program"),
    ],
)
async def test_what_cannot_be_started_says_why(argv: list[str], cwd: str, reason: str) -> None:
    with pytest.raises(SpawnError, match=reason):
        await Child.start(Launch(argv=argv, cwd=cwd, env={"PATH": os.environ["PATH"]}))


def test_the_beginning_and_the_end_are_kept() -> None:
    kept = HeadTail(20)
    for number in range(100):
        kept.add(f"{number:02}".encode())
    assert kept.parts() == (b"0001020304", b"9596979899")
    assert (kept.total, kept.left_out) == (200, 180)
    assert kept.text() == "0001020304\n[… 180 bytes left out …]\n9596979899"
    short = HeadTail(20)
    short.add("häh".encode())
    assert (short.text(), short.left_out) == ("häh", 0)


def test_a_cut_character_is_left_out_only_where_it_is_cut() -> None:
    assert decode("hé".encode()[:2]) == "h\xc3"
    assert decode("hé".encode()[:2], cut=True) == "h"
