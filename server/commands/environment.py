"""Which variables a command sees. Pure; knows no process."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from server.config_keys import ShellEnvironmentPolicy
from server.providers.settings import ProviderConfig

CORE = frozenset({"HOME", "LOGNAME", "PATH", "SHELL", "USER", "USERNAME", "TMPDIR", "TEMP", "TMP"})
"""What ``inherit = "core"`` keeps."""

SECRETS = ("*KEY*", "*SECRET*", "*TOKEN*")
"""What is left out where the defaults are not ignored."""

OWN = "THREADCAST_"
"""How the server's own variables begin; one of them may be a client's token."""


FOR_MODELS = {
    "NO_COLOR": "1",
    "TERM": "dumb",
    "LANG": "C.UTF-8",
    "LC_CTYPE": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "COLORTERM": "",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GH_PAGER": "cat",
    "CODEX_CI": "1",
}
"""What makes a command's output readable for a model: no colours, no pages, one language and encoding."""

THREAD_ID = "CODEX_THREAD_ID"
"""In which variable a command finds the id of its thread."""


def for_model(seen: Mapping[str, str], thread_id: str) -> dict[str, str]:
    """The same for a command that a model runs."""
    return {**seen, THREAD_ID: thread_id, **FOR_MODELS}


def keys_of(providers: Iterable[ProviderConfig]) -> frozenset[str]:
    """The variables in which the keys of these providers stand."""
    names = set[str]()
    for provider in providers:
        names.update(provider.env_http_headers.values(), [provider.env_key] if provider.env_key else [])
    return frozenset(names)


def environment(
    policy: ShellEnvironmentPolicy, inherited: Mapping[str, str], hidden: Collection[str] = ()
) -> dict[str, str]:
    """What a command sees of what the server sees. Names are compared without regard to case.

    ``hidden`` names, and the server's own, are never passed on, unless the policy itself sets them.
    """
    seen = {name: value for name, value in inherited.items() if name not in hidden and not name.startswith(OWN)}
    if policy.inherit != "all":
        seen = {name: value for name, value in seen.items() if policy.inherit == "core" and name.upper() in CORE}
    excluded = policy.exclude if policy.ignore_default_excludes else [*SECRETS, *policy.exclude]
    seen = {name: value for name, value in seen.items() if not _matches(name, excluded)} | policy.set
    if policy.include_only:
        seen = {name: value for name, value in seen.items() if _matches(name, policy.include_only)}
    return seen


def changed(seen: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """The same with what a request changes; null takes a variable away."""
    merged: dict[str, str | None] = {**seen, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
