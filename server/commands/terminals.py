"""The commands of one thread that may outlive the turn that started them: found by a number, bounded, ended together.

Knows no thread, no turn and no model: who opens a terminal hears of it through :class:`Hearer`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from protocol.wire import Record
from server.commands.child import DEFAULT_SIZE, Child, Launch
from server.commands.output import HeadTail
from server.commands.pieces import Pieces
from server.commands.session import status_of

MOST = 64
"""Terminals of one thread at most."""

PROTECTED = 8
"""So many that were used last are not ended to make room."""

KEPT = 1 << 20
"""Bytes of output that are kept for who looks next, and for the end."""

DRAIN = 0.05
"""Seconds for which output is waited for after a command has ended: others that it began may hold its pipe."""

LAST_WORDS = 2.0
"""Seconds in which what is in the pipe must be read once nobody is left to write to it."""

ECHO = 0.1
"""Seconds that a command has to answer what was written to it before somebody looks."""

_NUMBERS = range(1000, 100_000)


class Ended(Record):
    """How a command ended: its exit code, 128 and the number of the signal that ended it, or -1 if we ended it.

    ``output``: all that it said, within :data:`KEPT`. ``seconds``: how long it ran.
    """

    exit_code: int
    output: str
    seconds: float


class Seen(Record):
    """What a command said since somebody looked last.

    ``size``: bytes said, also those that are not kept. ``seconds`` were waited. ``exit_code``: null while it runs.
    """

    output: str
    size: int
    seconds: float
    exit_code: int | None


class Hearer(Protocol):
    """Who is told of a command, in this order, each from the event loop and in one breath."""

    def began(self, terminal: Terminal) -> None:
        """It runs. Nothing was read yet."""
        ...

    def said(self, text: str) -> None:
        """A piece of its output, see :mod:`server.commands.pieces`."""
        ...

    def ended(self, end: Ended) -> None:
        """It has ended, and nothing of it is left."""
        ...


class Terminal:
    """One command. ``number`` is what a model calls it."""

    def __init__(self, number: int, child: Child, hearer: Hearer, *, tty: bool) -> None:
        self.number = number
        self.tty = tty
        self.used = time.monotonic()
        self.end: Ended | None = None
        self.hearer: Hearer = hearer
        self._child = child
        self._began = time.monotonic()
        self._unseen = HeadTail(KEPT)
        self._all = HeadTail(KEPT)
        self._over = asyncio.Event()
        self._typing = set[asyncio.Task[None]]()
        self._killed = False

    async def collect(self, seconds: float) -> Seen:
        """Wait until it ends, but no longer than that, and take what it said. Who is cancelled takes nothing."""
        began = time.monotonic()
        await self.wait(seconds)
        self.used = time.monotonic()
        unseen, self._unseen = self._unseen, HeadTail(KEPT)
        exit_code = None if self.end is None else self.end.exit_code
        return Seen(output=unseen.text(), size=unseen.total, seconds=self.used - began, exit_code=exit_code)

    async def write(self, text: str) -> None:
        """Type this, and give it a moment to answer. Raises ValueError if it reads nothing."""
        if not self.tty:
            raise ValueError("stdin is closed for this session; rerun exec_command with tty=true to keep stdin open")
        self.used = time.monotonic()
        assert self._child.stdin is not None
        typing = asyncio.create_task(self._child.stdin.write(text.encode(errors="replace")))
        self._typing.add(typing)  # who reads nothing holds it up, until its end
        typing.add_done_callback(self._typing.discard)
        await self.wait(ECHO)

    def kill(self) -> None:
        """End it, with all that it began. Its end is told later."""
        self._killed = True
        self._child.kill()

    async def stop(self) -> None:
        """End it, with all that it began. Returns when its end was told."""
        self.kill()
        await self._over.wait()

    async def wait(self, seconds: float) -> None:
        """Wait until it ends, but no longer than that. Takes nothing."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    async def run(self) -> None:
        """Read it to its end. Whoever made it calls this once, and it must not be cancelled."""
        self.hearer.began(self)
        pieces = Pieces(lambda text: self.hearer.said(text))
        reading = asyncio.create_task(self._read(pieces))
        exit_code = await self._child.wait()
        ran = time.monotonic() - self._began
        _, late = await asyncio.wait({reading}, timeout=DRAIN)
        if late:  # what it left behind holds the pipe; without them it comes to an end
            self._child.kill()
            await asyncio.wait({reading}, timeout=LAST_WORDS)
        await self._child.close()
        await reading
        pieces.end()
        code = -1 if self._killed and exit_code < 0 else status_of(exit_code)
        self.end = Ended(exit_code=code, output=self._all.text(), seconds=ran)
        try:
            self.hearer.ended(self.end)
        finally:
            self._over.set()

    async def _read(self, pieces: Pieces) -> None:
        while more := await self._child.stdout.read():
            self._unseen.add(more)
            self._all.add(more)
            pieces.add(more)


class Terminals:
    """Those of one thread. ``release`` hears, in a thread, when nothing is left of a launch."""

    def __init__(self, release: Callable[[Launch], None] = lambda _launch: None) -> None:
        self._release = release
        self._open: dict[int, Terminal] = {}
        self._reserved = set[int]()
        self._running = set[asyncio.Task[None]]()
        self._starting = 0
        self._cleaned = 0

    def reserve(self) -> int:
        """A number that nothing else here has, for the next :meth:`open`."""
        number = random.choice(_NUMBERS)
        while number in self._open or number in self._reserved:
            number = random.choice(_NUMBERS)
        self._reserved.add(number)
        return number

    async def open(self, number: int, launch: Launch, hearer: Hearer, *, tty: bool = False) -> Terminal:
        """Start a command under a number that was reserved; the one used least makes room for it.

        Raises :class:`~server.commands.child.SpawnError`; then, as when it is cancelled, nothing was told and the
        number stays reserved.
        """
        await self._make_room()
        cleaned, begun = self._cleaned, False
        self._starting += 1
        try:
            child = await Child.start(launch, tty=DEFAULT_SIZE if tty else None, merged=not tty)
            begun = True
        finally:
            self._starting -= 1
            if not begun:
                await asyncio.shield(asyncio.to_thread(self._release, launch))
        self._reserved.discard(number)
        terminal = self._open[number] = Terminal(number, child, hearer, tty=tty)
        running = asyncio.create_task(self._run(terminal, launch))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        if cleaned != self._cleaned:  # all were ended while this one was on its way
            terminal.kill()
        return terminal

    def free(self, number: int) -> None:
        """Nothing will be opened under this number."""
        self._reserved.discard(number)

    def find(self, number: int) -> Terminal | None:
        """The terminal of this number, unless :meth:`forget` was called for it."""
        return self._open.get(number)

    def forget(self, number: int) -> None:
        """Its end was seen: it is not found any more."""
        self._open.pop(number, None)

    @property
    def live(self) -> list[Terminal]:
        """Those that have not ended, in the order in which they were opened."""
        return [terminal for terminal in self._open.values() if terminal.end is None]

    def kill_all(self) -> None:
        """End all of them. They are not found any more; their ends are told later."""
        self._cleaned += 1
        for terminal in self._open.values():
            terminal.kill()
        self._open.clear()

    async def clean(self) -> None:
        """End all of them, and wait until nothing is left and their ends were told."""
        self.kill_all()
        if self._running:
            await asyncio.wait(self._running.copy())

    async def _run(self, terminal: Terminal, launch: Launch) -> None:
        try:
            await terminal.run()
        finally:
            await asyncio.to_thread(self._release, launch)

    async def _make_room(self) -> None:
        while len(self._open) + self._starting >= MOST:
            by_use = sorted(self._open.values(), key=lambda terminal: terminal.used)
            spare = by_use[:-PROTECTED]
            victim = next((each for each in spare if each.end is not None), spare[0])
            del self._open[victim.number]
            await victim.stop()
