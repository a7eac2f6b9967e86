"""Where the clients of others are installed for the tests, and how: ``python -m tests.sdks.environments`` does it.

Each Python client has an environment of its own: they want different versions of Python and of the same libraries.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support import codex

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON_CLIENTS = ("openai-codex", "codex-app-server-client", "codex-python-sdk", "codex-app-server-sdk", "codex-python")
NODE = "node"

NEEDS_3_12 = frozenset({"codex-app-server-sdk", "codex-python"})
_NEWER = ("python3.14", "python3.13", "python3.12")


def folder(name: str) -> Path:
    """The environment of this client, installed or not."""
    return codex.folder("sdks") / name


def group(name: str) -> str:
    """Its dependency group in pyproject.toml."""
    return f"sdk-{name}"


def python(name: str) -> Path:
    """The interpreter of a Python client."""
    return folder(name) / "bin" / "python"


def left_out(name: str) -> str | None:
    """Why this client cannot be installed here, as no package manager of the system has what it needs; else None."""
    if name not in NEEDS_3_12 or (folder(name) / ".ready").exists() or _interpreter(name) is not None:
        return None
    return f"{name} needs Python 3.12 or newer, and none was found"


def missing(name: str) -> str | None:
    """Why tests with this client cannot run here, or None if they can."""
    if name == NODE and shutil.which("node") is None:
        return "node is not installed; run: apt-get install nodejs npm"
    return None if (folder(name) / ".ready").exists() else f"{name} is not installed; run: make sdks"


def install(name: str) -> None:
    """Install one client, unless it is there in the versions that are asked for now."""
    wanted = _wanted(name)
    ready = folder(name) / ".ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    if name == NODE:
        folder(name).mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", folder(name))
        _run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder(name)))
    else:
        interpreter = _interpreter(name)
        if interpreter is None:
            raise FileNotFoundError(f"{name} needs Python 3.12 or newer")
        _run(interpreter, "-m", "venv", "--clear", str(folder(name)))
        pip = (str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*pip, *json.loads(wanted))
    ready.write_text(wanted)


def _wanted(name: str) -> str:
    if name == NODE:
        return (HERE / "package.json").read_text()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return json.dumps(groups[group(name)])


def _interpreter(name: str) -> str | None:
    """A Python that this client runs on; None if there is none."""
    if name not in NEEDS_3_12 or sys.version_info >= (3, 12):
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    paths = [shutil.which(each) for each in _NEWER]
    paths += [str(path) for each in _NEWER for path in sorted(versions.glob(f"*/bin/{each}"))]
    # A shim of pyenv is found on the path for versions that are not chosen, too; those do not run.
    return next((path for path in paths if path and _runs(path)), None)


def _runs(path: str) -> bool:
    return subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    for each in (*PYTHON_CLIENTS, NODE):
        if reason := left_out(each):
            sys.stderr.write(f"left out: {reason}\n")
        else:
            install(each)
