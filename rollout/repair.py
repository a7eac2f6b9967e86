"""A damaged rollout -> a mended one in its place, with the original kept beside it. Nothing whole is ever lost.

What changes: glued lines are cut apart, fragments are left out, the last line gets its end. Every other byte stays.
What kept files and half-written ones are called is chosen so that no reader takes them for a rollout; not even the
peer, which searches the names of files for a thread's id.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from protocol.wire import Wire
from rollout.lines import decode_line
from rollout.paths import parse_name
from rollout.pieces import split
from rollout.reader import RolloutError, RolloutMissing, RolloutNotFile, raw_lines
from rollout.recorder import Clock, utc_now


class RepairRefused(RolloutError):
    """The file was not touched."""

    reason = "was not repaired"


class Repair(Wire):
    """What was done. ``kept``: the original. Counts of lines cut apart and left out, and the bytes of the latter."""

    kept: str
    split: int
    dropped: int
    dropped_bytes: int


class _Mending:
    """Lines as they should be, made from lines as they are."""

    def __init__(self) -> None:
        self.changed = False
        self.kept = 0
        self.split = 0
        self.dropped = 0
        self.dropped_bytes = 0

    def lines(self, raws: Iterator[bytes]) -> Iterator[bytes]:
        for raw in raws:
            if raw.isspace():
                yield raw
            elif decode_line(raw, items=False) is None:
                yield from self._mended(raw)
            else:
                self.kept += 1
                yield self._ended(raw)

    def _ended(self, raw: bytes) -> bytes:
        if raw.endswith(b"\n"):
            return raw
        self.changed = True
        return raw + b"\n"

    def _mended(self, raw: bytes) -> Iterator[bytes]:
        pieces = split(raw)
        whole = [piece.content for piece in pieces if piece.whole]
        self.kept += len(whole)
        if len(pieces) == len(whole) == 1:
            yield self._ended(raw)
            return
        self.changed = True
        self.split += len(whole) - 1 if len(whole) > 1 else 0
        self.dropped += len(pieces) - len(whole)
        self.dropped_bytes += sum(len(piece.content) for piece in pieces if not piece.whole)
        yield from (content + b"\n" for content in whole)


def repair(path: Path, clock: Clock = utc_now) -> Repair | None:
    """Mend a rollout; None if there was nothing to do. Nobody may write to it meanwhile.

    The mended file comes into its place at once, with the mode and the mtime of the original; a microsecond later if
    it has its size too, so that nothing that remembers files by both takes one for the other.
    Raises :class:`~rollout.reader.RolloutError`, and ``OSError`` if it cannot be written.
    """
    moment = clock()
    path = path.resolve()
    if not path.is_file():
        raise RolloutNotFile(path) if path.exists() else RolloutMissing(path)
    before = path.stat()
    mending = _Mending()
    draft = path.with_name(f"{_label(path)}.repairing-{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.writelines(mending.lines(raw_lines(path)))
            file.flush()
            os.fsync(file.fileno())
        if not mending.changed:
            return None
        if not mending.kept:
            raise RepairRefused(path, "was not repaired: no line of it is whole")
        kept = _swap(path, draft, before, moment)
    finally:
        draft.unlink(missing_ok=True)
    return Repair(kept=str(kept), split=mending.split, dropped=mending.dropped, dropped_bytes=mending.dropped_bytes)


def _swap(path: Path, draft: Path, before: os.stat_result, moment: datetime) -> Path:
    """Keep the original under another name and put the draft in its place. There is a file at every moment."""
    later = 1_000 if draft.stat().st_size == before.st_size else 0
    shutil.copymode(path, draft)
    with contextlib.suppress(OSError):  # only root may give a file away, and nobody else needs to
        os.chown(draft, before.st_uid, before.st_gid)
    os.utime(draft, ns=(before.st_atime_ns, before.st_mtime_ns + later))
    kept = _keep(path, moment)
    now = path.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        kept.unlink()
        raise RepairRefused(path, "was not repaired: somebody writes to it")
    draft.replace(path)
    _sync_folder(path.parent)
    return kept


def _keep(path: Path, moment: datetime) -> Path:
    """A second name for the file; a copy where the file system has no second names."""
    stem = f"{_label(path)}.before-repair-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1_000):
        kept = path.with_name(stem if number == 1 else f"{stem}-{number}")
        if kept.exists():
            continue
        try:
            os.link(path, kept)
        except OSError:
            shutil.copy2(path, kept)
            with kept.open("rb") as file:
                os.fsync(file.fileno())
        return kept
    raise RepairRefused(path, "was not repaired: there are too many kept originals beside it")


def _label(path: Path) -> str:
    """What tells a person which file it was, and is no name of a rollout: for one, the end of its id."""
    name = parse_name(path.name)
    return path.name.removeprefix("rollout-") if name is None else f"{name.created:%Y-%m-%d}-{name.thread_id[-12:]}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
