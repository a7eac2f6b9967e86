"""The id of this installation, which every request to a model carries. Must not know: requests, configuration."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4


def installation_id(codex_home: Path) -> str:
    """The UUID in ``CODEX_HOME/installation_id``; a file that is missing or holds something else is written anew.

    An unwritable directory is no obstacle: the id then lives as long as the process.
    """
    path = codex_home / "installation_id"
    try:
        return str(UUID(path.read_text(encoding="utf-8").strip()))
    except (OSError, ValueError):
        fresh = str(uuid4())
    with suppress(OSError):
        codex_home.mkdir(parents=True, exist_ok=True)
        path.write_text(fresh, encoding="utf-8")
    return fresh
