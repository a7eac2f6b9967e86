"""One command from its start to its end: output within its cap, time within its limit. Knows no client.

Made in one breath with its id being taken, and only then started: who asks for it meanwhile waits for the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from protocol.wire import Record
from server.commands.child import Child, Launch, Size
from server.commands.output import decode
from server.commands.stream import Reading

TIMED_OUT = 124
"""The exit code of a command that took too long."""


def status_of(exit_code: int) -> int:
    """As shells say how a command ended: signals count from 128 on."""
    return exit_code if exit_code >= 0 else 128 - exit_code


DRAIN = 2.0
"""Seconds for which output is read after the command has ended: others that it began may hold its pipes."""

StreamName = Literal["stdout", "stderr"]
Tell = Callable[[StreamName, bytes, bool], Awaitable[None]]
"""Takes a piece of output; with whether it is the last one because the cap is reached."""


class Bounds(Record):
    """``cap`` in bytes for each stream and ``timeout`` in seconds; null is without."""

    cap: int | None
    timeout: float | None


class Outcome(Record):
    """How a command ended: its exit code, or a negative number, the signal that ended it; what it said, unless that
    was told as it came."""

    exit_code: int
    stdout: str
    stderr: str
    stdout_capped: bool
    stderr_capped: bool
    drained: bool


class _Kept:
    """What one stream said, within the cap."""

    def __init__(self, cap: int | None) -> None:
        self._left = cap
        self.text = bytearray()
        self.capped = cap == 0

    def take(self, more: bytes) -> bytes | None:
        """As much of it as still fits; None if nothing does any more."""
        if self._left is None:
            return more
        if self._left == 0:
            return None
        taken = more[: self._left]
        self._left -= len(taken)
        self.capped = self._left == 0
        return taken


class Session:
    """A command that somebody may write to, resize and end. ``tell`` hears its output; without it that is kept."""

    def __init__(self, *, stdin: bool = False, tty: Size | None = None, tell: Tell | None = None) -> None:
        self.takes_input = stdin or tty is not None
        self._tty = tty
        self._tell = tell
        self._started: asyncio.Future[Child | None] = asyncio.get_running_loop().create_future()
        self._ending = asyncio.Event()
        self._at_line_start = True

    async def start(self, launch: Launch) -> Child:
        """Begin it. Raises :class:`~server.commands.child.SpawnError`."""
        try:
            child = await Child.start(launch, stdin=self.takes_input, tty=self._tty)
            self._started.set_result(child)
        finally:
            if not self._started.done():
                self._started.set_result(None)
        if self._ending.is_set():
            child.kill()
        return child

    async def run(self, child: Child, bounds: Bounds) -> Outcome:
        """Wait for its end. Nothing of it is left afterwards."""
        kept: dict[StreamName, _Kept] = {"stdout": _Kept(bounds.cap), "stderr": _Kept(bounds.cap)}
        pumps = [asyncio.create_task(self._pump("stdout", child.stdout, kept["stdout"]))]
        if child.stderr is not None:
            pumps.append(asyncio.create_task(self._pump("stderr", child.stderr, kept["stderr"])))
        try:
            exit_code = await _ended(child, bounds.timeout)
            _, late = await asyncio.wait(pumps, timeout=DRAIN)
        finally:
            await child.close()
        await asyncio.wait(pumps)
        stdout, stderr = kept["stdout"], kept["stderr"]
        return Outcome(
            exit_code=exit_code,
            stdout=decode(bytes(stdout.text), cut=stdout.capped),
            stderr=decode(bytes(stderr.text), cut=stderr.capped),
            stdout_capped=stdout.capped,
            stderr_capped=stderr.capped,
            drained=not late,
        )

    async def _pump(self, name: StreamName, stream: Reading, kept: _Kept) -> None:
        while more := await stream.read():
            taken = kept.take(more)
            if taken is None:
                continue
            if self._tell is None:
                kept.text += taken
            else:
                await self._tell(name, taken, kept.capped)

    # -- what may be done with it meanwhile ----------------------------------------------------------------------------

    async def write(self, text: bytes, *, end: bool) -> None:
        """Give it input, and with ``end`` no more after that. Raises ValueError when it takes none."""
        child = await self._started
        if not self.takes_input:
            raise ValueError("stdin streaming is not enabled")
        if child is None or child.stdin is None or not child.stdin.is_open:
            raise ValueError("stdin is already closed")
        if self._tty is not None and end:  # a terminal's end of file ends a line first, if one has begun
            self._note(text)
            text += b"\x04" if self._at_line_start else b"\x04\x04"
        await child.stdin.write(text)
        self._note(text)
        if end and self._tty is None:
            await child.stdin.end()

    def _note(self, text: bytes) -> None:
        if text:
            self._at_line_start = text.endswith((b"\n", b"\r", b"\x04"))

    async def resize(self, size: Size) -> None:
        """Give its terminal another size. Raises ValueError if it has none."""
        child = await self._started
        if child is not None:
            child.resize(size)

    async def kill(self) -> None:
        """End it, with all that it began."""
        child = await self._started
        if child is not None:
            child.kill()

    def cancel(self) -> None:
        """End it, also if it has not begun yet."""
        self._ending.set()
        if self._started.done() and (child := self._started.result()) is not None:
            child.kill()


async def _ended(child: Child, seconds: float | None) -> int:
    try:
        return await asyncio.wait_for(child.wait(), seconds)
    except TimeoutError:
        child.kill()
        await child.wait()
        return TIMED_OUT
