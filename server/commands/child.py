"""One command as a child of a warden, with pipes or a terminal. Knows no client, no policy and no limit of output."""

from __future__ import annotations

import asyncio
import json
import marshal
import os
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from protocol.wire import Record
from server.commands.stream import Reading, Writing

WARDEN = "import sys; sys.path.insert(0, sys.argv[2]); import warden; warden.main()"
"""Begins a warden: imported, so that it is compiled once and not for each command, and from its own folder, for nothing
else of the server is needed there."""

GRACE = 2.0
"""Seconds that a command has between being asked to end and being killed."""


class Size(NamedTuple):
    """Of a terminal, in characters."""

    rows: int
    cols: int


DEFAULT_SIZE = Size(24, 80)


class Launch(Record):
    """What to run, and how it is confined.

    ``landlock``: where it may write, null for anywhere. ``call_filter``: a seccomp program, set by the warden together
    with ``landlock``; else by the program of ``prefix``, which is told the number of the file that holds it in place
    of ``FILTER``.
    """

    argv: list[str]
    cwd: str
    env: Mapping[str, str]
    prefix: list[str] = []
    landlock: list[str] | None = None
    call_filter: bytes | None = None
    masked: list[str] = []
    """Places that were made only to be covered, so that nothing can be put there."""


FILTER = "{filter}"


class SpawnError(Exception):
    """The command could not be started; the text says why."""


class Child:
    """A running command. Its output is read by whoever wants it; ``stderr`` is None where ``stdout`` has both."""

    def __init__(self, control: socket.socket, warden: subprocess.Popen[bytes], ends: _Ends) -> None:
        self._control = control
        self._warden = warden
        self.stdin = ends.stdin
        self.stdout = ends.stdout
        self.stderr = ends.stderr
        self._terminal = ends.terminal
        self._said = b""
        self._status: asyncio.Task[int] | None = None

    @classmethod
    async def start(
        cls, launch: Launch, *, stdin: bool = False, tty: Size | None = None, merged: bool = False
    ) -> Child:
        """Begin the command. ``merged``: both outputs go through one pipe, in the order in which they are written.

        Raises :class:`SpawnError`. Nothing is left of a start that is cancelled.
        """
        starting = asyncio.create_task(cls._start(launch, stdin, tty, merged))
        given = False
        try:
            child = await asyncio.shield(starting)
            given = True
            return child
        finally:
            if not given:  # a thread may be at it, with files of ours: it cannot be left alone
                await asyncio.wait({starting})
                if starting.exception() is None:
                    await starting.result().close()

    @classmethod
    async def _start(cls, launch: Launch, stdin: bool, tty: Size | None, merged: bool) -> Child:
        if not launch.argv or not launch.argv[0]:
            raise SpawnError("no program is named")
        if any("\0" in text for text in (*launch.argv, launch.cwd, *launch.env, *launch.env.values())):
            raise SpawnError("a NUL character cannot be passed to a command")
        mine, its = socket.socketpair()
        mine.setblocking(False)
        try:
            ends, given = _open_terminal(tty) if tty else _open_pipes(stdin, merged)
            filter_fd = _filter_file(launch)
            try:
                warden = await asyncio.to_thread(_start_warden, its, given, filter_fd)
            finally:
                its.close()
                for fd in {*given, filter_fd} - {-1}:
                    os.close(fd)
        except OSError as error:
            mine.close()
            raise SpawnError(f"{error.strerror} (os error {error.errno})") from error
        child = cls(mine, warden, ends)
        try:
            await child._begin(launch, filter_fd, is_tty=tty is not None)
        finally:
            if not child.has_begun:
                await child.close()
        return child

    @property
    def has_begun(self) -> bool:
        """The program runs, or has run."""
        return self._status is not None

    async def _begin(self, launch: Launch, filter_fd: int, *, is_tty: bool) -> None:
        options = {
            "argv": [str(filter_fd) if text == FILTER else text for text in launch.prefix] + launch.argv,
            "env": dict(launch.env),
            "cwd": launch.cwd,
            "tty": is_tty,
            "landlock": launch.landlock,
            "filter": launch.call_filter or b"",
        }
        said = marshal.dumps(options)
        with suppress(OSError):  # it did not even wait for that, which the next line shows
            await asyncio.get_running_loop().sock_sendall(self._control, len(said).to_bytes(4, "little") + said)
        told = await self._told()
        if told is None or "errno" in told:
            number = 0 if told is None else told["errno"]
            raise SpawnError(f"{os.strerror(number)} (os error {number})" if number else "its process did not start")
        self._status = asyncio.create_task(self._wait())

    async def wait(self) -> int:
        """How the command ended: its exit code, or a negative number, the signal that ended it."""
        assert self._status is not None
        return await asyncio.shield(self._status)

    def kill(self) -> None:
        """End it and all its descendants."""
        self._ask(b"K")

    async def terminate(self, grace: float = GRACE) -> None:
        """Ask it and all its descendants to end; end them after so many seconds."""
        assert self._status is not None
        self._ask(b"T")
        await asyncio.wait({self._status}, timeout=grace)
        self.kill()

    def resize(self, size: Size) -> None:
        """Give its terminal another size. Raises ValueError without a terminal."""
        if self._terminal is None:
            raise ValueError("it has no terminal")
        termios.tcsetwinsize(self._terminal, size)

    async def close(self) -> None:
        """End whatever is left of it and read no more. Returns when all of that is gone."""
        if self._status is not None:
            self._status.cancel()
            await asyncio.wait({self._status})
        if self.stdin is not None:
            self.stdin.close()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self._control.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None
        await asyncio.shield(asyncio.to_thread(self._warden.wait))

    def _ask(self, what: bytes) -> None:
        try:
            self._control.send(what)
        except OSError:
            return  # it is over already

    async def _wait(self) -> int:
        while (told := await self._told()) is not None:
            if "status" in told:
                return os.waitstatus_to_exitcode(told["status"])
        return -9  # something ended the warden itself; the kernel's answer to that is the same

    async def _told(self) -> dict[str, Any] | None:
        """The next line of the warden; None if it is gone."""
        while b"\n" not in self._said:
            try:
                more = await asyncio.get_running_loop().sock_recv(self._control, 4096)
            except OSError:
                return None
            if not more:
                return None
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


class _Ends(NamedTuple):
    """Our ends of what a command reads and writes."""

    stdin: Writing | None
    stdout: Reading
    stderr: Reading | None
    terminal: int | None


def _open_pipes(stdin: bool, merged: bool) -> tuple[_Ends, tuple[int, ...]]:
    reads, write = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), -1)
    out, out_given = os.pipe()
    if merged:
        return _Ends(Writing(write) if stdin else None, Reading(out), None, None), (reads, out_given, out_given)
    err, err_given = os.pipe()
    ends = _Ends(Writing(write) if stdin else None, Reading(out), Reading(err), None)
    return ends, (reads, out_given, err_given)


def _open_terminal(size: Size) -> tuple[_Ends, tuple[int, ...]]:
    ours, its = os.openpty()
    termios.tcsetwinsize(ours, size)
    ends = _Ends(Writing(os.dup(ours)), Reading(os.dup(ours)), None, ours)
    return ends, (its, its, its)


def _filter_file(launch: Launch) -> int:
    """A file that holds the call filter for a program that reads it; -1 if nobody does."""
    if launch.call_filter is None or launch.landlock is not None:
        return -1
    fd = os.memfd_create("filter")
    os.write(fd, launch.call_filter)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _start_warden(control: socket.socket, given: Sequence[int], filter_fd: int) -> subprocess.Popen[bytes]:
    passed = [control.fileno()] + ([filter_fd] if filter_fd >= 0 else [])
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", WARDEN, str(control.fileno()), str(Path(__file__).parent)],
        stdin=given[0],
        stdout=given[1],
        stderr=given[2],
        env={},
        cwd="/",
        pass_fds=passed,
        start_new_session=True,
    )
