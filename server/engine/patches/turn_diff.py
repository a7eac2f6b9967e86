"""What all patches of a turn changed together, as git would show it. Owns file contents at their first touch; no I/O.

Only patches are known here: what commands do to files is not in it, unless a patch touches the same file later.
"""

from __future__ import annotations

import hashlib

from server.engine.patches.diffs import unified
from server.engine.patches.plan import Plan, Version

_NO_OBJECT = "0" * 40
_CONTEXT = 3


class TurnDiff:
    """The difference between the files when the turn first touched them and now.

    ``root``: the folder that paths are relative to, without links: that of the git work tree, if there is one. Paths
    outside are absolute.
    """

    def __init__(self, root: str | None) -> None:
        self._root = root
        self._first: dict[str, Version | None] = {}
        self._now: dict[str, Version | None] = {}
        self._origins: dict[str, str] = {}
        self._told: str | None = ""

    def record(self, plan: Plan) -> None:
        """Add what this plan, which has been applied, did."""
        for path, write in plan.writes.items():
            self._first.setdefault(path, write.before)
            self._now[path] = write.after
        left = {path: self._origins.pop(path, path) for path in plan.moves.values()}
        for path, write in plan.writes.items():
            if write.before is None or write.after is None:
                self._origins.pop(path, None)
        self._origins.update((path, left[source]) for path, source in plan.moves.items())
        self._told = None

    def text(self) -> str:
        """The diff now, by path; empty when everything is as it was. Costs time only after a change."""
        if self._told is None:
            moved = {path: source for path, source in self._origins.items() if self._is_rename(path, source)}
            gone = set(moved.values())
            paths = sorted(path for path in self._now if path not in gone)
            self._told = "".join(self._section(moved.get(path, path), path) for path in paths)
        return self._told

    def _is_rename(self, path: str, source: str) -> bool:
        first = self._first.get(source)
        gone = first is not None and self._now.get(source) is None
        return gone and self._first[path] is None and self._now[path] is not None

    def _section(self, source: str, path: str) -> str:
        old, new = self._first[source], self._now[path]
        if old is not None and new is not None and old.link != new.link:  # to git a link is another kind of thing
            return self._difference(path, path, old, None) + self._difference(path, path, None, new)
        return self._difference(source, path, old, new)

    def _difference(self, source: str, path: str, old: Version | None, new: Version | None) -> str:
        same = old is new or (old is not None and new is not None and _alike(old, new))
        if source == path and same:
            return ""
        names = self._name("a", source), self._name("b", path)
        head = [f"diff --git {names[0]} {names[1]}", *_modes(old, new)]
        if source != path:
            head += [f"rename from {_quoted(self._relative(source))}", f"rename to {_quoted(self._relative(path))}"]
        if _content(old) == _content(new) and old is not None and new is not None:
            return _joined(head)
        mode = f" {new.git_mode()}" if old and new and old.git_mode() == new.git_mode() else ""
        head.append(f"index {_object_id(old)}..{_object_id(new)}{mode}")
        return _joined(head) + _body(old, new, names)

    def _relative(self, path: str) -> str:
        return path if self._root is None else path.removeprefix(self._root.rstrip("/") + "/")

    def _name(self, side: str, path: str) -> str:
        return _quoted(f"{side}/{self._relative(path)}")


def _alike(old: Version, new: Version) -> bool:
    return old.content == new.content and old.git_mode() == new.git_mode()


def _content(version: Version | None) -> bytes:
    return b"" if version is None else version.content


def _modes(old: Version | None, new: Version | None) -> list[str]:
    if old is None:
        return [f"new file mode {new.git_mode()}"] if new is not None else []
    if new is None:
        return [f"deleted file mode {old.git_mode()}"]
    changed = old.git_mode() != new.git_mode()
    return [f"old mode {old.git_mode()}", f"new mode {new.git_mode()}"] if changed else []


def _object_id(version: Version | None) -> str:
    """The name under which git would store this content."""
    if version is None:
        return _NO_OBJECT
    return hashlib.sha1(b"blob %d\0" % len(version.content) + version.content, usedforsecurity=False).hexdigest()


def _body(old: Version | None, new: Version | None, names: tuple[str, str]) -> str:
    before = names[0] if old is not None else "/dev/null"
    after = names[1] if new is not None else "/dev/null"
    try:
        hunks = unified(_content(old).decode(), _content(new).decode(), context=_CONTEXT)
    except UnicodeDecodeError:
        return f"Binary files {before} and {after} differ\n"
    return f"--- {_ended(before)}\n+++ {_ended(after)}\n{hunks}" if hunks else ""


def _ended(name: str) -> str:
    """A name with a blank in it ends at a tab."""
    return f"{name}\t" if " " in name and not name.startswith('"') else name


def _quoted(name: str) -> str:
    """A name as git writes it; letters of other alphabets stay readable."""
    if not any(char in '"\\' or char < " " or char == "\x7f" for char in name):
        return name
    plain = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
    odd = (char < " " or char == "\x7f" for char in name)
    return '"' + "".join(plain.get(c, f"\\{ord(c):03o}" if o else c) for c, o in zip(name, odd, strict=True)) + '"'


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
