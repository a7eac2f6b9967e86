"""Commands that may outlive their turn: all they say is told once and in order, and none of them stays."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.commands import terminals as module
from server.commands.child import Launch, SpawnError
from server.commands.once import run_once
from server.commands.pieces import AT_ONCE, LONGEST, MOST
from server.commands.terminals import Ended, Terminal, Terminals
from tests.server.commands.test_child import DAEMONS, launch, resident
from tests.support.processes import is_alive, pids_in, until

PATIENCE = 20.0


class Heard:
    """What a hearer was told, in order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.pieces: list[str] = []
        self.end: Ended | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def began(self, terminal: Terminal) -> None:
        assert terminal.end is None
        self.order.append("began")

    def said(self, text: str) -> None:
        self.order.append("said")
        self.pieces.append(text)

    def ended(self, end: Ended) -> None:
        self.order.append("ended")
        self.end = end


@pytest.fixture
async def terminals() -> AsyncIterator[Terminals]:
    """Those of one thread, of which nothing is left afterwards."""
    before = wardens()
    opened = Terminals()
    yield opened
    await asyncio.wait_for(opened.clean(), PATIENCE)
    assert wardens() == before


def wardens() -> set[int]:
    """The processes that stand between us and a command."""
    mine = os.getpid()
    found = set[int]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == mine:
                found.add(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    return found


async def open_one(terminals: Terminals, script: str, *, tty: bool = False) -> tuple[Terminal, Heard]:
    heard = Heard()
    terminal = await terminals.open(terminals.reserve(), launch(script), heard, tty=tty)
    return terminal, heard


async def test_a_command_that_ends_at_once_is_told_from_its_begin_to_its_end(terminals: Terminals) -> None:
    terminal, heard = await open_one(terminals, "printf out; printf err >&2; exit 3")
    seen = await terminal.collect(PATIENCE)
    assert (seen.output, seen.size, seen.exit_code) == ("outerr", 6, 3)
    assert heard.order[0] == "began"
    assert heard.order[-1] == "ended"
    assert heard.text == "outerr"
    assert heard.end is not None
    assert (heard.end.exit_code, heard.end.output) == (3, "outerr")
    assert 1000 <= terminal.number < 100_000


async def test_both_outputs_come_in_the_order_in_which_they_were_written(terminals: Terminals) -> None:
    script = "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
    terminal, heard = await open_one(terminals, script)
    seen = await terminal.collect(PATIENCE)
    assert seen.output == heard.text == "".join(f"o{i}\ne{i}\n" for i in range(200))


async def test_each_look_gives_what_was_said_since_the_last_one(terminals: Terminals, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    terminal, heard = await open_one(terminals, f"echo one; cat {gate}; echo three")
    await until(lambda: heard.text == "one\n")
    first = await terminal.collect(0)
    assert (first.output, first.exit_code) == ("one\n", None)
    nothing = await terminal.collect(0)
    assert (nothing.output, nothing.size, nothing.exit_code) == ("", 0, None)
    await asyncio.to_thread(gate.write_text, "two\n")
    last = await terminal.collect(PATIENCE)
    assert (last.output, last.exit_code) == ("two\nthree\n", 0)
    assert heard.end is not None
    assert heard.end.output == "one\ntwo\nthree\n"


async def test_a_command_without_terminal_has_nothing_to_read_and_takes_nothing(terminals: Terminals) -> None:
    terminal, _ = await open_one(terminals, "cat; echo over")
    assert (await terminal.collect(PATIENCE)).output == "over\n"
    with pytest.raises(ValueError, match="stdin is closed for this session"):
        await terminal.write("x")


async def test_a_terminal_takes_input_and_has_a_size(terminals: Terminals) -> None:
    terminal, _ = await open_one(terminals, "stty size; read line; echo got $line", tty=True)
    await terminal.write("hello\n")
    seen = await terminal.collect(PATIENCE)
    assert seen.exit_code == 0
    assert "24 80\r\n" in seen.output
    assert "got hello\r\n" in seen.output


async def test_who_reads_nothing_does_not_hold_up_who_writes(terminals: Terminals) -> None:
    terminal, _ = await open_one(terminals, "stty raw; sleep 60", tty=True)
    for _ in range(3):
        await asyncio.wait_for(terminal.write("x" * 100_000), PATIENCE)
    await asyncio.wait_for(terminal.stop(), PATIENCE)


async def test_what_a_daemon_holds_open_does_not_hold_up_the_end(terminals: Terminals, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    terminal, heard = await open_one(terminals, f"(setsid sh -c 'echo $$ >> {pids}; exec sleep 60' &) ; echo done")
    seen = await terminal.collect(PATIENCE)
    assert (seen.output, seen.exit_code) == ("done\n", 0)
    assert heard.end is not None
    assert not any(is_alive(pid) for pid in await pids_in(pids) if pids.exists())


async def test_all_end_together_whatever_they_do_against_it(tmp_path: Path) -> None:
    pids, terminals = tmp_path / "pids", Terminals()
    opened = [await open_one(terminals, DAEMONS.format(pids)) for _ in range(3)]
    found = await pids_in(pids, 9)
    await asyncio.wait_for(terminals.clean(), PATIENCE)
    assert not any(is_alive(pid) for pid in found)
    assert [heard.order for _, heard in opened] == [["began", "ended"]] * 3
    assert all(terminals.find(terminal.number) is None for terminal, _ in opened)


async def test_one_that_is_on_its_way_when_all_end_ends_too() -> None:
    terminals, heard = Terminals(), Heard()
    opening = asyncio.create_task(terminals.open(terminals.reserve(), launch("sleep 60"), heard))
    await asyncio.sleep(0)
    await terminals.clean()
    terminal = await opening
    assert (await terminal.collect(PATIENCE)).exit_code == -1
    await terminals.clean()


async def test_who_is_cancelled_while_it_starts_leaves_nothing() -> None:
    before, terminals, heard = wardens(), Terminals(), Heard()
    for turns in range(0, 60, 3):
        opening = asyncio.create_task(terminals.open(terminals.reserve(), launch("sleep 60"), heard))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        try:
            await opening
        except asyncio.CancelledError:
            continue
    await terminals.clean()
    assert wardens() == before


async def test_a_flood_costs_no_memory_and_leaves_time_to_others(terminals: Terminals) -> None:
    size = 100_000_000
    before = resident()
    terminal, heard = await open_one(terminals, f"printf begin; head -c {size} /dev/zero; printf 'the end'")
    heard.pieces = Counting()
    longest = 0.0
    looking = asyncio.create_task(terminal.collect(60))
    while not looking.done():
        began = time.monotonic()
        await asyncio.sleep(0)
        longest = max(longest, time.monotonic() - began)
    seen = await looking
    assert seen.size == size + 12
    assert seen.output.startswith("begin\0")
    assert seen.output.endswith("\0the end")
    assert "bytes left out" in seen.output
    assert len(seen.output) < module.KEPT + 100
    assert AT_ONCE // LONGEST <= len(heard.pieces) < MOST
    assert longest < 0.2
    assert resident() - before < 32 * 1024 * 1024


class Counting(list[str]):
    """Keeps no piece, but counts them."""

    def __init__(self) -> None:
        self.number = 0

    def append(self, piece: str) -> None:
        assert len(piece.encode()) <= LONGEST
        self.number += 1

    def __len__(self) -> int:
        return self.number


async def test_bytes_that_are_no_text_are_replaced_and_characters_are_not_cut(terminals: Terminals) -> None:
    terminal, heard = await open_one(terminals, r"printf 'a\377b\000c h\303'; sleep 0.1; printf '\251!\303'")
    seen = await terminal.collect(PATIENCE)
    assert seen.output == heard.text == "a\ufffdb\0c hé!\ufffd"


async def test_what_cannot_be_started_is_not_told_and_keeps_its_number(terminals: Terminals) -> None:
    number, heard = terminals.reserve(), Heard()
    with pytest.raises(SpawnError, match="No such file"):
        await terminals.open(number, Launch(argv=["/nonexistent"], cwd="/", env={}), heard)
    assert heard.order == []
    assert terminals.find(number) is None
    terminal = await terminals.open(number, launch("true"), heard)
    assert terminal.number == number
    assert (await terminal.collect(PATIENCE)).exit_code == 0


async def test_the_one_used_least_makes_room_but_one_that_has_ended_first(
    terminals: Terminals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    monkeypatch.setattr(module, "PROTECTED", 2)
    first, heard = await open_one(terminals, "sleep 60")
    second, _ = await open_one(terminals, "true")
    third, _ = await open_one(terminals, "sleep 60")
    await open_one(terminals, "sleep 60")
    await until(lambda: second.end is not None)
    await open_one(terminals, "sleep 60")
    assert terminals.find(second.number) is None
    assert (first.end, third.end) == (None, None)
    await first.collect(0)
    await open_one(terminals, "sleep 60")
    assert third.end is not None
    assert third.end.exit_code == -1
    assert terminals.find(first.number) is first
    assert heard.end is None


async def test_who_stops_looking_takes_nothing_away(terminals: Terminals) -> None:
    terminal, heard = await open_one(terminals, "echo kept; sleep 60")
    await until(lambda: heard.text == "kept\n")
    looking = asyncio.create_task(terminal.collect(60))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.wait({looking})
    assert (await terminal.collect(0)).output == "kept\n"


async def test_what_was_made_for_a_command_is_released_when_it_is_gone() -> None:
    released: list[Launch] = []
    terminals = Terminals(released.append)
    terminal, _ = await open_one(terminals, "true")
    await terminal.collect(PATIENCE)
    await terminals.clean()
    with pytest.raises(SpawnError):
        await terminals.open(terminals.reserve(), Launch(argv=["/nonexistent"], cwd="/", env={}), Heard())
    assert [each.argv[0] for each in released] == ["/bin/sh", "/nonexistent"]


# -- one that somebody waits for ---------------------------------------------------------------------------------------


async def test_errors_follow_the_output_of_a_command_that_is_waited_for() -> None:
    pieces: list[str] = []
    done = await run_once(launch("echo err >&2; echo out; exit 4"), PATIENCE, pieces.append)
    assert (done.exit_code, done.stdout, done.stderr, done.aggregated) == (4, "out\n", "err\n", "out\nerr\n")
    assert sorted(pieces) == ["err\n", "out\n"]
    assert not done.timed_out


async def test_who_takes_too_long_ends_with_all_it_began(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    done = await run_once(launch("echo said; " + DAEMONS.format(pids)), 1.0, lambda _text: None)
    assert (done.exit_code, done.timed_out, done.stdout) == (124, True, "said\n")
    assert not any(is_alive(pid) for pid in await pids_in(pids, 3))


async def test_124_of_its_own_is_no_timeout() -> None:
    assert not (await run_once(launch("exit 124"), PATIENCE, lambda _text: None)).timed_out


async def test_who_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    pids, before = tmp_path / "pids", wardens()
    running = asyncio.create_task(run_once(launch(DAEMONS.format(pids)), None, lambda _text: None))
    found = await pids_in(pids, 3)
    running.cancel()
    await asyncio.wait({running}, timeout=PATIENCE)
    assert running.cancelled()
    assert not any(is_alive(pid) for pid in found)
    assert wardens() == before


async def test_errors_have_two_thirds_of_the_room() -> None:
    done = await run_once(
        launch("head -c 3000000 /dev/zero | tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2"),
        PATIENCE,
        lambda _t: None,
    )
    outs, errors = done.aggregated.count("o"), done.aggregated.count("e")
    assert abs(outs - (1 << 20) // 3) < 100
    assert abs(errors - 2 * (1 << 20) // 3) < 100


async def test_a_signal_counts_as_shells_count_it(terminals: Terminals) -> None:
    terminal, _ = await open_one(terminals, "kill -9 $$")
    assert (await terminal.collect(PATIENCE)).exit_code == 137
    assert (await run_once(launch("kill -15 $$"), PATIENCE, lambda _text: None)).exit_code == 143
