"""The command as people and scripts use it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from rollout.findings import Finding, KindCount, Report, TurnUse
from rollout.lock import WriterLock
from rollout.paths import Home
from rollout.repair import Repair
from server.cli import main
from server.doctor import Examined, Outcome
from server.progress import Progress
from tests.support import rollouts
from tests.support.rollouts import RolloutBuilder, thread_id, usage_info

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    return tmp_path


def asked(output: Output, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and what ``--json`` prints."""
    status = main(["doctor", *arguments, "--json"])
    return status, json.loads(output.readouterr().out)


def test_a_healthy_thread_is_shown_with_its_size_and_usage(home: Path, capsys: Output) -> None:
    builder = RolloutBuilder(home).turn("one", "first", usage_info(1)).turn("two", "second", usage_info(4))
    written = builder.write()
    assert main(["doctor", written.thread_id]) == 0
    shown, complaints = capsys.readouterr()
    assert complaints == ""
    lines = [line.split() for line in shown.splitlines()]
    assert shown.startswith(f"{written.path}\n  thread {written.thread_id}, 17 lines, ")
    assert ["kind", "lines", "bytes"] in lines
    assert ["response_item", "message", "4"] in [line[:3] for line in lines]
    assert ["turn", "line", "status", "input", "cached", "output", "reasoning", "total"] in lines
    assert [written.turn_ids[1], "10", "completed", "3", "3", "3", "3", "3"] in lines
    assert ["all", "11,004", "12,004", "13,004", "14,004", "15,004"] in lines
    assert lines[-1] == ["nothing", "to", "find", "fault", "with"]


def test_tables_are_aligned(home: Path, capsys: Output) -> None:
    written = rollouts.with_usage(home)
    main(["doctor", str(written.path)])
    tables = capsys.readouterr().out.split("\n\n")[1:3]
    for table in tables:
        ends = {len(line) for line in table.splitlines()}
        assert len(ends) == 1, table


def test_findings_are_shown_and_are_status_one(home: Path, capsys: Output) -> None:
    written = rollouts.torn(home)
    assert main(["doctor", str(written.path)]) == 1
    shown = capsys.readouterr().out
    assert "line 9  torn-tail  the last line is cut off after 64 bytes" in shown
    assert "--repair mends some of this" in shown


def test_json_says_the_same(home: Path, capsys: Output) -> None:
    written = rollouts.torn(home)
    status, outcome = asked(capsys, written.thread_id)
    (examined,) = outcome["rollouts"]
    assert (status, outcome["healthy"], outcome["indexed"]) == (1, False, None)
    assert examined["report"]["threadId"] == written.thread_id
    assert examined["report"]["findings"] == [
        {"kind": "torn-tail", "line": 9, "text": "the last line is cut off after 64 bytes"}
    ]
    assert examined["report"]["counts"] == {"torn-tail": 1}
    assert examined["report"]["turns"][0]["usage"]["totalTokens"] == 0
    assert examined["repair"] is None


def test_a_repair_is_told_and_what_is_left_decides_the_status(home: Path, capsys: Output) -> None:
    written = rollouts.torn(home)
    status, outcome = asked(capsys, written.thread_id, "--repair")
    (examined,) = outcome["rollouts"]
    assert (status, outcome["healthy"]) == (0, True)
    assert examined["repair"]["dropped"] == 1
    assert Path(examined["repair"]["kept"]).is_file()
    assert main(["doctor", written.thread_id, "--repair"]) == 0
    assert "repaired" not in capsys.readouterr().out
    stale = rollouts.mid_turn(home, number=2)
    assert main(["doctor", stale.thread_id, "--repair"]) == 1
    assert "unfinished-turn" in capsys.readouterr().out


def test_a_thread_that_somebody_writes_is_examined_but_not_repaired(home: Path, capsys: Output) -> None:
    builder = RolloutBuilder(home).turn("one", "first").raw(b"junk\n").begin().say("two")
    written = builder.write()
    before = written.path.read_bytes()
    lock = WriterLock(Home(home), written.thread_id)
    assert lock.take()
    assert main(["doctor", written.thread_id, "--repair"]) == 1
    shown, complaints = capsys.readouterr()
    assert "was not repaired: its thread is in use by" in complaints
    assert "not-json" in shown
    assert "unfinished-turn" not in shown
    assert written.path.read_bytes() == before
    lock.release()
    assert main(["doctor", written.thread_id, "--repair"]) == 1
    assert "unfinished-turn" in capsys.readouterr().out
    assert written.path.read_bytes() != before


def test_all_threads_are_examined_archived_ones_too(home: Path, capsys: Output) -> None:
    good, bad, archived = (rollouts.plain(home), rollouts.torn(home, number=2), rollouts.with_garbage(home, number=3))
    (home / "archived_sessions").mkdir()
    archived.path.rename(home / "archived_sessions" / archived.path.name)
    assert main(["doctor", "--all"]) == 1
    shown = capsys.readouterr().out
    assert str(good.path) not in shown
    assert f"{bad.path}\n  line 9  torn-tail" in shown
    assert str(home / "archived_sessions") in shown
    assert "3 rollouts, " in shown
    assert "2 with findings" in shown
    assert "index made anew: 3 threads" in shown
    status, outcome = asked(capsys, "--all", "--repair")
    assert (status, len(outcome["rollouts"]), outcome["indexed"]) == (0, 3, 3)
    assert main(["doctor", archived.thread_id]) == 0
    assert len(list(home.rglob("*.before-repair-*"))) == 2


def test_an_empty_home_is_healthy(capsys: Output) -> None:
    assert main(["doctor", "--all"]) == 0
    assert capsys.readouterr().out.startswith("0 rollouts, 0 bytes; 0 with findings")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name one thread or file, or give --all"),
        ([thread_id(1), "--all"], "name one thread or file, or give --all"),
        ([thread_id(1)], "there is no thread and no file"),
        (["no/such.jsonl"], "there is no thread and no file"),
        (["--all", "--codex-home", "/no/such"], "there is no folder /no/such"),
        (["."], "is not a file"),
    ],
)
def test_what_cannot_be_examined_is_status_two(arguments: list[str], complaint: str, capsys: Output) -> None:
    assert main(["doctor", *arguments]) == 2
    shown, complaints = capsys.readouterr()
    assert shown == ""
    assert complaint in complaints


def test_a_file_that_is_no_rollout_is_not_repaired(home: Path, capsys: Output) -> None:
    path = home / "list.jsonl"
    path.write_bytes(b'{"a":1}\noh\n')
    assert main(["doctor", str(path), "--repair"]) == 1
    assert "says what thread this is" in capsys.readouterr().err
    assert path.read_bytes() == b'{"a":1}\noh\n'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_wiped_away() -> None:
    terminal = Terminal()
    progress = Progress(2_000_000, terminal)
    progress.add(1_000_000)
    progress.clear()
    assert terminal.getvalue() == f"\r[{'#' * 15}{'.' * 15}]  50% of 2 MB\r\x1b[K"


def test_progress_is_not_shown_elsewhere() -> None:
    stream = io.StringIO()
    progress = Progress(10, stream)
    progress.add(10)
    progress.clear()
    assert stream.getvalue() == ""


def test_what_json_prints_is_documented() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    section = readme.partition("## Doctor")[2].partition("\n## ")[0]
    shapes = (Outcome, Examined, Report, KindCount, TurnUse, Finding, Repair)
    members = {name for shape in shapes for name in shape.__struct_encode_fields__}
    assert [name for name in sorted(members) if f"`{name}`" not in section] == []
