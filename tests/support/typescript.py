"""The TypeScript compiler for the tests: where it is, and what to do when it is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import codex


def compiler() -> Path:
    """The program of ``tsc``, for node; there if :func:`missing` says nothing."""
    return codex.folder("typescript") / "node_modules" / "typescript" / "lib" / "tsc.js"


def missing() -> str | None:
    """Why tests with it cannot run here, or None if they can."""
    if shutil.which("node") is None:
        return "node is not installed; run: apt-get install nodejs npm"
    if not compiler().exists():
        folder = codex.folder("typescript")
        return f"typescript is not installed; run: npm install --no-fund --no-audit --prefix {folder} typescript@5"
    return None
