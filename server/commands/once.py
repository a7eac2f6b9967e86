"""A command that somebody waits for, within a time. Knows no client, no turn and no model."""

from __future__ import annotations

import time
from collections.abc import Callable

from protocol.wire import Record
from server.commands.child import Launch
from server.commands.output import HeadTail
from server.commands.pieces import Pieces
from server.commands.session import TIMED_OUT, Bounds, Session, StreamName, status_of

KEPT = 1 << 20
"""Bytes of each stream, and of both together, that are kept."""


class Finished(Record):
    """How a command ended: its exit code, 124 if its time was up, or 128 and the number of the signal that ended it.

    ``aggregated`` is the output first and then the errors, within :data:`KEPT`.
    """

    exit_code: int
    stdout: str
    stderr: str
    aggregated: str
    seconds: float
    timed_out: bool


async def run_once(launch: Launch, seconds: float | None, tell: Callable[[str], None]) -> Finished:
    """Run a command to its end, telling its output as it comes. Who is cancelled leaves nothing of it behind.

    Raises :class:`~server.commands.child.SpawnError`.
    """
    kept: dict[StreamName, HeadTail] = {"stdout": HeadTail(KEPT), "stderr": HeadTail(KEPT)}
    pieces = Pieces(tell)

    async def hear(stream: StreamName, more: bytes, _capped: bool) -> None:
        kept[stream].add(more)
        pieces.add(more, stream)

    session = Session(tell=hear)
    began = time.monotonic()
    outcome = await session.run(await session.start(launch), Bounds(cap=None, timeout=seconds))
    ran = time.monotonic() - began
    pieces.end()
    return Finished(
        exit_code=status_of(outcome.exit_code),
        stdout=kept["stdout"].text(),
        stderr=kept["stderr"].text(),
        aggregated=_together(kept["stdout"], kept["stderr"]),
        seconds=ran,
        timed_out=outcome.exit_code == TIMED_OUT and seconds is not None and ran >= seconds,
    )


def _together(output: HeadTail, errors: HeadTail) -> str:
    """Both, in which errors have two thirds of the room if it is needed."""
    sizes = [min(kept.total, KEPT) for kept in (output, errors)]
    if sum(sizes) <= KEPT:
        return output.text() + errors.text()
    room = max(KEPT // 3, KEPT - sizes[1])
    return _within(output, room) + _within(errors, KEPT - min(room, sizes[0]))


def _within(kept: HeadTail, room: int) -> str:
    less = HeadTail(room)
    for part in kept.parts():
        less.add(part)
    less.total = kept.total if less.left_out else less.total
    return less.text()
