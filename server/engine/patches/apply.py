"""A plan done on the disk: all of it or nothing. Blocking: for a thread. Knows no patch format.

All new contents are written first, beside their targets, under names that nobody looks at: a full disk or a missing
permission shows before anything has changed. Then files take their places, each in one step that can be undone; the
originals are kept until the last step is done.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress

from server.engine.patches import disk
from server.engine.patches.grammar import PatchError
from server.engine.patches.plan import Plan, Version, Write
from server.files.contents import TEMPORARY, replaceable, write_all


class NotAllowed(PatchError):
    """A patch that would write where it may not: ``paths``, without links."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(f"may not write {', '.join(paths)}")
        self.paths = paths


def apply(plan: Plan, may_write: Callable[[str], bool] | None = None) -> str:
    """Do what the plan says and return the report for the model.

    ``may_write`` is asked about every path, absolute and without links, that is written, removed or made a folder.
    Raises NotAllowed, and PatchError if a file is no longer as the plan saw it or if the system refuses: every file is
    then as before.
    """
    if may_write is not None and (refused := unwritable(plan, may_write)):
        raise NotAllowed(refused)
    for path, write in plan.writes.items():
        _check_unchanged(path, write)
    lost: list[str] = []
    try:
        with ExitStack() as tidy, ExitStack() as undo:
            work = _Work(tidy, undo, lost)
            work.stage(plan)
            work.commit(plan)
            undo.pop_all()
    except _Failed as failed:
        kept = f"; these could not be put back: {', '.join(lost)}" if lost else "; nothing was changed"
        raise PatchError(f"{failed}{kept}") from None
    return plan.report


def unwritable(plan: Plan, may_write: Callable[[str], bool]) -> list[str]:
    """The paths, without links, that the plan would write, remove or make a folder, and may not."""
    return [path for path in _touched(plan) if not may_write(path)]


def _touched(plan: Plan) -> list[str]:
    """What is written, and folders that must be made for it."""
    paths: dict[str, None] = {}
    for path, write in plan.writes.items():
        paths[path] = None
        above = os.path.dirname(path)
        while write.after is not None and above not in plan.writes and not os.path.lexists(above):
            paths[above] = None
            above = os.path.dirname(above)
    return sorted(paths)


def _check_unchanged(path: str, write: Write) -> None:
    try:
        now = disk.read(path)
    except OSError as error:
        raise PatchError(f"Failed to read {path}: {disk.reason(error)}; nothing was changed") from None
    if now != write.before:
        raise PatchError(f"{path} has changed since the patch was checked against it; nothing was changed")
    if now is not None and not now.link and write.after is not None and not os.access(path, os.W_OK):
        raise PatchError(f"Failed to write file {path}: {os.strerror(errno.EACCES)}; nothing was changed")


class _Failed(Exception):
    """The system refused something; in words."""


class _Work:
    """The steps of one plan, with what undoes them and what removes their traces."""

    def __init__(self, tidy: ExitStack, undo: ExitStack, lost: list[str]) -> None:
        self._tidy = tidy
        self._undo = undo
        self._lost = lost
        self._staged: dict[str, str] = {}

    def stage(self, plan: Plan) -> None:
        """Write all new contents beside their targets."""
        for path, write in plan.writes.items():
            if write.after is None or not _by_replacing(path, write.before):
                continue
            try:
                other = os.path.join(disk.nearest_folder(path), _temporary())
                self._tidy.callback(_forget, other)
                _write_new(other, write.after, os.lstat(path) if write.before is not None else None)
            except OSError as error:
                raise _Failed(f"Failed to write file {path}: {disk.reason(error)}") from None
            self._staged[path] = other

    def commit(self, plan: Plan) -> None:
        """Put everything in its place: what goes first, for something may come where it was."""
        for path, write in sorted(plan.writes.items(), key=lambda each: each[1].after is not None):
            try:
                if write.after is None:
                    self._remove(path)
                elif path in self._staged:
                    self._replace(path, self._staged[path], write)
                else:
                    self._overwrite(path, write.after.content, (write.before or write.after).content)
            except OSError as error:
                doing = "delete file" if write.after is None else "write file"
                raise _Failed(f"Failed to {doing} {path}: {disk.reason(error)}") from None

    def _later(self, path: str, step: Callable[[], None]) -> None:
        """Do this step, which concerns ``path``, if the plan fails."""

        def back() -> None:
            try:
                step()
            except OSError:
                self._lost.append(path)

        self._undo.callback(back)

    def _remove(self, path: str) -> None:
        kept = os.path.join(os.path.dirname(path), _temporary())
        _rename(path, kept)
        self._tidy.callback(_forget, kept)
        self._later(path, lambda: _rename(kept, path))

    def _replace(self, path: str, staged: str, write: Write) -> None:
        self._make_folder(os.path.dirname(path))
        if write.before is None:
            _rename(staged, path)
            self._later(path, lambda: _unlink(path))
            return
        kept = os.path.join(os.path.dirname(path), _temporary())
        _keep(path, kept)
        self._tidy.callback(_forget, kept)
        self._later(path, lambda: _rename(kept, path))
        _rename(staged, path)

    def _overwrite(self, path: str, content: bytes, before: bytes) -> None:
        self._later(path, lambda: _write_over(path, before))
        _write_over(path, content)

    def _make_folder(self, path: str) -> None:
        if os.path.isdir(path):
            return
        above, name = os.path.split(path)
        self._make_folder(above)
        with disk.entered(above) as folder:
            os.mkdir(name, dir_fd=folder)
        self._later(path, lambda: _remove_folder(path))


def _temporary() -> str:
    return f"{TEMPORARY}{secrets.token_hex(8)}"


def _by_replacing(path: str, before: Version | None) -> bool:
    """Whether another file can be put in the place of this one; else it is written over."""
    return before is None or before.link or replaceable(path, os.stat(path))


def _write_new(path: str, version: Version, before: os.stat_result | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with disk.entered(os.path.dirname(path)) as folder:
        descriptor = os.open(os.path.basename(path), flags, 0o666, dir_fd=folder)
    try:
        write_all(descriptor, version.content)
        if before is not None:
            with suppress(PermissionError):  # a group that we are not in
                os.fchown(descriptor, before.st_uid, before.st_gid)
        if version.permissions is not None:
            os.fchmod(descriptor, version.permissions)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_over(path: str, content: bytes) -> None:
    with disk.entered(os.path.dirname(path)) as folder:
        flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(os.path.basename(path), flags, dir_fd=folder)
    try:
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _rename(path: str, other: str) -> None:
    with disk.entered(os.path.dirname(path)) as folder, disk.entered(os.path.dirname(other)) as target:
        os.rename(os.path.basename(path), os.path.basename(other), src_dir_fd=folder, dst_dir_fd=target)


def _keep(path: str, other: str) -> None:
    """Give what is at a path a second name, so that it never is without its own; where that cannot be, rename it."""
    with disk.entered(os.path.dirname(path)) as folder:
        name, kept = os.path.basename(path), os.path.basename(other)
        try:
            os.link(name, kept, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError:
            os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=folder)


def _unlink(path: str) -> None:
    with disk.entered(os.path.dirname(path)) as folder:
        os.unlink(os.path.basename(path), dir_fd=folder)


def _remove_folder(path: str) -> None:
    with disk.entered(os.path.dirname(path)) as folder:
        os.rmdir(os.path.basename(path), dir_fd=folder)


def _forget(path: str) -> None:
    with suppress(OSError):  # it has been renamed already, most often
        _unlink(path)
