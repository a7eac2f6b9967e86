"""The browser that tests drive: where it is, and what to do when it is not there."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

AXE_VERSION = "4"


def binary() -> str | None:
    """The system's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def axe() -> Path:
    """The script of axe-core, where npm puts it for the tests; ``.ci/run`` does so."""
    given = os.environ.get("THREADCAST_AXE_CACHE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "threadcast-axe"
    return (Path(given).absolute() if given else cache) / "node_modules" / "axe-core" / "axe.min.js"


def missing() -> str | None:
    """Why tests in a browser cannot run here, or None if they can."""
    lacking: list[str] = []
    if binary() is None:
        lacking.append("chromium is not installed; run: apt-get install chromium")
    if importlib.util.find_spec("playwright") is None:
        lacking.append("playwright is not installed; run: pip install --group dev")
    if not axe().is_file():
        folder = axe().parents[2]
        lacking.append(f"axe-core is not installed; run: npm install --prefix {folder} axe-core@{AXE_VERSION}")
    return "; ".join(lacking) or None


def missing_node() -> str | None:
    """Why the page's modules cannot be tested by themselves, or None if they can."""
    return None if shutil.which("node") else "node is not installed; run: apt-get install nodejs"
