"""Stands between the server and one command, as a process of its own, and lets nothing of the command outlive it.

Run as ``python -I -S -c START`` with the number of a socket to the server; a command waits for its start, so it imports
little: what Python has built in, and ctypes. Orphans of the command become its children,
whatever session they made for themselves, so it finds and ends them all. From the server comes first what to run, by
``marshal`` with its length before it: ``argv``, ``env``, ``cwd``, ``tty``, ``landlock`` (where it may write, or None),
``filter`` (of system calls); then single bytes: ``T`` asks the command to end, ``K`` ends it. The end of file, also
when the server was killed, ends everything. To the server go lines of JSON:
``{"pid": 1}``, or ``{"errno": 2}`` when there is no such program, then ``{"status": 9}`` as ``waitpid`` says it.

What to run does not come as this process's own environment: that could make it load something, and it is not confined.
"""

from __future__ import annotations

import marshal
import os
import select
import sys
import time

import confine  # type: ignore[import-not-found,unused-ignore]

TYPE_CHECKING = False  # typing takes 2 ms to import
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal  # the same without its enums, which take 3 ms

PATIENCE = 5.0
"""Seconds for which it goes on killing what does not go away."""


def main() -> None:
    """Run one command to its end, and end what is left of it."""
    control = int(sys.argv[1])
    os.set_inheritable(control, False)
    options = receive_options(control)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    confine.adopt_orphans()
    child = start(options, control)
    if child is not None:
        for fd in (0, 1, 2):
            os.close(fd)  # what it leaves open would keep the reader from its end of file
        watch(child, control)
    end_all()
    os._exit(0)  # there is nothing to clean up, and Python would take its time for it


def receive_options(control: int) -> dict[str, Any]:
    """What to run."""
    size = int.from_bytes(receive_exactly(control, 4), "little")
    options: dict[str, Any] = marshal.loads(receive_exactly(control, size))
    return options


def receive_exactly(control: int, size: int) -> bytes:
    """So many bytes. Nobody is left to tell of it if they do not come."""
    received = bytearray()
    while len(received) < size:
        more = receive(control, size - len(received))
        if not more:
            os._exit(1)
        received += more
    return bytes(received)


def start(options: dict[str, Any], control: int) -> int | None:
    """The command's process; None, and the reason is told, if it cannot be had."""
    failed, fail = os.pipe()  # both close by themselves when the program begins
    child = os.fork()
    if child == 0:
        try:
            become(options)
        except OSError as error:
            os.write(fail, str(error.errno or 0).encode())
        except ValueError:
            os.write(fail, b"0")
        finally:
            os._exit(127)
    os.close(fail)
    reason = os.read(failed, 16)
    os.close(failed)
    if reason:
        os.waitpid(child, 0)
        tell(control, b'{"errno":%d}\n' % int(reason))
        return None
    tell(control, b'{"pid":%d}\n' % child)
    return child


def become(options: dict[str, Any]) -> None:
    """Turn this process into the command."""
    os.setsid()
    if options["tty"]:
        confine.take_terminal(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(options["cwd"])
    rules = options["landlock"]
    if rules is not None:
        confine.restrict_files(rules)
        confine.restrict_calls(options["filter"])
    os.execvpe(options["argv"][0], options["argv"], options["env"])


def watch(child: int, control: int) -> None:
    """Do what the server says until it says no more; tell of the child's end."""
    waker, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, wake_up)
    while True:
        reap(child, control)
        ready, _, _ = select.select([control, waker], [], [], 1.0)
        if waker in ready:
            os.read(waker, 4096)
        if control in ready:
            asked = receive(control)
            if not asked:
                return
            kill(signal.SIGKILL if b"K" in asked else signal.SIGTERM)


def wake_up(_number: int, _frame: object) -> None:
    """A child has ended: the number that the system writes into the pipe is what wakes."""


def receive(control: int, most: int = 64) -> bytes:
    """What the server says; nothing when it is gone."""
    try:
        return os.read(control, most)
    except OSError:
        return b""


def reap(child: int, control: int) -> bool:
    """Take the ends of all that have ended; False if there is no child left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if pid == child:
            tell(control, b'{"status":%d}\n' % status)


def tell(control: int, what: bytes) -> None:
    """Say it; a server that is gone does not hear it."""
    try:
        os.write(control, what)  # so few bytes go at once
    except OSError:
        return


def end_all() -> None:
    """Kill until nobody is left, also who is being born meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        kill(signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def kill(number: int) -> None:
    """Send a signal to every descendant."""
    for pid in descendants():
        try:
            os.kill(pid, number)
        except OSError:
            continue


def descendants() -> list[int]:
    """Everybody below this process, the oldest first; none of them can have gone unless we waited for it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(parent_of(name), []).append(int(name))
    found = list(children.get(os.getpid(), ()))
    for pid in found:
        found += children.get(pid, ())
    return found


def parent_of(pid: str) -> int:
    """The parent of a process; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
