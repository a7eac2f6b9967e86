"""One end of a pipe or terminal, read or written without blocking the event loop. Knows no process."""

from __future__ import annotations

import asyncio
import os

CHUNK = 16 * 1024
"""Bytes that are read at once at most."""


class Reading:
    """What comes out of a file descriptor, which is owned from now on. Nothing is read ahead of who asks."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._ready: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """Some bytes; none at the end, and after :meth:`close`."""
        await asyncio.sleep(0)  # who writes without a pause leaves time to others
        while self._fd >= 0:
            try:
                return os.read(self._fd, CHUNK)
            except BlockingIOError:
                await self._wait()
            except OSError:  # a terminal whose other side is gone
                return b""
        return b""

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._ready = ready = loop.create_future()
        loop.add_reader(self._fd, _set, ready)
        try:
            await ready
        finally:
            if self._fd >= 0:
                loop.remove_reader(self._fd)
            self._ready = None

    def close(self) -> None:
        """Read no more."""
        if self._fd < 0:
            return
        if self._ready is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            _set(self._ready)
        os.close(self._fd)
        self._fd = -1


class Writing:
    """What goes into a file descriptor, which is owned from now on, in the order of the calls."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._order = asyncio.Lock()
        self._ready: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """It takes more."""
        return self._fd >= 0

    async def write(self, text: bytes) -> None:
        """Write all of it, or what is taken until the other side is gone."""
        async with self._order:
            rest = memoryview(text)
            while rest and self._fd >= 0:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:
                    await self._wait()
                except OSError:
                    return

    async def end(self) -> None:
        """Close it once everything is written."""
        async with self._order:
            self.close()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._ready = ready = loop.create_future()
        loop.add_writer(self._fd, _set, ready)
        try:
            await ready
        finally:
            if self._fd >= 0:
                loop.remove_writer(self._fd)
            self._ready = None

    def close(self) -> None:
        """Write no more, and drop what waits."""
        if self._fd < 0:
            return
        if self._ready is not None:
            asyncio.get_running_loop().remove_writer(self._fd)
            _set(self._ready)
        os.close(self._fd)
        self._fd = -1


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
