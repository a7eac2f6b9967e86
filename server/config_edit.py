"""Changes of ``config.toml`` as clients ask for them: what stands in the file stays as a person wrote it.

Owns: key paths, edits of a document, the writing of the file. Must not know: what a key means, requests, connections.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container, OutOfOrderTableProxy
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, Table

from protocol.config import ConfigEdit
from server.errors import ConfigError

_NEW_FILE = 0o600
_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^".]+?))\s*(\.|$)')
_INTEGERS = range(-(2**63), 2**63)

Place = AbstractTable | Container | OutOfOrderTableProxy


def parse_key_path(text: str) -> list[str]:
    """The keys of a dotted path, of which each may stand in quotes. Raises :class:`~server.errors.ConfigError`."""
    keys: list[str] = []
    at, more = 0, True
    while more:
        part = _PART.match(text, at)
        if part is None:
            raise ConfigError(f"keyPath `{text}` is not a list of keys with dots between them")
        quoted, bare, dot = part.groups()
        keys.append(bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        at, more = part.end(), dot == "."
    return keys


def edited(text: str, edits: Sequence[ConfigEdit]) -> str:
    """The text of a ``config.toml`` after these edits, all of them or none.

    Raises :class:`~server.errors.ConfigError` for what cannot be set and for a text that is no TOML.
    """
    try:
        document = tomlkit.parse(text)
        for edit in edits:
            _apply(document, parse_key_path(edit.key_path), edit)
        return tomlkit.dumps(document)
    except (TOMLKitError, RecursionError) as error:
        raise ConfigError(str(error)) from error


def _apply(document: Place, path: list[str], edit: ConfigEdit) -> None:
    place = document
    for at, key in enumerate(path[:-1]):
        if key not in place:
            if edit.value is None:
                return
            place[key] = tomlkit.table(is_super_table=at < len(path) - 2)
        below = place[key]
        if not isinstance(below, Place):
            raise ConfigError(f"`{edit.key_path}` cannot be set: `{key}` is no table")
        place = below
    _put(place, path[-1], edit.value, upsert=edit.merge_strategy == "upsert")


def _put(place: Place, key: str, value: Any, *, upsert: bool) -> None:
    if value is None:
        if key in place:
            del place[key]
        return
    _check(value)
    known = place.get(key)
    if upsert and isinstance(value, dict) and isinstance(known, Place):
        for name, member in value.items():
            _put(known, name, member, upsert=True)
    elif isinstance(value, dict):
        place[key] = _table(value)
    else:
        place[key] = value


def _table(members: dict[str, Any]) -> Table:
    table = tomlkit.table()
    plain = {key: value for key, value in members.items() if not isinstance(value, dict)}
    for key, value in (plain | members).items():  # TOML has what is no table first
        table.add(key, _table(value) if isinstance(value, dict) else value)
    return table


def _check(value: Any) -> None:
    match value:
        case None:
            raise ConfigError("a value holds null, which TOML cannot say")
        case bool():
            return
        case int() if value not in _INTEGERS:
            raise ConfigError(f"{value} is out of range")
        case dict():
            for member in value.values():
                _check(member)
        case list():
            for member in value:
                _check(member)
        case _:
            return


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other servers from changing the file meanwhile. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)  # the folder: the file is another one each time
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_file(path: Path, text: str) -> None:
    """Give the file this text, whole or not at all; its mode stays, and so does a link to it. Raises ``OSError``."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = target.stat().st_mode & 0o7777
    except FileNotFoundError:
        mode = _NEW_FILE
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
