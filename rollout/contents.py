"""What a list shows of one rollout, read from its file: the head, and what its newest lines say. Plain blocking calls.

The head is read anew each time. Names and settings may stand anywhere, so a big file is read on from where it was
left: rollouts are only ever appended to, and the bytes before that place are compared to see that this one was.
"""

from __future__ import annotations

from pathlib import Path

from protocol.wire import Record
from rollout.latest import Latest, Newest
from rollout.reader import RolloutError, RolloutMissing, read_head
from rollout.summary import ThreadSummary, summarise

SMALL = 1 << 20
"""Bytes up to which a file is simply read again."""

_ENDING = 256
_BUFFER = 1 << 18


class Contents(Record):
    """What a file says. ``summary``: None if it says of no thread. ``listed``: it holds a user message near its start.

    ``latest``: what its newest lines say, also of its name. ``scanned``: up to where they were looked for in a big
    file, with the bytes before that place.
    """

    summary: ThreadSummary | None
    listed: bool = False
    latest: Latest = Latest()
    scanned: int = 0
    ending: bytes = b""


def read_contents(path: Path, updated_at: int, before: Contents | None = None) -> Contents:
    """Read a file, of which ``before`` was read earlier. Raises :class:`~rollout.reader.RolloutError`."""
    head = read_head(path)
    if head is None:
        return Contents(summary=None)
    summary = summarise(head, path, updated_at)
    listed = head.first_message is not None
    try:
        latest, scanned, ending = _read_latest(path, summary.id, before)
    except FileNotFoundError:
        raise RolloutMissing(path) from None
    except OSError as error:
        raise RolloutError(path, f"cannot be read: {error.strerror}") from error
    shown = summary.with_latest(latest)
    return Contents(summary=shown, listed=listed, latest=latest, scanned=scanned, ending=ending)


def _read_latest(path: Path, thread_id: str, before: Contents | None) -> tuple[Latest, int, bytes]:
    newest = Newest(thread_id)
    scanned = 0
    with path.open("rb", buffering=_BUFFER) as file:
        if before is not None and before.scanned and before.summary and before.summary.id == thread_id:
            file.seek(before.scanned - len(before.ending))
            if file.read(len(before.ending)) == before.ending:
                newest, scanned = Newest(thread_id, before.latest), before.scanned
        file.seek(scanned)
        for raw in file:
            if not raw.endswith(b"\n"):  # not written to its end: not passed over, and read again the next time
                passed = newest.latest()
                newest.feed(raw)
                latest = newest.latest()
                return (passed, *_at(path, scanned)) if latest == passed else (latest, 0, b"")
            newest.feed(raw)
            scanned += len(raw)
    return newest.latest(), *_at(path, scanned)


def _at(path: Path, scanned: int) -> tuple[int, bytes]:
    if scanned <= SMALL:
        return 0, b""
    with path.open("rb", buffering=0) as file:
        start = max(scanned - _ENDING, 0)
        file.seek(start)
        return scanned, file.read(scanned - start)
