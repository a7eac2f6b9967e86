"""Settings that a project brings along: ``.codex/config.toml`` of each folder from its root to a working directory.

They count where the user has said that the project is trusted, and never say where requests go or which command runs
beside a turn: that is not for what somebody checked out. Must not know: requests, connections, threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from server.config_keys import ConfigWarning, keep_valid, read_toml
from server.repository import work_tree

FOLDER = ".codex"

_NOT_THE_PROJECTS = frozenset(
    {
        "model_provider",
        "model_providers",
        "openai_base_url",
        "chatgpt_base_url",
        "profile",
        "profiles",
        "projects",
        "notify",
        "otel",
    }
)
"""Keys that a project cannot set."""


class ProjectLayer(NamedTuple):
    """What one folder's file says. ``disabled``: why it does not count; null if it does."""

    folder: Path
    table: dict[str, Any]
    warnings: list[ConfigWarning]
    disabled: str | None


def project_layers(cwd: Path, projects: Mapping[str, Mapping[str, Any]], codex_home: Path) -> list[ProjectLayer]:
    """The layers that hold at an absolute ``cwd``, the lowest first. ``projects``: trust levels by folder."""
    root = work_tree(cwd) or cwd
    disabled = _reason(trust_level(projects, cwd), root, codex_home)
    layers: list[ProjectLayer] = []
    for folder in _down(root, cwd):
        if folder / FOLDER == codex_home:  # the user's own file, which is a layer already
            continue
        path = folder / FOLDER / "config.toml"
        raw, unread = read_toml(path)
        table, ignored = keep_valid({key: raw[key] for key in raw.keys() - _NOT_THE_PROJECTS}, path)
        if table or unread or ignored:
            layers.append(ProjectLayer(folder / FOLDER, table, [*unread, *ignored], disabled))
    return layers


def trusted_folders(cwd: Path, projects: Mapping[str, Mapping[str, Any]], codex_home: Path) -> list[Path]:
    """The ``.codex`` folders that count at an absolute ``cwd``, the lowest first; none where nobody trusts it."""
    if trust_level(projects, cwd) != "trusted":
        return []
    folders = (folder / FOLDER for folder in _down(work_tree(cwd) or cwd, cwd))
    return [folder for folder in folders if folder != codex_home]


def trust_level(projects: Mapping[str, Mapping[str, Any]], cwd: Path) -> str | None:
    """What the user said of the folder itself, else of the work tree around it; null if nothing."""
    for folder in (cwd, work_tree(cwd)):
        if folder is not None and (level := projects.get(str(folder), {}).get("trust_level")) is not None:
            return str(level)
    return None


def _reason(trust: str | None, root: Path, codex_home: Path) -> str | None:
    if trust == "trusted":
        return None
    said = "is marked as untrusted" if trust else "is not marked as trusted"
    return f"{root} {said} in {codex_home / 'config.toml'}, so its settings do not count."


def _down(root: Path, cwd: Path) -> Iterator[Path]:
    """The folders from the root down to this one."""
    above = [folder for folder in (cwd, *cwd.parents) if folder.is_relative_to(root)]
    yield from reversed(above)
