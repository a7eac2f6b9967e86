"""The released Codex binaries: where they are, what to do when they are not, and the settings they need in tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

REFERENCE = "0.125.0"
"""The version whose behaviour we keep."""

NEWEST = "0.169.0"
"""The newest version that we measure beside."""

BETWEEN = ("0.147.0", "0.166.0")
"""The two that were npm's ``latest`` for longest in between, and so are the most used."""

VERSIONS = (REFERENCE, *BETWEEN, NEWEST)
"""Whose TUIs are tested against our server, oldest first. ``.ci/run`` installs them."""


def folder(version: str) -> Path:
    """Where npm installs this version for the tests."""
    given = os.environ.get("THREADCAST_CODEX_CACHE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(given).absolute() if given else cache / "threadcast-codex") / version


def find(version: str) -> Path | None:
    """The native binary of this version, or None if it is not installed."""
    packages = folder(version) / "node_modules" / "@openai"
    found = (path for path in packages.glob("*/vendor/**/codex") if path.is_file() and os.access(path, os.X_OK))
    return next(found, None)


def binary(version: str) -> str:
    """The native binary of this version, which must be installed."""
    found = find(version)
    if found is None:
        raise FileNotFoundError(how_to_install(version))
    return str(found)


def how_to_install(version: str) -> str:
    """What to tell one who does not have this version."""
    return (
        f"codex {version} is not installed; run: "
        f"npm install --no-fund --no-audit --prefix {folder(version)} @openai/codex@{version}"
    )


def missing(*versions: str) -> str | None:
    """Why tests of these versions and of the TUI cannot run here, or None if they can."""
    lacking = [how_to_install(version) for version in versions if find(version) is None]
    if shutil.which("tmux") is None:
        lacking.append("tmux is not installed; run: apt-get install tmux")
    return "; ".join(lacking) or None


def write_config(
    home: Path, model_url: str, *, trusted: Path | None = None, window: int | None = None, policy: str = "never"
) -> None:
    """Make ``home`` a CODEX_HOME whose model is at ``model_url``. ``trusted``: a folder to ask no questions about;
    ``policy``: when to ask about commands."""
    home.mkdir(parents=True, exist_ok=True)
    trust = f'[projects."{trusted}"]\ntrust_level = "trusted"\n' if trusted else ""
    context = f"model_context_window = {window}\n" if window else ""
    (home / "config.toml").write_text(f"""\
model = "test-model"
model_provider = "test"
approval_policy = "{policy}"
sandbox_mode = "read-only"
check_for_update_on_startup = false
disable_paste_burst = true
{context}
[analytics]
enabled = false

[features]
shell_snapshot = false
plugins = false
apps = false

[model_providers.test]
name = "Test"
base_url = "{model_url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false

{trust}""")
