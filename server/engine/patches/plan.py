"""What a patch will do to the disk, and how that is shown and kept. Values only; reads and writes nothing."""

from __future__ import annotations

from typing import Any, Literal

from protocol.item import FileUpdateChange
from protocol.wire import Record
from rollout.mapping import changed_file


class Version(Record):
    """What is at a path: the bytes of a file, or where a link leads.

    ``permissions`` are the bits of its mode; None for a new file, which gets what the system gives new files.
    """

    content: bytes
    permissions: int | None = None
    link: bool = False

    def git_mode(self) -> str:
        """The mode as git writes it."""
        if self.link:
            return "120000"
        return "100755" if (self.permissions or 0) & 0o100 else "100644"


class Change(Record):
    """What clients and people who approve see of one file.

    ``diff``: the whole content of a file that comes or goes, else unified hunks with one line of context and no header.
    ``move_path`` is absolute.
    """

    kind: Literal["add", "delete", "update"]
    diff: str
    move_path: str | None = None

    def stored(self) -> dict[str, Any]:
        """The durable form, as in ``patch_apply_end``."""
        if self.kind == "update":
            return {"type": "update", "unified_diff": self.diff, "move_path": self.move_path}
        return {"type": self.kind, "content": self.diff}


class Write(Record):
    """One path of the disk, absolute and without links: what was there, what shall be. None: nothing."""

    before: Version | None
    after: Version | None


class Plan(Record):
    """A patch that was found to fit.

    ``changes``: by absolute path as the patch means it, sorted. ``writes``: by the path that is really written, which
    differs from it behind a link. ``moves``: of these paths, new to old. ``environment``: the one the patch names.
    """

    changes: dict[str, Change]
    writes: dict[str, Write]
    moves: dict[str, str]
    report: str
    environment: str | None = None

    def wire(self) -> list[FileUpdateChange]:
        """The ``changes`` of a fileChange item."""
        return [changed_file(path, change.stored()) for path, change in self.changes.items()]

    def stored(self) -> dict[str, dict[str, Any]]:
        """The ``changes`` of a ``patch_apply_end``."""
        return {path: change.stored() for path, change in self.changes.items()}
