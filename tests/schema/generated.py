"""The JSON Schema of one released version, as its own binary writes it. Owns where it is kept; knows no message."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support import codex

Node = dict[str, Any]

VERSIONS = (codex.REFERENCE, codex.NEWEST)
"""The versions whose clients the conversations play."""

_WHOLE = "codex_app_server_protocol.schemas.json"
"""The file in which every definition stands."""


@functools.cache
def definitions(version: str) -> Node:
    """Every definition of this version; those of the v2 protocol stand under ``v2``. Its binary must be installed."""
    found: Node = json.loads((_folder(version) / _WHOLE).read_text(encoding="utf-8"))["definitions"]
    return found


def _folder(version: str) -> Path:
    """Where the binary wrote its schema; asked once for each build of it on this machine."""
    binary = Path(codex.binary(version))
    state = binary.stat()
    kept = Path(tempfile.gettempdir()) / f"threadcast-schema-{os.getuid()}"
    kept.mkdir(mode=0o700, exist_ok=True)
    folder = kept / f"{version}-{state.st_size}-{state.st_mtime_ns}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=kept) as made:
            command = [str(binary), "app-server", "generate-json-schema", "--experimental", "--out", made]
            subprocess.run(command, check=True, capture_output=True, timeout=60, env=os.environ | {"CODEX_HOME": made})
            Path(made).rename(folder)  # in one step: another session sees all of it or nothing
            Path(made).mkdir()
    return folder
