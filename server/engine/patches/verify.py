"""A patch held against the disk: what it would do, or why it cannot. Reads; writes nothing. Blocking: for a thread.

Hunks are done one after another on what the earlier ones left, in memory, so that several may concern one file.
"""

from __future__ import annotations

import os

from server.engine.patches import disk
from server.engine.patches.diffs import unified
from server.engine.patches.grammar import Add, Delete, Hunk, Patch, PatchError, Update, invalid_hunk
from server.engine.patches.plan import Change, Plan, Version, Write
from server.engine.patches.replacing import replaced


def verify(patch: Patch, cwd: str) -> Plan:
    """What this patch would do; relative paths begin at ``cwd``, which is absolute. Raises PatchError."""
    tree = _Tree(cwd)
    for hunk in patch.hunks:
        if "\0" in hunk.path or (isinstance(hunk, Update) and "\0" in (hunk.move or "")):
            raise invalid_hunk(hunk.line, "a path cannot hold the NUL character")
        try:
            tree.do(hunk)
        except PatchError as error:
            where = "" if error.line is not None else f"\n(hunk at line {hunk.line} of the patch)"
            raise PatchError(f"{error}{where}", error.line or hunk.line) from None
        except OSError as error:  # somebody changes the way to the file while it is looked for
            raise PatchError(f"cannot find the way to {hunk.path}: {disk.reason(error)}", hunk.line) from error
    return tree.plan(patch.environment)


class _Entry:
    """One path of the disk while hunks are done on it."""

    def __init__(self, path: str, before: Version | None) -> None:
        self.path = path
        """As the patch means it, absolute."""
        self.spelled = path
        self.before = before
        self.now = before
        self.touched = False
        self.added = False
        self.source: str | None = None
        """The key of the entry that moved here, if what is here came from there."""

    def becomes(self, now: Version | None, *, added: bool = False, source: str | None = None) -> None:
        self.now, self.added, self.source, self.touched = now, added, source, True


class _Tree:
    """What the patch has touched so far, by paths without links."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._entries: dict[str, _Entry] = {}

    def do(self, hunk: Hunk) -> None:
        if isinstance(hunk, Add):
            self._add(hunk)
        elif isinstance(hunk, Delete):
            self._delete(hunk)
        else:
            self._update(hunk)

    def _path(self, spelled: str) -> str:
        return os.path.normpath(os.path.join(self._cwd, spelled))

    def _key(self, path: str, *, follow: bool) -> str:
        """The path that is really meant: links on the way are followed, one at its end if it shall be."""
        entry = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return os.path.realpath(entry) if follow and entry not in self._entries else entry

    def _entry(self, spelled: str, doing: str, *, follow: bool = True) -> _Entry:
        path = self._path(spelled)
        key = self._key(path, follow=follow)
        try:
            entry = self._entries.get(key) or _Entry(path, disk.read(key))
        except OSError as error:
            raise PatchError(f"Failed to {doing} {path}: {disk.reason(error)}") from None
        if follow and entry.now is not None and entry.now.link:
            raise PatchError(f"Failed to {doing} {path}: its links lead nowhere")
        self._entries[key] = entry
        entry.spelled = spelled
        return entry

    def _add(self, hunk: Add) -> None:
        entry = self._entry(hunk.path, "write file")
        self._must_have_room(entry)
        entry.becomes(_new_version(entry.now, hunk.content), added=True)

    def _delete(self, hunk: Delete) -> None:
        entry = self._entry(hunk.path, "read", follow=False)
        if entry.now is None:
            raise PatchError(f"Failed to read {entry.path}: No such file or directory (os error 2)")
        if not entry.now.link:
            _text(entry.now, f"Failed to read {entry.path}")
        entry.becomes(None)

    def _update(self, hunk: Update) -> None:
        entry = self._entry(hunk.path, "read file to update")
        if entry.now is None:
            raise PatchError(f"Failed to read file to update {entry.path}: No such file or directory (os error 2)")
        text = _text(entry.now, f"Failed to read file to update {entry.path}")
        now = _new_version(entry.now, replaced(text, hunk.chunks, entry.path) if hunk.chunks else text)
        if hunk.move is None or self._path(hunk.move) == self._path(hunk.path):
            entry.becomes(now, added=entry.added, source=entry.source)
        else:
            self._move(entry, now, hunk.path, hunk.move)

    def _move(self, content: _Entry, now: Version, path: str, move: str) -> None:
        """Put what an update makes of ``content`` at another path. If it was found behind a link, the link goes."""
        source = self._entry(path, "read", follow=False)
        target = self._entry(move, "write file")
        if target is source:  # another way to say the same path
            target.becomes(now, added=target.added, source=target.source)
            return
        self._must_have_room(target)
        if source is content:
            own = None if content.added else self._key(self._path(path), follow=False)
            target.becomes(now, added=content.added, source=content.source or own)
        else:
            target.becomes(now, added=True)
        source.becomes(None)

    def _must_have_room(self, entry: _Entry) -> None:
        """Raises PatchError if something on the way to this path is no folder."""
        path = os.path.dirname(self._key(entry.path, follow=False))
        while not os.path.isdir(path):
            known = self._entries.get(path)
            if known.now is not None if known else os.path.lexists(path):
                raise PatchError(f"Failed to write file {entry.path}: {path} is no directory")
            path = os.path.dirname(path)

    def plan(self, environment: str | None) -> Plan:
        moves = {key: left for key, entry in self._entries.items() if (left := self._moved_from(key, entry))}
        letters: dict[str, list[str]] = {"add": [], "update": [], "delete": []}
        changes: dict[str, Change] = {}
        for key, entry in self._entries.items():
            origin = moves.get(key, key)
            source = self._entries[origin]
            change = None if key in moves.values() else _change(entry, source)
            if change is not None:
                hidden = source.path != origin and source.path in self._entries  # behind a link that goes as well
                changes[origin if hidden else source.path] = change
                letters[change.kind].append(entry.spelled)
        lines = [f"{mark} {each}\n" for mark, kind in zip("AMD", letters, strict=True) for each in letters[kind]]
        return Plan(
            changes=dict(sorted(changes.items())),
            writes={
                key: Write(before=entry.before, after=entry.now)
                for key, entry in self._entries.items()
                if entry.before != entry.now
            },
            moves=moves,
            report="".join(["Success. Updated the following files:\n", *lines]),
            environment=environment,
        )

    def _moved_from(self, key: str, entry: _Entry) -> str | None:
        """Where a file was on disk that has moved here, if it is there no more."""
        source = entry.source
        if source is None or source == key or entry.now is None:
            return None
        origin = self._entries[source]
        return source if origin.before is not None and origin.now is None else None


def _change(entry: _Entry, source: _Entry) -> Change | None:
    """What has become of ``source``, which is this entry unless it moved here."""
    if entry.now is None:
        return None if entry.before is None else Change(kind="delete", diff=_shown(entry.before))
    if entry is source and (entry.added or entry.before is None):
        return Change(kind="add", diff=_shown(entry.now))
    if source.before is None or (entry is source and not entry.touched):
        return None
    old = _shown(source.before)
    move_path = None if entry is source else entry.path
    return Change(kind="update", diff=unified(old, _shown(entry.now), context=1), move_path=move_path)


def _new_version(old: Version | None, text: str) -> Version:
    return Version(content=text.encode(), permissions=old.permissions if old is not None and not old.link else None)


def _text(version: Version, failed: str) -> str:
    try:
        return version.content.decode()
    except UnicodeDecodeError as error:
        raise PatchError(
            f"{failed}: it is not valid UTF-8 (at byte {error.start}), so no patch can change it"
        ) from None


def _shown(version: Version) -> str:
    return version.content.decode(errors="replace")
