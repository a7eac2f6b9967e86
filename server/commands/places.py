"""Where a command may write, and what in there stays as it is. Reads the file system; builds no walls.

All paths are absolute and without links. Of the places that hold a path the innermost decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from protocol.permissions import ReadOnly, WorkspaceWrite
from protocol.wire import Record

PROTECTED = (".git", ".codex", ".agents")
"""What tools run or obey when somebody works in a folder that holds it."""

NEVER_MADE = ".codex"
"""What cannot be put there either; a repository may be made."""


class Places(Record):
    """``roots`` may be written, but for what is in ``kept``, which need not be there."""

    roots: list[str]
    kept: list[str]

    @classmethod
    def under(cls, policy: ReadOnly | WorkspaceWrite, cwd: str, env: Mapping[str, str], home: str) -> Places:
        """The places of a policy; ``home`` is never written, unless a folder in it is itself a root."""
        if isinstance(policy, ReadOnly):
            return cls(roots=[], kept=[])
        temporary = [] if policy.exclude_slash_tmp else ["/tmp"]
        if not policy.exclude_tmpdir_env_var and env.get("TMPDIR", "").startswith("/"):
            temporary.append(env["TMPDIR"])
        scratch = _real(temporary)
        roots = list(dict.fromkeys([*_real([cwd, *policy.writable_roots]), *scratch]))
        kept = [path for root in roots for path in protected_in(root, scratch=root in scratch)]
        kept.append(os.path.realpath(home))
        return cls(roots=roots, kept=[path for path in dict.fromkeys(kept) if any(is_within(path, r) for r in roots)])

    def may_write(self, path: str) -> bool:
        """Whether a path may be written."""
        places = [(len(place), 1) for place in self.kept if is_within(path, place)]
        places += [(len(place), 0) for place in self.roots if is_within(path, place)]
        return bool(places) and max(places)[1] == 0

    def mounts(self) -> list[tuple[str, bool]]:
        """The paths that differ from what is around them, with whether they may be written, the outer first.

        A folder on the way to something kept is among them: nobody can move a mount, and what is kept in it, away.
        """
        found = {(path, True) for path in self.roots if self.may_write(path)}
        for path in self.kept:
            above = [str(parent) for parent in Path(path).parents]
            if self.may_write(above[0]) or path in self.roots:
                found.add((path, False))
            found.update((each, True) for each in above if self.may_write(each))
        return sorted(found, key=lambda each: len(each[0]))

    def parts(self) -> list[str]:
        """The largest parts of the roots that hold nothing kept."""
        return list(dict.fromkeys(part for root in self.roots for part in self._parts(root)))

    def _parts(self, path: str) -> Iterator[str]:
        if not self.may_write(path):
            return
        if not any(is_within(each, path) for each in self.kept):
            yield path
        elif os.path.isdir(path):
            for child in os.scandir(path):
                if not child.is_symlink():  # what it points to has its own place
                    yield from self._parts(child.path)


def protected_in(root: str, *, scratch: bool = False) -> Iterator[str]:
    """What stays as it is in a writable folder; in one for ``scratch`` only what is there."""
    for name in PROTECTED:
        path = os.path.join(root, name)
        if os.path.islink(path):
            yield os.path.realpath(path)
        elif os.path.exists(path):
            yield path
            if name == ".git" and os.path.isfile(path):
                yield from _linked_repository(path)
        elif name == NEVER_MADE and not scratch:
            yield path


def is_within(path: str, root: str) -> bool:
    """Whether a path is this folder or lies in it."""
    return path == root or path.startswith(root.rstrip("/") + "/")


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


def _real(paths: list[str]) -> list[str]:
    """These without links; what is not there is left out."""
    return [path for path in map(os.path.realpath, paths) if os.path.exists(path)]
