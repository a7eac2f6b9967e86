"""What a command may do to this machine: a policy made into walls, by whatever this machine can build them with.

Bubblewrap is the first choice, Landlock the second; which of them works is found out by trying. Where neither does, a
policy that restricts anything is refused: nothing is pretended.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from protocol.permissions import (
    DangerFullAccess,
    ExternalSandbox,
    ManagedProfile,
    PermissionProfile,
    ReadOnly,
    RestrictedAccess,
    RestrictedFileSystem,
    SandboxPolicy,
    Special,
    WorkspaceWrite,
)
from server.commands import confine
from server.commands.child import FILTER, Child, Launch, SpawnError
from server.commands.places import Places

Means = Literal["bubblewrap", "landlock"]

LANDLOCK_NEEDED = 6
"""The version of Landlock that keeps a command from shortening files and from sending signals outside (Linux 6.12)."""

NO_NETWORK = {"CODEX_SANDBOX_NETWORK_DISABLED": "1"}
"""Tells a command, as codex does, that it need not try."""

PATIENCE = 5.0
"""Seconds that a try may take."""


class SandboxError(Exception):
    """A policy that cannot be enforced here; the text says why."""


class Sandbox:
    """Builds walls. ``home`` is a folder that no confined command may write to, whatever else it may."""

    def __init__(self, home: Path) -> None:
        self._home = str(home)
        self.means: Means | None = None
        """What works here; known after :meth:`detect`."""
        self._masked = Counter[str]()
        self._known: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Begin to find out, in the background."""
        self._known = asyncio.create_task(self.detect(), name="sandbox")
        return self._known

    async def ready(self) -> None:
        """Wait until that is known."""
        if self._known is not None:
            await asyncio.shield(self._known)

    async def detect(self, candidates: Iterable[Means] = ("bubblewrap", "landlock")) -> None:
        """Find out what works, by running something in it that tries to break out."""
        self.means = None
        for means in candidates:
            if await asyncio.to_thread(_may_be_there, means) and await self._holds(means):
                self.means = means
                return

    async def _holds(self, means: Means) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            outside = Path(folder) / "outside"
            outside.touch()
            script = 'printf tried; (printf x >>"$0") 2>/dev/null; printf " and ended"'
            launch = Launch(argv=["/bin/sh", "-c", script, str(outside)], cwd="/", env={"PATH": os.defpath})
            try:
                walled = await asyncio.to_thread(self._walls, means, launch, ReadOnly())
                said = await asyncio.wait_for(_said_by(walled), PATIENCE)
            except (SpawnError, SandboxError, OSError, TimeoutError):
                return False
            return said == b"tried and ended" and outside.stat().st_size == 0

    def confine(self, launch: Launch, policy: SandboxPolicy) -> Launch:
        """The same within the walls of the policy. Reads the file system. Raises :class:`SandboxError`."""
        if isinstance(policy, DangerFullAccess | ExternalSandbox):
            return launch
        access = policy.access if isinstance(policy, ReadOnly) else policy.read_only_access
        if isinstance(access, RestrictedAccess):
            raise SandboxError("this server cannot hide files from commands: only `fullAccess` to read is enforced")
        if self.means is None:
            raise SandboxError(MISSING)
        walled = self._walls(self.means, launch, policy)
        self._masked.update(walled.masked)
        return walled

    def release(self, walled: Launch) -> None:
        """The command has ended: take away what was made for it alone."""
        for path in walled.masked:
            self._masked[path] -= 1
            if self._masked[path] <= 0:
                del self._masked[path]
                with suppress(OSError):  # it was never made, or somebody uses it
                    os.rmdir(path)

    def _walls(self, means: Means, launch: Launch, policy: ReadOnly | WorkspaceWrite) -> Launch:
        metadata = means == "bubblewrap" or not isinstance(policy, ReadOnly)
        call_filter = confine.call_filter(network=policy.network_access, metadata=metadata)
        if call_filter is None:
            raise SandboxError("the system calls of this machine are not known here, so none can be forbidden")
        env = dict(launch.env) | ({} if policy.network_access else NO_NETWORK)
        places = Places.under(policy, launch.cwd, launch.env, self._home)
        if means == "landlock":
            writable = [path for path in (*places.parts(), *_DEVICES) if os.path.exists(path)]
            return msgspec.structs.replace(launch, env=env, landlock=writable, call_filter=call_filter)
        masked = [path for path in places.kept if not os.path.lexists(path) or path in self._masked]
        prefix = _bubblewrap(places, masked, launch.cwd, network=policy.network_access)
        return msgspec.structs.replace(launch, env=env, prefix=prefix, call_filter=call_filter, masked=masked)


MISSING = (
    "no sandbox works on this machine, so commands only run with full access; install bubblewrap, or use Linux 6.12 "
    "or newer with Landlock"
)

_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"]
"""What may be written in any case: nothing is kept there."""


_SETTINGS = ("acpi", "asound", "bus", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger")
_OF_THE_KERNEL = [f"/proc/{name}" for name in _SETTINGS]
"""Settings of the whole machine. Some let in whoever has the id of root, as commands of such a server have."""


def policy_of_profile(profile: PermissionProfile, policy: SandboxPolicy) -> SandboxPolicy:
    """The policy that somebody took for this profile, if it really is as tight. Raises :class:`SandboxError`."""
    files = profile.file_system if isinstance(profile, ManagedProfile) else None
    if isinstance(files, RestrictedFileSystem):
        everywhere = any(
            isinstance(entry.path, Special) and entry.path.value.kind == "root" and entry.access in ("read", "write")
            for entry in files.entries
        )
        if not everywhere or any(entry.access in ("none", "deny") for entry in files.entries):
            raise SandboxError("this server cannot hide files from commands: a profile must let all be read")
    return policy


def _bubblewrap(places: Places, masked: list[str], cwd: str, *, network: bool) -> list[str]:
    """The arguments of bubblewrap: everything is there and may be read, in namespaces of its own."""
    argv = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--cap-drop", "ALL"]
    argv += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    argv += [] if network else ["--unshare-net"]
    argv += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for path in _OF_THE_KERNEL:
        argv += ["--ro-bind-try", path, path]
    for path, may_write in places.mounts():
        if may_write:
            argv += ["--bind", path, path]
        elif path in masked:
            argv += ["--tmpfs", path, "--remount-ro", path]
        else:
            argv += ["--ro-bind", path, path]
    return [*argv, "--seccomp", FILTER, "--chdir", cwd, "--"]


def _may_be_there(means: Means) -> bool:
    if confine.call_filter(network=False) is None:
        return False
    if means == "bubblewrap":
        return shutil.which("bwrap") is not None
    return confine.landlock_version() >= LANDLOCK_NEEDED


async def _said_by(launch: Launch) -> bytes:
    child = await Child.start(launch)
    try:
        said = b""
        while more := await child.stdout.read():
            said += more
        return said if await child.wait() == 0 else b""
    finally:
        await child.close()
