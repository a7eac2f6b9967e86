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
from collections.abc import Iterable, Iterator, Mapping
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
        call_filter = confine.call_filter(network=policy.network_access)
        if call_filter is None:
            raise SandboxError("the system calls of this machine are not known here, so none can be forbidden")
        env = dict(launch.env) | ({} if policy.network_access else NO_NETWORK)
        roots = writable_roots(policy, launch.cwd, launch.env)
        kept = [path for root in roots for path in protected_in(root)] + [os.path.realpath(self._home)]
        kept = [path for path in dict.fromkeys(kept) if any(is_within(path, root) for root in roots)]
        kept = [path for path in kept if not any(path != other and is_within(path, other) for other in kept)]
        if means == "landlock":
            writable = [path for root in roots for path in _without(root, kept)] + _DEVICES
            writable = [path for path in dict.fromkeys(writable) if os.path.exists(path)]
            return msgspec.structs.replace(launch, env=env, landlock=writable, call_filter=call_filter)
        masked = [path for path in kept if not os.path.lexists(path) or path in self._masked]
        prefix = _bubblewrap(roots, kept, masked, launch.cwd, network=policy.network_access)
        return msgspec.structs.replace(launch, env=env, prefix=prefix, call_filter=call_filter, masked=masked)


MISSING = (
    "no sandbox works on this machine, so commands only run with full access; install bubblewrap, or use Linux 6.12 "
    "or newer with Landlock"
)

_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"]
"""What may be written in any case: nothing is kept there."""


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


def writable_roots(policy: ReadOnly | WorkspaceWrite, cwd: str, env: Mapping[str, str]) -> list[str]:
    """The folders that may be written, with links resolved; those that are not there are left out."""
    if isinstance(policy, ReadOnly):
        return []
    roots = [cwd, *policy.writable_roots]
    if not policy.exclude_slash_tmp:
        roots.append("/tmp")
    if not policy.exclude_tmpdir_env_var and env.get("TMPDIR", "").startswith("/"):
        roots.append(env["TMPDIR"])
    real = (os.path.realpath(root) for root in roots)
    return [root for root in dict.fromkeys(real) if os.path.exists(root)]


def protected_in(root: str) -> Iterator[str]:
    """What stays as it is in a writable folder, links resolved: what tools run or obey when somebody works there."""
    for name in (".git", ".codex"):
        path = os.path.join(root, name)
        if not os.path.lexists(path):
            if name == ".codex" and root not in (os.path.realpath("/tmp"), os.path.realpath(tempfile.gettempdir())):
                yield path
            continue
        yield path
        if os.path.islink(path):
            yield os.path.realpath(path)
        elif name == ".git" and os.path.isfile(path):
            yield from _linked_repository(path)


def _linked_repository(path: str) -> Iterator[str]:
    """Where the repository of a work tree really lies: a file names it."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            line = file.readline(4096)
    except OSError:
        return
    if line.startswith("gitdir:"):
        named = line.removeprefix("gitdir:").strip()
        yield os.path.realpath(os.path.join(os.path.dirname(path), named))


def is_within(path: str, root: str) -> bool:
    """Whether a path is this folder or lies in it; both absolute and without links."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _bubblewrap(roots: list[str], kept: list[str], masked: list[str], cwd: str, *, network: bool) -> list[str]:
    """The arguments of bubblewrap: everything is there and may be read, in namespaces of its own."""
    program = shutil.which("bwrap") or "bwrap"
    argv = [program, "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    argv += [] if network else ["--unshare-net"]
    argv += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for root in sorted(roots, key=len):  # the outer first, for a later mount covers what an earlier one shows below it
        argv += ["--bind", root, root]
        for path in sorted(kept):
            if is_within(path, root):
                # A folder on the way is a mount of its own as well: none can be moved away with what is kept in it.
                argv += [step for each in _between(root, path) for step in ("--bind", each, each)]
    for path in sorted(kept, key=len):
        if path in masked:
            argv += ["--tmpfs", path, "--remount-ro", path]
        elif not os.path.islink(path):  # a mount would lie on what it points to, which is kept by itself
            argv += ["--ro-bind", path, path]
    return [*argv, "--seccomp", FILTER, "--chdir", cwd, "--"]


def _between(root: str, path: str) -> list[str]:
    """The folders below a root that lead to a path, the outer first."""
    parents = [str(parent) for parent in Path(path).parents]
    return [parent for parent in reversed(parents) if parent != root and is_within(parent, root)]


def _without(root: str, kept: list[str]) -> Iterator[str]:
    """The largest parts of a folder that hold nothing of what is kept. Landlock allows a folder with all below it."""
    if not any(is_within(path, root) for path in kept):
        yield root
    elif root not in kept and os.path.isdir(root):
        for child in os.scandir(root):
            if not child.is_symlink():  # what it points to has its own place
                yield from _without(child.path, kept)


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
