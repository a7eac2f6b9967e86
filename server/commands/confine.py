"""What a process can take away from itself, by system calls that Python does not know: files, calls, its orphans.

Standard library only, for it runs in the warden, where nothing else is loaded. Linux on x86-64 and ARM64.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import termios

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_CAPBSET_DROP = 38, 22, 36, 24
_CAPABILITIES = 0x20080522
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

_WRITES = {1: 0b1_1111_1111_0010, 2: 1 << 13, 3: 1 << 14}
"""By the version of Landlock that brought them: rights to write, remove and make files and folders, to move them
between folders, to shorten files. Reading and executing stay as they are."""

_OF_FILES = (1 << 1) | (1 << 14)
"""Rights that a rule for a single file may name: to write and to shorten it."""

_SCOPES = 0b11
"""Landlock 6: no abstract sockets and no signals to processes outside."""

_ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "connect": 42, "sendto": 44, "ptrace": 101, "process_vm_readv": 310,
            "process_vm_writev": 311, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198, "connect": 203, "sendto": 206, "ptrace": 117, "process_vm_readv": 270,
            "process_vm_writev": 271, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        },
    ),
}  # fmt: skip
"""The machine's number for seccomp, and the numbers of its system calls."""

_METADATA: dict[str, tuple[int, ...]] = {
    "x86_64": (90, 91, 92, 93, 94, 132, 188, 189, 190, 197, 198, 199, 235, 260, 261, 268, 280, 452, 463, 466),
    "aarch64": (5, 6, 7, 14, 15, 16, 52, 53, 54, 55, 88, 452, 463, 466),
}
"""Calls that change modes, owners, times and attributes of files: Landlock does not see them."""

_AF_UNIX = 1
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # refuse: EPERM
_NUMBER, _ARCH, _FIRST, _FIFTH = 0, 4, 16, 48  # places in what a filter sees
_X32 = 0x40000000


def adopt_orphans() -> None:
    """From now on this process is the parent of descendants whose own parent ends."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def take_terminal(fd: int) -> None:
    """Make a terminal the one of this session."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)


def landlock_version() -> int:
    """What the kernel knows of Landlock; 0 is nothing."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE, None, 0, 1)))


def restrict_files(writable: list[str]) -> None:
    """Write nowhere but in and below these; also in all that is started later. Raises OSError."""
    version = landlock_version()
    handled = sum(rights for since, rights in _WRITES.items() if since <= version)
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 8
    ruleset = _done(_libc.syscall(_LANDLOCK_CREATE, attributes, size, 0))
    for path in writable:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = handled if os.path.isdir(path) else handled & _OF_FILES
        _done(_libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, place), 0))
        os.close(place)
    _give_up_privileges()
    _done(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    os.close(ruleset)


def restrict_calls(program: bytes) -> None:
    """Let this filter judge every system call from now on. Raises OSError."""
    _give_up_privileges()
    text = ctypes.create_string_buffer(program, len(program))
    length = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(text))
    _done(_libc.prctl(_PR_SET_SECCOMP, 2, length, 0, 0))


def call_filter(*, network: bool, metadata: bool = True) -> bytes | None:
    """A seccomp program: no looking into other processes and, without ``network``, nobody to talk to outside; without
    ``metadata`` no change of modes, owners and times, of whatever file.

    Sockets between own processes stay (``socketpair``); all others, and those that lie in the file system, where the
    server itself may listen, cannot be reached. None on a machine whose system calls are not known here.
    """
    known = _ARCHITECTURES.get(os.uname().machine)
    if known is None:
        return None
    arch, calls = known
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
    ]
    refused = [call for name, call in calls.items() if name not in ("socket", "connect", "sendto")]
    if not metadata:
        refused += _METADATA[os.uname().machine]
    if not network:
        refused.append(calls["connect"])
    for call in refused:
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    if not network:
        steps += [(_EQUAL, 0, 4, calls["socket"]), (_LOAD, 0, 0, _FIRST), (_EQUAL, 0, 1, _AF_UNIX)]
        steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
        # To whom a socket is connected is sent without an address: a null pointer, both halves of it.
        steps += [(_EQUAL, 0, 6, calls["sendto"]), (_LOAD, 0, 0, _FIFTH), (_EQUAL, 0, 3, 0), (_LOAD, 0, 0, _FIFTH + 4)]
        steps += [(_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _give_up_privileges() -> None:
    """No privilege is gained any more; what root may do beyond others, such as raw disks, is given up."""
    _done(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # what is not there, or not ours to drop, matters not
    _done(_libc.capset(struct.pack("=Ii", _CAPABILITIES, 0), bytes(24)))


def _done(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
