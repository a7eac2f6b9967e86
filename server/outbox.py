"""What waits to be written to one socket: frames in order, bounded in bytes. Knows no message and no thread.

All frames that become ready in one turn of the event loop leave in one write. What waits longer, because the client
does not keep up, is said in fewer frames once it is too much. The frames are complete WebSocket
frames, so they go past the library's send path straight to the transport. What the library then does not do for us
is done here: nothing is written once the closing handshake has begun, and a socket that takes no more bytes is
waited for, up to a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from protocol.errors import TRY_AGAIN_LATER, Disconnect
from protocol.frames import Frame
from server.thinning import least, thinned

_WEIGHT = 2
"""Bytes of memory, about, for each byte of a notification that waits: it keeps what it was made from as well."""

_TOO_MUCH = "too slow: more waits for this connection than the server keeps; reconnect and resume"


class Socket(Protocol):
    """What an outbox needs of a connection of the websockets library."""

    def is_open(self) -> bool:
        """Neither closed nor closing."""
        ...

    def write(self, data: bytes, /) -> None:
        """Hand bytes to the transport."""
        ...

    def write_parts(self, parts: list[bytes], /) -> None:
        """The same for many bytes, without putting them together first."""
        ...

    def unsent(self) -> int:
        """Bytes the transport still holds."""
        ...

    def is_full(self) -> bool:
        """The transport asked for a pause."""
        ...

    async def drain(self) -> None:
        """Return when it takes bytes again. Raises ConnectionError or OSError when it is gone."""
        ...


class Round:
    """The outboxes that have something to write at the end of this turn of the event loop; one for a whole server.

    A callback of the loop for each of them would cost as much as half of a write.
    """

    def __init__(self) -> None:
        self.messages = 0
        """How many were written so far, to all of them."""
        self.bytes = 0
        """The same in bytes."""
        self.given_up = 0
        """How many clients were too slow."""
        self._due: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Let it write soon."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._write)
        self._due.append(outbox)

    def _write(self) -> None:
        begun, self._due = self._due, []
        due = iter(begun)
        try:
            for outbox in due:
                outbox.flush()
        finally:  # one that fails is no reason not to write to the others
            for outbox in due:
                self.add(outbox)


class Outbox:
    """Frames on their way to one socket.

    ``limit`` bounds the notifications that wait here behind the first frame, in bytes of memory; replies do not count,
    for the client asked for them and they may be large: who reads its requests waits for :meth:`room`. Over it
    notifications are thinned; a quarter more may gather until that is tried again. ``deadline`` is how long, in
    seconds, the socket may take nothing. Beyond either, ``on_stuck`` is called once with the order to disconnect.
    ``together``: whom it writes in one breath with.
    """

    def __init__(
        self,
        socket: Socket,
        *,
        limit: int,
        deadline: float,
        on_stuck: Callable[[Disconnect], None],
        together: Round | None = None,
    ) -> None:
        self._socket = socket
        self._round = together or Round()
        self._limit = limit
        self._deadline = deadline
        self._on_stuck = on_stuck
        self._waiting: list[Frame] = []
        self._told = 0
        self._answered = 0
        self._room = asyncio.Event()
        self._room.set()
        self._bearable = limit
        self._in_parts = False
        self._flush_scheduled = False
        self._drain: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes that wait, here and in the socket."""
        return sum(map(len, self._waiting)) + self._socket.unsent()

    def put(self, frame: Frame) -> None:
        """Send a frame after all that were put before. A no-op once the connection is closed."""
        if self._closed:
            return
        if frame.method is None:
            self._answered += len(frame)
            if self._answered > self._limit:
                self._room.clear()
        elif self._waiting:  # one frame alone may have any size
            self._told += frame.size * _WEIGHT
        self._waiting.append(frame)
        if frame.rest:
            self._in_parts = True
        if self._told > self._bearable:
            self._relieve()
        elif not self._flush_scheduled and self._drain is None:
            self._flush_scheduled = True
            self._round.add(self)

    async def room(self) -> None:
        """Wait while more replies wait than the limit: who does not read its answers is to ask nothing more."""
        if not self._room.is_set():
            await self._room.wait()

    async def caught_up(self) -> None:
        """Wait while the socket takes no more, so that who could say much says it at the client's pace."""
        while self._drain is not None:
            await asyncio.wait({self._drain})

    def close(self) -> None:
        """Write what waits, if the socket is still open, and take no more."""
        self.flush()
        self._closed = True
        self._waiting.clear()
        if self._drain is not None:
            self._drain.cancel()

    def flush(self) -> None:
        """Write what waits, if the socket takes it now."""
        self._flush_scheduled = False
        if self._closed or not self._waiting or not self._socket.is_open():
            return
        if self._socket.is_full():
            self._drain = asyncio.get_running_loop().create_task(self._drain_then_flush())
            return
        waiting, self._waiting = self._waiting, []
        self._told, self._answered, self._bearable = 0, 0, self._limit
        self._room.set()
        self._round.messages += len(waiting)
        self._round.bytes += self._write(waiting)

    def _write(self, frames: list[Frame]) -> int:
        """Hand them to the socket in one call. Returns how many bytes that were."""
        if self._in_parts:
            self._in_parts = False
            self._socket.write_parts([part for frame in frames for part in (frame.data, *frame.rest)])
            return sum(map(len, frames))
        data = frames[0].data if len(frames) == 1 else b"".join([frame.data for frame in frames])
        self._socket.write(data)
        return len(data)

    def _relieve(self) -> None:
        """Too much waits: write it, or say it in fewer frames, or give up."""
        if self._drain is None:
            self.flush()  # much was said in one turn of the event loop; that alone is not the client's fault
        if self._told <= self._limit:
            return
        if least(self._waiting[1:]) * _WEIGHT > self._limit:
            self._give_up(_TOO_MUCH)  # nothing is won, and to put long texts together takes memory
            return
        first = self._waiting[0]
        self._waiting = thinned(self._waiting)
        self._in_parts = any(frame.rest for frame in self._waiting)
        bounded = self._waiting[1:] if self._waiting[0] is first else self._waiting
        self._told = sum(frame.size * _WEIGHT for frame in bounded if frame.method is not None)
        # Room for more, so that a text is not put together again with each piece of it.
        self._bearable = max(self._limit, self._told + self._limit // 4)
        if self._told > self._limit:
            self._give_up(_TOO_MUCH)

    async def _drain_then_flush(self) -> None:
        try:
            while not await self._drained():
                pass
        except TimeoutError:
            self._give_up("too slow: nothing could be written for too long; reconnect and resume")
        except OSError:
            self._closed = True
        finally:
            self._drain = None
        self.flush()

    async def _drained(self) -> bool:
        """Wait for room. False if there is none at the deadline but some bytes left; TimeoutError if none did."""
        before = self._socket.unsent()
        try:
            async with asyncio.timeout(self._deadline):
                await self._socket.drain()
        except TimeoutError:
            if self._socket.unsent() >= before:
                raise
            return False
        return True

    def _give_up(self, reason: str) -> None:
        self._closed = True
        self._waiting.clear()
        self._round.given_up += 1
        self._on_stuck(Disconnect(TRY_AGAIN_LATER, reason))
