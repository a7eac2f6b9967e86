"""``threadcast doctor``: examine rollouts, show what they hold and used, repair them. Knows no running server."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol.wire import Wire, encode
from rollout.catalog import Catalog, IndexInUse
from rollout.doctor import examine
from rollout.findings import KindCount, Report
from rollout.lock import WriterLock
from rollout.paths import Home, parse_name
from rollout.reader import RolloutError, raw_lines
from rollout.repair import Repair, RepairRefused, repair
from server import doctor_tables
from server.config import default_home
from server.config_flags import FlagReader
from server.progress import Progress

HEALTHY, FINDINGS, NOT_FOUND = 0, 1, 2

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Examined(Wire):
    """One file: what was found (after a repair: what is left), what a repair did, what could not be done."""

    path: str
    report: Report | None = None
    repair: Repair | None = None
    problem: str | None = None


class Outcome(Wire):
    """What ``--json`` prints. ``kinds``: of all files together; ``indexed``: threads in the index, if made anew."""

    healthy: bool
    rollouts: list[Examined]
    kinds: list[KindCount]
    indexed: int | None


def add_to(commands: Any) -> None:
    """Enter the command and its flags."""
    command: argparse.ArgumentParser = commands.add_parser(
        "doctor", help="examine rollouts, show what they used, repair them"
    )
    command.add_argument("thread", nargs="?", metavar="THREAD|PATH", help="a thread's id, or a file")
    command.add_argument("--all", action="store_true", help="every thread, archived ones too")
    command.add_argument("--repair", action="store_true", help="mend what can be mended; the original is kept")
    command.add_argument("--json", action="store_true", help="for machines")
    command.add_argument("--codex-home", metavar="DIR", help="folder with threads (default: $CODEX_HOME or ~/.codex)")
    command.set_defaults(run=run)


def run(options: dict[str, Any]) -> int:
    """Do it. Returns the exit status: 0 all healthy, 1 something found, 2 bad usage, or nothing there to examine."""
    flags = FlagReader({"codex-home": options["codex_home"]}, os.environ)
    home = Home((flags.path("codex-home") or default_home(os.environ)).absolute())
    everything = options["all"]
    if bool(options["thread"]) == everything:
        return _complain("name one thread or file, or give --all")
    if everything and not home.path.is_dir():
        return _complain(f"there is no folder {home.path}")
    paths = sorted(_everything(home)) if everything else [_named(home, options["thread"])]
    found = [path for path in paths if path is not None]
    if not found and not everything:
        return _complain(f"there is no thread and no file `{options['thread']}` in {home.path}")
    progress = Progress(sum(_size(path) for path in found), sys.stderr)
    results = [_attend(home, path, progress, mend=options["repair"]) for path in found]
    progress.clear()
    outcome = _outcome(results, _rebuild(home) if everything else None)
    if options["json"]:
        print(encode(outcome).decode())
    else:
        _show(outcome, in_short=everything)
    if not everything and results[0].report is None:
        return NOT_FOUND
    return HEALTHY if outcome.healthy else FINDINGS


def _attend(home: Home, path: Path, progress: Progress, *, mend: bool) -> Examined:
    report, done = None, None
    try:
        report = _examine(home, path, progress)
        if mend and report.is_repairable:
            done = _mend(home, path, report)
            report = _examine(home, path, None)
    except (RolloutError, OSError) as error:
        return Examined(path=str(path), report=report, repair=done, problem=str(error))
    return Examined(path=str(path), report=report, repair=done)


def _examine(home: Home, path: Path, progress: Progress | None) -> Report:
    named = parse_name(path.name)
    running = named is not None and WriterLock(home, named.thread_id).owner().pid is not None
    return examine(_watched(raw_lines(path), progress), path, running=running)


def _watched(lines: Iterator[bytes], progress: Progress | None) -> Iterator[bytes]:
    for raw in lines:
        if progress is not None:
            progress.add(len(raw))
        yield raw


def _mend(home: Home, path: Path, report: Report) -> Repair | None:
    """Repair while nobody else may write."""
    if report.thread_id is None:
        raise RepairRefused(path, "was not repaired: no line of it says what thread this is")
    lock = WriterLock(home, report.thread_id)
    if not lock.take():
        raise RepairRefused(path, f"was not repaired: its thread is in use by {lock.owner()}")
    try:
        return repair(path)
    finally:
        lock.release()


def _named(home: Home, text: str) -> Path | None:
    if _ID.fullmatch(text):
        found = (path for path in _everything(home) if path.name.endswith(f"-{text.lower()}.jsonl"))
        return next(found, None)
    path = Path(text).expanduser()
    return path if path.exists() else None


def _rebuild(home: Home) -> int | None:
    """Make the index of threads anew; how many it holds, or None while a server uses it."""
    catalog = Catalog(home, watched=False)
    try:
        return catalog.rebuild()
    except IndexInUse:
        return None
    finally:
        catalog.close()


def _everything(home: Home) -> Iterator[Path]:
    for folder in (home.sessions, home.archived):
        yield from (path for path in folder.rglob("rollout-*.jsonl") if parse_name(path.name))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _outcome(results: list[Examined], indexed: int | None) -> Outcome:
    reports = [result.report for result in results if result.report is not None]
    healthy = all(result.report is not None and result.report.is_healthy for result in results)
    return Outcome(healthy=healthy, rollouts=results, kinds=doctor_tables.together(reports), indexed=indexed)


def _show(outcome: Outcome, *, in_short: bool) -> None:
    results = outcome.rollouts
    for result in results:
        if result.problem is not None:
            print(f"threadcast: {result.problem}", file=sys.stderr)
        if result.report is None:
            continue
        if not in_short:
            print(doctor_tables.whole(result.report, result.repair))
        elif result.repair is not None or not result.report.is_healthy:
            print(doctor_tables.short(result.report, result.repair) + "\n")
    if in_short:
        reports = [result.report for result in results if result.report is not None]
        print(doctor_tables.summary(reports, len(results) - len(reports)))
        indexed = "left alone: a server uses it" if outcome.indexed is None else f"made anew: {outcome.indexed} threads"
        print(f"\nindex {indexed}")


def _complain(problem: str) -> int:
    print(f"threadcast: {problem}", file=sys.stderr)
    return NOT_FOUND
